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
    if let Some(api) = &install.api {
        problems.extend(api.check().into_iter().map(|problem| problem.under("api")));
    }
    if let Some(ping) = &install.ping {
        problems.extend(ping.check().map(|problem| problem.under("ping")));
        if !ping.manual_routing {
            problems.extend(known(install, &ping.entry_point, "ping.entryPoint"));
        }
    }
    if let Some(prometheus) = install.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref())
        && !prometheus.manual_routing
    {
        problems.extend(known(install, &prometheus.entry_point, "metrics.prometheus.entryPoint"));
    }
    if install.core.default_rule_syntax == RuleSyntax::V2 {
        let message = "the rule syntax `v2` is deprecated";
        problems.push(Problem::warning("deprecated", message).with_path("core.defaultRuleSyntax"));
    }
    problems
}

fn entry_points(install: &Install, problems: &mut Vec<Problem>) {
    let mut bound: Vec<(&str, Address)> = Vec::new();
    for (name, config) in &install.entry_points {
        let path = format!("entryPoints.{name}");
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
