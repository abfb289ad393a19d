//! `traefik.ingress.kubernetes.io/…`: keys without regard to case, values as text.

use std::collections::BTreeMap;
use std::str::FromStr;

use document::Problem;
use dynamic::http::{Domain, Observability, Router, RouterTls, TraceVerbosity};
use service::load_balancer::{Cookie, Sticky};

const PREFIX: &str = "traefik.ingress.kubernetes.io/";

/// What an Ingress says of its routers.
#[derive(Clone, Debug, Default)]
pub(super) struct RouterSettings {
    pub(super) entry_points: Vec<String>,
    pub(super) middlewares: Vec<String>,
    pub(super) priority: i64,
    pub(super) rule_syntax: String,
    pub(super) path_matcher: Option<String>,
    pub(super) tls: Option<Box<RouterTls>>,
    pub(super) observability: Option<Observability>,
}

/// What a Service says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceSettings {
    pub(super) scheme: String,
    pub(super) servers_transport: String,
    pub(super) pass_host_header: Option<bool>,
    pub(super) middlewares: Vec<String>,
    pub(super) native_lb: Option<bool>,
    pub(super) node_port_lb: bool,
    pub(super) sticky: Option<Sticky>,
}

const ROUTER_KEYS: [&str; 14] = [
    "router.entrypoints",
    "router.middlewares",
    "router.priority",
    "router.rulesyntax",
    "router.pathmatcher",
    "router.tls",
    "router.tls.certresolver",
    "router.tls.options",
    "router.tls.domains.0.main",
    "router.tls.domains.0.sans",
    "router.observability.accesslogs",
    "router.observability.metrics",
    "router.observability.tracing",
    "router.observability.traceverbosity",
];

const SERVICE_KEYS: [&str; 14] = [
    "service.serversscheme",
    "service.serverstransport",
    "service.passhostheader",
    "service.middlewares",
    "service.nativelb",
    "service.nodeportlb",
    "service.sticky.cookie",
    "service.sticky.cookie.name",
    "service.sticky.cookie.secure",
    "service.sticky.cookie.httponly",
    "service.sticky.cookie.samesite",
    "service.sticky.cookie.maxage",
    "service.sticky.cookie.path",
    "service.sticky.cookie.domain",
];

impl RouterSettings {
    /// A router without rule and service.
    pub(super) fn router(&self) -> Router {
        Router {
            entry_points: self.entry_points.clone(),
            middlewares: self.middlewares.clone(),
            priority: self.priority,
            rule_syntax: self.rule_syntax.clone(),
            tls: self.tls.clone(),
            observability: self.observability.clone(),
            ..Router::default()
        }
    }
}

/// The annotations of an Ingress. Unknown ones are warnings.
// Traefik: passes over the whole object because of an annotation that it does not know.
pub(super) fn router(
    annotations: &BTreeMap<String, String>,
) -> Result<(RouterSettings, Vec<Problem>), Problem> {
    let mut settings = RouterSettings::default();
    let mut domains: BTreeMap<usize, Domain> = BTreeMap::new();
    let mut warnings = Vec::new();
    for (written, key, value) in ours(annotations) {
        let place = |problem: Problem| problem.with_path(format!("metadata.annotations.{written}"));
        match key.as_str() {
            "router.entrypoints" => settings.entry_points = items(value),
            "router.middlewares" => settings.middlewares = items(value),
            "router.priority" => settings.priority = parse(value, "a number").map_err(place)?,
            "router.rulesyntax" => value.clone_into(&mut settings.rule_syntax),
            "router.pathmatcher" => settings.path_matcher = Some(value.to_owned()),
            "router.tls" => {
                if boolean(value).map_err(place)? {
                    settings.tls.get_or_insert_default();
                }
            }
            "router.tls.certresolver" => {
                value.clone_into(&mut settings.tls.get_or_insert_default().cert_resolver)
            }
            "router.tls.options" => value.clone_into(&mut settings.tls.get_or_insert_default().options),
            _ if key.starts_with("router.observability.") => {
                let observability = settings.observability.get_or_insert_default();
                if !observe(observability, &key, value).map_err(place)? {
                    warnings.push(place(unknown(&key, &ROUTER_KEYS)));
                }
            }
            _ => match domain(&key) {
                Some((number, part)) => {
                    let domain = domains.entry(number).or_default();
                    match part {
                        "main" => value.clone_into(&mut domain.main),
                        _ => domain.sans = items(value),
                    }
                }
                None => warnings.push(place(unknown(&key, &ROUTER_KEYS))),
            },
        }
    }
    if !domains.is_empty() {
        settings.tls.get_or_insert_default().domains = domains.into_values().collect();
    }
    Ok((settings, warnings))
}

