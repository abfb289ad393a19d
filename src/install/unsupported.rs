//! What Traefik has and Portcullis has not: each named for what it is, instead of as an unknown key.
//!
//! Where its absence loses no request and opens nothing it is a warning, else the start is refused.

use document::name::nearest;
use document::schema::UNKNOWN_KEY;
use document::{Kind, Member, Origin, Place, Problem, Value};

/// What becomes of an option, whose path has `*` for any key.
struct Unsupported {
    path: &'static str,
    verdict: Verdict,
    message: &'static str,
    hint: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Left out with an error.
    Refuse,
    /// Left out with a warning.
    Warn,
    /// Read, with a warning if it is on.
    WarnIfOn,
    /// Read, refused if it is on.
    RefuseIfOn,
}

use Verdict::{Refuse, RefuseIfOn, Warn, WarnIfOn};

const fn entry(path: &'static str, verdict: Verdict, message: &'static str) -> Unsupported {
    Unsupported { path, verdict, message, hint: "" }
}

const fn hinted(
    path: &'static str,
    verdict: Verdict,
    message: &'static str,
    hint: &'static str,
) -> Unsupported {
    Unsupported { path, verdict, message, hint }
}

const MANIFESTS: &str = "Kubernetes objects can be read from files with `providers.manifests`";

const TABLE: &[Unsupported] = &[
    // Providers: without one, its routes are lost.
    entry("providers.docker", Refuse, "the provider Docker is not supported"),
    entry("providers.swarm", Refuse, "the provider Docker Swarm is not supported"),
    entry("providers.consul", Refuse, "the provider Consul is not supported"),
    entry("providers.consulCatalog", Refuse, "the provider Consul Catalog is not supported"),
    entry("providers.nomad", Refuse, "the provider Nomad is not supported"),
    entry("providers.ecs", Refuse, "the provider ECS is not supported"),
    entry("providers.etcd", Refuse, "the provider etcd is not supported"),
    entry("providers.zooKeeper", Refuse, "the provider ZooKeeper is not supported"),
    entry("providers.redis", Refuse, "the provider Redis is not supported"),
    entry("providers.http", Refuse, "the provider HTTP is not supported"),
    entry("providers.rest", Refuse, "the provider REST is not supported"),
    entry("providers.knative", Refuse, "the provider Knative is not supported"),
    entry("providers.plugin", Refuse, "plugins are not supported"),
    hinted("providers.kubernetesCRD", Refuse, "the provider Kubernetes CRD is not built yet", MANIFESTS),
    hinted(
        "providers.kubernetesIngress",
        Refuse,
        "the provider Kubernetes Ingress is not built yet",
        MANIFESTS,
    ),
    hinted(
        "providers.kubernetesIngressNGINX",
        Refuse,
        "the provider Kubernetes Ingress NGINX is not built yet",
        MANIFESTS,
    ),
    hinted(
        "providers.kubernetesGateway",
        Refuse,
        "the provider Kubernetes Gateway is not built yet",
        MANIFESTS,
    ),
    entry(
        "providers.file.debugLogGeneratedTemplate",
        WarnIfOn,
        "`debugLogGeneratedTemplate` has no effect: there are no templates",
    ),
    // Traffic.
    entry("entryPoints.*.proxyProtocol", Refuse, "the PROXY protocol is not built yet"),
    entry("entryPoints.*.http3", Warn, "HTTP/3 is not built yet: HTTP/1.1 and HTTP/2 are served"),
    entry(
        "entryPoints.*.http2.maxEncoderHeaderTableSize",
        WarnIfOn,
        "`maxEncoderHeaderTableSize` has no effect",
    ),
    entry(
        "entryPoints.*.allowACMEByPass",
        WarnIfOn,
        "`allowACMEByPass` has no effect: certificates are not issued yet",
    ),
    entry("entryPoints.*.udp.timeout", WarnIfOn, "`udp.timeout` has no effect: UDP is not served yet"),
    entry("hostResolver.cnameFlattening", RefuseIfOn, "`cnameFlattening` is not built yet"),
    entry(
        "hostResolver.resolvConfig",
        WarnIfOn,
        "`resolvConfig` has no effect: it belongs to `cnameFlattening`, which is not built yet",
    ),
    entry(
        "hostResolver.resolvDepth",
        WarnIfOn,
        "`resolvDepth` has no effect: it belongs to `cnameFlattening`, which is not built yet",
    ),
    entry("serversTransport.spiffe", Refuse, "SPIFFE is not supported"),
    entry("tcpServersTransport.tls.spiffe", Refuse, "SPIFFE is not supported"),
    entry("spiffe", Refuse, "SPIFFE is not supported"),
    entry("tcpServersTransport", WarnIfOn, "`tcpServersTransport` has no effect: TCP is not served yet"),
    entry("cluster.secret", WarnIfOn, "`cluster.secret` has no effect yet: nothing is derived from it"),
    entry(
        "certificatesResolvers",
        Warn,
        "certificates are not issued yet: routers that name a resolver serve with the certificates at hand",
    ),
    entry("ocsp", Warn, "OCSP stapling is not built yet"),
    entry("stores", Refuse, "shared stores are not built yet"),
    // Seen by the operator.
    entry("tracing", Warn, "tracing is not built yet"),
    entry("metrics.otlp", Warn, "metrics are not pushed yet: `metrics.prometheus` is served"),
    entry("metrics.datadog", Warn, "metrics are not pushed yet: `metrics.prometheus` is served"),
    entry("metrics.statsD", Warn, "metrics are not pushed yet: `metrics.prometheus` is served"),
    entry("metrics.influxDB2", Warn, "metrics are not pushed yet: `metrics.prometheus` is served"),
    entry("log.otlp", Warn, "logs are not sent by OTLP yet"),
    entry("accessLog.otlp", Warn, "access logs are not sent by OTLP yet"),
    entry("accessLog.dualOutput", Warn, "`dualOutput` has no effect: access logs are not sent by OTLP yet"),
    entry("api.dashboard", WarnIfOn, "the dashboard is not built yet"),
    entry("api.debug", WarnIfOn, "`/debug` is not built yet"),
    entry("global.checkNewVersion", WarnIfOn, "`checkNewVersion` has no effect"),
    entry("global.sendAnonymousUsage", WarnIfOn, "`sendAnonymousUsage` has no effect"),
    // Experiments.
    entry("experimental.plugins", Refuse, "plugins are not supported"),
    entry("experimental.localPlugins", Refuse, "plugins are not supported"),
    entry("experimental.abortOnPluginFailure", Warn, "plugins are not supported"),
    entry("experimental.fastProxy", Warn, "`fastProxy` has no effect"),
    entry("experimental.knative", Warn, "the provider Knative is not supported"),
    entry("experimental.otlpLogs", Warn, "logs are not sent by OTLP yet"),
    // Left over from Traefik v2, which v3 refuses as well.
    hinted(
        "experimental.http3",
        Refuse,
        "`experimental.http3` is of Traefik v2",
        "HTTP/3 is switched on with `entryPoints.<name>.http3`",
    ),
    hinted(
        "experimental.kubernetesGateway",
        Refuse,
        "`experimental.kubernetesGateway` is of Traefik v2",
        "remove it",
    ),
    hinted("pilot", Refuse, "`pilot` is of Traefik v2", "remove it"),
    entry("providers.marathon", Refuse, "the provider Marathon is not supported"),
    entry("providers.rancher", Refuse, "the provider Rancher is not supported"),
    hinted("metrics.influxDB", Refuse, "`metrics.influxDB` is of Traefik v2", "use `metrics.prometheus`"),
];

