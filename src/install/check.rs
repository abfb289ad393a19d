//! What the sections say about each other, once each is right by itself.

use document::Problem;
use document::name::nearest;
use entrypoint::address::Address;

use super::{INTERNAL_ENTRY_POINT, Install, RuleSyntax};

/// Everything that is wrong. Key paths are those of the whole document.
pub(super) fn check(install: &Install) -> Vec<Problem> {
    let mut problems = Vec::new();
    entry_points(install, &mut problems);
    problems.extend(install.providers.check().into_iter().map(|problem| problem.under("providers")));
    problems.extend(transport(&install.servers_transport));
    if let Some(api) = &install.api {
        problems.extend(api.check().into_iter().map(|problem| problem.under("api")));
    }
    if let Some(ping) = &install.ping {
        problems.extend(ping.check().map(|problem| problem.under("ping")));
        if !ping.manual_routing {
            problems.extend(known(install, &ping.entry_point, "ping.entryPoint"));
        }
    }
    if let Some(prometheus) = install.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref()) {
        problems.extend(prometheus.check().into_iter().map(|problem| problem.under("metrics.prometheus")));
        if !prometheus.manual_routing {
            problems.extend(known(install, &prometheus.entry_point, "metrics.prometheus.entryPoint"));
        }
    }
    if let Some(access_log) = &install.access_log {
        problems.extend(access_log.check().into_iter().map(|problem| problem.under("accessLog")));
    }
    // Traefik: still reads its older language. Read as `v3`, a rule may match other requests than it was meant to.
    if install.core.default_rule_syntax == RuleSyntax::V2 {
        let message = "the rule language `v2` is not supported";
        let problem = Problem::error("unsupported", message).with_path("core.defaultRuleSyntax");
        problems.push(problem.hint("write the rules in the language `v3`, and remove `defaultRuleSyntax`"));
    }
    problems
}

/// What only building it tells, such as an authority's file that is not there.
fn transport(config: &service::transport::Config) -> Vec<Problem> {
    // One authority at a time, so that none hides another.
    let authority = |(index, file): (usize, &document::FileOrContent)| {
        let alone = service::transport::Config { root_cas: vec![file.clone()], ..Default::default() };
        alone.build(1).err().map(|problem| problem.with_path(format!("rootCAs[{index}]")))
    };
    let mut problems: Vec<Problem> = config.root_cas.iter().enumerate().filter_map(authority).collect();
    let rest = service::transport::Config { root_cas: Vec::new(), ..config.clone() };
    let plain = service::transport::Config {
        max_idle_conns_per_host: config.max_idle_conns_per_host,
        forwarding_timeouts: config.forwarding_timeouts.clone(),
        ..Default::default()
    };
    // Without TLS settings there is nothing that could fail, and the system's authorities need not be read for it.
    if rest != plain {
        problems.extend(rest.build(1).err());
    }
    problems.into_iter().map(|problem| problem.under("serversTransport")).collect()
}

fn entry_points(install: &Install, problems: &mut Vec<Problem>) {
    let mut bound: Vec<(&str, Address)> = Vec::new();
    for (name, config) in &install.entry_points {
        let path = format!("entryPoints.{name}");
        if name.is_empty() {
            let problem = Problem::error("empty_name", "an entry point has no name");
            problems.push(problem.with_path("entryPoints"));
        }
        problems.extend(config.check().into_iter().map(|problem| problem.under(&path)));
        if let Some(redirection) = &config.http.redirections.entry_point
            && !redirection.to.is_empty()
            && !redirection.to.starts_with(':')
        {
            let path = format!("{path}.http.redirections.entryPoint.to");
            problems.extend(known(install, &redirection.to, &path));
        }
        let Ok(address) = config.address() else { continue };
        if address.is_udp() {
            let message = "UDP is not built yet";
            problems.push(Problem::error("unsupported", message).with_path(format!("{path}.address")));
        }
        if let Some((other, _)) = bound.iter().find(|(_, other)| other.collides_with(&address)) {
            let message = format!("the entry points `{other}` and `{name}` listen on the same port");
            problems.push(Problem::field(format!("{path}.address"), message));
        }
        bound.push((name, address));
    }
}

/// An entry point that something refers to. The internal one is made when it is needed.
fn known(install: &Install, name: &str, path: &str) -> Option<Problem> {
    if name == INTERNAL_ENTRY_POINT || install.entry_points.contains_key(name) {
        return None;
    }
    let near = nearest(name, install.entry_points.keys().map(String::as_str));
    let problem = Problem::error("unknown_reference", format!("there is no entry point `{name}`"));
    Some(problem.with_path(path).did_you_mean(near))
}