/// `router.tls.domains.<n>.main` and `.sans`.
fn domain(key: &str) -> Option<(usize, &str)> {
    let rest = key.strip_prefix("router.tls.domains")?;
    let rest = rest.trim_start_matches(['.', '[']);
    let (number, part) = rest.split_once('.')?;
    let number = number.trim_end_matches(']').parse().ok()?;
    matches!(part, "main" | "sans").then_some((number, part))
}

fn observe(observability: &mut Observability, key: &str, value: &str) -> Result<bool, Problem> {
    match key {
        "router.observability.accesslogs" => observability.access_logs = Some(boolean(value)?),
        "router.observability.metrics" => observability.metrics = Some(boolean(value)?),
        "router.observability.tracing" => observability.tracing = Some(boolean(value)?),
        "router.observability.traceverbosity" => {
            observability.trace_verbosity = Some(match value {
                "minimal" => TraceVerbosity::Minimal,
                "detailed" => TraceVerbosity::Detailed,
                _ => return Err(invalid(value, "`minimal` or `detailed`")),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The annotations of a Service.
pub(super) fn service(
    annotations: &BTreeMap<String, String>,
) -> Result<(ServiceSettings, Vec<Problem>), Problem> {
    let mut settings = ServiceSettings::default();
    let mut warnings = Vec::new();
    for (written, key, value) in ours(annotations) {
        let place = |problem: Problem| problem.with_path(format!("metadata.annotations.{written}"));
        match key.as_str() {
            "service.serversscheme" => value.clone_into(&mut settings.scheme),
            "service.serverstransport" => value.clone_into(&mut settings.servers_transport),
            "service.passhostheader" => settings.pass_host_header = Some(boolean(value).map_err(place)?),
            "service.middlewares" => settings.middlewares = items(value),
            "service.nativelb" => settings.native_lb = Some(boolean(value).map_err(place)?),
            "service.nodeportlb" => settings.node_port_lb = boolean(value).map_err(place)?,
            _ if key.starts_with("service.sticky.") => {
                let cookie = settings.sticky.get_or_insert_default();
                if !stick(cookie, &key, value).map_err(place)? {
                    warnings.push(place(unknown(&key, &SERVICE_KEYS)));
                }
            }
            _ => warnings.push(place(unknown(&key, &SERVICE_KEYS))),
        }
    }
    settings.sticky = settings.sticky.filter(|sticky| sticky.cookie.is_some());
    Ok((settings, warnings))
}

fn stick(sticky: &mut Sticky, key: &str, value: &str) -> Result<bool, Problem> {
    if key == "service.sticky.cookie" {
        if boolean(value)? {
            sticky.cookie.get_or_insert_with(Cookie::default);
        }
        return Ok(true);
    }
    let Some(part) = key.strip_prefix("service.sticky.cookie.") else {
        return Ok(false);
    };
    let cookie = sticky.cookie.get_or_insert_with(Cookie::default);
    match part {
        "name" => value.clone_into(&mut cookie.name),
        "secure" => cookie.secure = boolean(value)?,
        "httponly" => cookie.http_only = boolean(value)?,
        "samesite" => value.clone_into(&mut cookie.same_site),
        "maxage" => cookie.max_age = parse(value, "a number")?,
        "path" => cookie.path = Some(value.to_owned()),
        "domain" => value.clone_into(&mut cookie.domain),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Annotations below the prefix: as written, in lower case, and the value.
fn ours(annotations: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, String, &str)> {
    annotations.iter().filter_map(|(written, value)| {
        let key = written.strip_prefix(PREFIX)?.to_ascii_lowercase();
        Some((written.as_str(), key, value.trim()))
    })
}

fn items(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// As Go's `ParseBool`.
fn boolean(value: &str) -> Result<bool, Problem> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(invalid(value, "`true` or `false`")),
    }
}

fn parse<T: FromStr>(value: &str, wanted: &str) -> Result<T, Problem> {
    value.parse().map_err(|_invalid| invalid(value, wanted))
}

fn invalid(value: &str, wanted: &str) -> Problem {
    Problem::error("invalid_value", format_args!("`{value}` is not {wanted}"))
}

fn unknown(key: &str, known: &[&str]) -> Problem {
    Problem::warning("unknown_annotation", format_args!("unknown annotation `{PREFIX}{key}`"))
        .did_you_mean(document::name::nearest(key, known.iter().copied()))
}
