//! The routers that the install configuration asks for: the API, probes and metrics, as the provider `internal`.
//! Traefik, `pkg/provider/traefik`.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynamic::http::Router;
use dynamic::{Configuration, Element, Source};
use telemetry::config::Prometheus;

use crate::config::{Config, Ping};

/// The document of the provider `internal`. `entry_points` are the names there are.
#[must_use]
pub fn document(
    api: Option<&Config>,
    ping: Option<&Ping>,
    prometheus: Option<&Prometheus>,
    entry_points: &[Arc<str>],
) -> Configuration {
    let mut routers = BTreeMap::new();
    let mut add = |name: &str, entry_point: &str, rule: &str, priority: i64, service: &str| {
        let router = Router {
            entry_points: vec![entry_point.to_owned()],
            rule: rule.to_owned(),
            rule_syntax: "v3".to_owned(),
            priority,
            service: service.to_owned(),
            ..Router::default()
        };
        routers.insert(name.into(), Arc::new(Element::new(router, Source::default())));
    };
    if api.is_some_and(|api| api.insecure) {
        add("api", OWN, "PathPrefix(`/api`)", i64::MAX - 1, "api@internal");
    }
    if let Some(ping) = ping.filter(|ping| !ping.manual_routing) {
        add("ping", &ping.entry_point, "PathPrefix(`/ping`)", i64::MAX, "ping@internal");
    }
    if ping.is_some() && entry_points.iter().any(|name| &**name == OWN) {
        for probe in ["livez", "readyz", "startupz"] {
            add(probe, OWN, &format!("Path(`/{probe}`)"), i64::MAX, "ping@internal");
        }
    }
    if let Some(prometheus) = prometheus.filter(|prometheus| !prometheus.manual_routing) {
        add("prometheus", &prometheus.entry_point, "PathPrefix(`/metrics`)", i64::MAX, "prometheus@internal");
    }
    let mut document = Configuration::default();
    document.http.routers = routers;
    document
}

/// The entry point that is ours where nothing else is said.
const OWN: &str = "traefik";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        api: Option<&Config>,
        ping: Option<&Ping>,
        prometheus: Option<&Prometheus>,
        own: bool,
        wanted: &[&str],
    ) {
        let entry_points: Vec<Arc<str>> =
            if own { vec!["web".into(), OWN.into()] } else { vec!["web".into()] };
        let document = document(api, ping, prometheus, &entry_points);
        let got: Vec<String> = document
            .http
            .routers
            .iter()
            .map(|(name, router)| {
                let router = router.config.as_ref().unwrap();
                format!("{name} {} {} {}", router.entry_points[0], router.rule, router.service)
            })
            .collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn insecure_opens_the_api() {
        check(Some(&Config::default()), None, None, true, &[]);
        let insecure = Config { insecure: true, ..Config::default() };
        check(Some(&insecure), None, None, true, &["api traefik PathPrefix(`/api`) api@internal"]);
    }

    #[test]
    fn probes_stand_on_the_own_entry_point_only() {
        let ping = Ping { entry_point: "web".to_owned(), ..Ping::default() };
        check(None, Some(&ping), None, false, &["ping web PathPrefix(`/ping`) ping@internal"]);
        let manual = Ping { manual_routing: true, ..Ping::default() };
        check(
            None,
            Some(&manual),
            None,
            true,
            &[
                "livez traefik Path(`/livez`) ping@internal",
                "readyz traefik Path(`/readyz`) ping@internal",
                "startupz traefik Path(`/startupz`) ping@internal",
            ],
        );
    }

    #[test]
    fn metrics_are_routed_unless_that_is_done_by_hand() {
        let prometheus = Prometheus::default();
        check(
            None,
            None,
            Some(&prometheus),
            true,
            &["prometheus traefik PathPrefix(`/metrics`) prometheus@internal"],
        );
        check(None, None, Some(&Prometheus { manual_routing: true, ..prometheus }), true, &[]);
    }
}