/// Takes what is not supported out of the document, and names it.
pub(super) fn strip(document: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for unsupported in TABLE {
        let keys: Vec<&str> = unsupported.path.split('.').collect();
        apply(document, &keys, "", unsupported, &mut problems);
    }
    problems.extend(experiments(document));
    problems
}

/// `experimental` holds switches only, and each known one has been named.
fn experiments(document: &mut Value) -> Vec<Problem> {
    const SECTION: &str = "experimental";
    let Kind::Mapping(members) = &mut document.kind else { return Vec::new() };
    let mut unknown = Vec::new();
    members.retain(|member| {
        if !member.key.eq_ignore_ascii_case(SECTION) {
            return true;
        }
        for switch in member.value.members().iter().filter(|switch| !is_known(&switch.key)) {
            let known = TABLE.iter().filter_map(|known| known.path.strip_prefix("experimental."));
            let message = format!("unknown key `{}`", switch.key);
            let problem = Problem::error(UNKNOWN_KEY, message).did_you_mean(nearest(&switch.key, known));
            unknown.push(problem.with_path(SECTION).at(place(switch.key_place)));
        }
        !(member.value.is_null() || matches!(member.value.kind, Kind::Mapping(_)))
    });
    unknown
}

/// Is it in the table, and switched off?
fn is_known(switch: &str) -> bool {
    let mut known = TABLE.iter().filter_map(|known| known.path.strip_prefix("experimental."));
    known.any(|known| known.eq_ignore_ascii_case(switch))
}

fn apply(
    value: &mut Value,
    keys: &[&str],
    path: &str,
    unsupported: &Unsupported,
    problems: &mut Vec<Problem>,
) {
    let (Kind::Mapping(members), Some((key, rest))) = (&mut value.kind, keys.split_first()) else {
        return;
    };
    let mut index = 0;
    while let Some(member) = members.get_mut(index) {
        index += 1;
        if *key != "*" && !member.key.eq_ignore_ascii_case(key) {
            continue;
        }
        let name = if *key == "*" { member.key.clone() } else { (*key).to_owned() };
        let path = document::problem::join(path, &name);
        if !rest.is_empty() {
            apply(&mut member.value, rest, &path, unsupported, problems);
            continue;
        }
        if is_off(&member.value) && unsupported.verdict != Refuse {
            // Switched off in so many words: nothing to say; what is not in the document must go all the same.
            if unsupported.verdict == Warn {
                index -= 1;
                members.remove(index);
            }
            continue;
        }
        problems.push(problem(unsupported, member, path));
        if matches!(unsupported.verdict, Refuse | Warn) {
            index -= 1;
            members.remove(index);
        }
    }
}

fn is_off(value: &Value) -> bool {
    match &value.kind {
        Kind::Bool(on) => !on,
        Kind::String(text) => matches!(text.as_str(), "false" | "False" | "FALSE" | "f" | "F" | "0"),
        Kind::Null => true,
        Kind::Integer(_) | Kind::Float { .. } | Kind::Sequence(_) | Kind::Mapping(_) => false,
    }
}

fn problem(unsupported: &Unsupported, member: &Member, path: String) -> Problem {
    let problem = match unsupported.verdict {
        Refuse | RefuseIfOn => Problem::error("unsupported", unsupported.message),
        Warn | WarnIfOn => Problem::warning("unsupported", unsupported.message),
    };
    let problem = problem.with_path(path).at(place(member.key_place));
    if unsupported.hint.is_empty() { problem } else { problem.hint(unsupported.hint) }
}

fn place(place: Place) -> Origin {
    Origin::File {
        path: String::new(),
        line: place.line,
        column: place.column,
        width: place.width,
        excerpt: None,
    }
}
