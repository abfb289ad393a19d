//! Counting and the text that is scraped.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use exchange::Connection;
use exchange::connection::{Open, Tls};
use exchange::record::{Protocol, Record, RouteName};
use http::{HeaderValue, Method};

use super::{Metrics, Observed, Server, Shard};
use crate::config;

fn metrics(prometheus: config::Prometheus) -> Metrics {
    let config = config::Metrics { add_internals: false, prometheus: Some(prometheus) };
    Metrics::new(Some(&config), &["web".into(), "websecure".into()], Arc::default())
}

fn all_labels() -> config::Prometheus {
    config::Prometheus { add_routers_labels: true, ..config::Prometheus::default() }
}

fn connection(entry_point: &str, tls: bool) -> Rc<Connection> {
    Rc::new(Connection {
        entry_point: entry_point.into(),
        peer: "192.0.2.1:4000".parse().unwrap(),
        local: "192.0.2.2:80".parse().unwrap(),
        peer_value: HeaderValue::from_static("192.0.2.1"),
        trusted: false,
        tls: tls.then(|| Tls {
            version: "1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: None,
            options: "default".into(),
            client_certificates: Arc::new([]),
        }),
        open: Open::count(&Arc::default()),
    })
}

fn route(id: u32, router: &str, service: &str) -> Arc<RouteName> {
    Arc::new(RouteName {
        router: router.into(),
        service: service.into(),
        id,
        access_logs: true,
        metrics: true,
        internal: false,
    })
}

fn record(entry_point: &str, method: Method, route: Option<&Arc<RouteName>>) -> Record {
    let record = Record::new(connection(entry_point, entry_point == "websecure"), method, Instant::now());
    *record.route.borrow_mut() = route.cloned();
    if route.is_some() {
        *record.endpoint.borrow_mut() = Some("http://10.0.0.1".into());
    }
    record
}

fn finish(shard: &mut Shard, record: &Record, code: u16, millis: u64) {
    shard.finish(record, code, Duration::from_millis(millis));
}

/// The lines of one family, without its head.
fn family(text: &str, name: &str) -> Vec<String> {
    let is_of = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| {
            rest.starts_with(['{', ' ', '_']) && !rest.starts_with("_total") && !rest.starts_with("_seconds")
        })
    };
    text.lines().filter(is_of).map(str::to_owned).collect()
}

#[test]
fn a_request_counts_for_entry_point_router_and_service() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    let shop = route(1, "shop@file", "shop-service@file");
    let record = record("web", Method::GET, Some(&shop));
    record.request_size.set(3);
    record.response_size.set(10);
    finish(&mut shard, &record, 200, 250);
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_entrypoint_requests_total"),
        [r#"traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"} 1"#]
    );
    assert_eq!(
        family(&text, "traefik_router_requests_bytes_total"),
        [
            r#"traefik_router_requests_bytes_total{code="200",method="GET",protocol="http",router="shop@file",service="shop-service@file"} 3"#
        ]
    );
    assert_eq!(
        family(&text, "traefik_service_responses_bytes_total"),
        [
            r#"traefik_service_responses_bytes_total{code="200",method="GET",protocol="http",service="shop-service@file"} 10"#
        ]
    );
    let labels = r#"code="200",method="GET",protocol="http",service="shop-service@file""#;
    assert_eq!(
        family(&text, "traefik_service_request_duration_seconds"),
        [
            format!(r#"traefik_service_request_duration_seconds_bucket{{{labels},le="0.1"}} 0"#),
            format!(r#"traefik_service_request_duration_seconds_bucket{{{labels},le="0.3"}} 1"#),
            format!(r#"traefik_service_request_duration_seconds_bucket{{{labels},le="1.2"}} 1"#),
            format!(r#"traefik_service_request_duration_seconds_bucket{{{labels},le="5"}} 1"#),
            format!(r#"traefik_service_request_duration_seconds_bucket{{{labels},le="+Inf"}} 1"#),
            format!("traefik_service_request_duration_seconds_sum{{{labels}}} 0.25"),
            format!("traefik_service_request_duration_seconds_count{{{labels}}} 1"),
        ]
    );
}

#[test]
fn families_are_headed_and_sorted() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    finish(&mut shard, &record("web", Method::GET, None), 404, 1);
    let text = metrics.render(&Observed::default());
    assert!(text.contains(
        "# HELP traefik_entrypoint_requests_total How many HTTP requests processed on an entrypoint, partitioned by \
         status code, protocol, and method.\n# TYPE traefik_entrypoint_requests_total counter\ntraefik_entrypoint_"
    ));
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(!text.contains("traefik_router_"), "no router was matched");
}

#[test]
fn shards_are_summed() {
    let metrics = metrics(all_labels());
    let (mut one, mut two) = (metrics.shard(), metrics.shard());
    let shop = route(1, "shop@file", "s@file");
    finish(&mut one, &record("web", Method::GET, Some(&shop)), 200, 1);
    finish(&mut one, &record("web", Method::POST, Some(&shop)), 200, 1);
    finish(&mut two, &record("web", Method::GET, Some(&shop)), 200, 2000);
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_service_requests_total"),
        [
            r#"traefik_service_requests_total{code="200",method="GET",protocol="http",service="s@file"} 2"#,
            r#"traefik_service_requests_total{code="200",method="POST",protocol="http",service="s@file"} 1"#,
        ]
    );
}

#[test]
fn tls_counts_by_version_and_cipher() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    let shop = route(1, "shop@file", "s@file");
    for code in [200, 404] {
        finish(&mut shard, &record("websecure", Method::GET, Some(&shop)), code, 1);
    }
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_entrypoint_requests_tls_total"),
        [
            r#"traefik_entrypoint_requests_tls_total{entrypoint="websecure",tls_cipher="TLS_AES_128_GCM_SHA256",tls_version="1.3"} 2"#
        ]
    );
    assert_eq!(
        family(&text, "traefik_router_requests_tls_total"),
        [
            r#"traefik_router_requests_tls_total{router="shop@file",service="s@file",tls_cipher="TLS_AES_128_GCM_SHA256",tls_version="1.3"} 2"#
        ]
    );
}

#[test]
fn a_service_that_was_not_reached_is_not_counted() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    let shop = route(1, "shop@file", "s@file");
    let refused = record("web", Method::GET, Some(&shop));
    *refused.endpoint.borrow_mut() = None;
    refused.reason.set(Some("auth_failed"));
    finish(&mut shard, &refused, 401, 1);
    let text = metrics.render(&Observed::default());
    assert_eq!(family(&text, "traefik_router_requests_total").len(), 1);
    assert!(!text.contains("traefik_service_requests_total"));
    assert_eq!(
        family(&text, "portcullis_entrypoint_refusals_total"),
        [r#"portcullis_entrypoint_refusals_total{entrypoint="web",reason="auth_failed"} 1"#]
    );
}

#[test]
fn a_canary_counts_for_the_service_that_was_chosen() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    let shop = route(1, "shop@file", "canary@file");
    for name in ["v1@file", "v1@file", "v2@file"] {
        let record = record("web", Method::GET, Some(&shop));
        record.retries.set(1);
        *record.service.borrow_mut() = Some(name.into());
        finish(&mut shard, &record, 200, 1);
    }
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_service_requests_total"),
        [
            r#"traefik_service_requests_total{code="200",method="GET",protocol="http",service="v1@file"} 2"#,
            r#"traefik_service_requests_total{code="200",method="GET",protocol="http",service="v2@file"} 1"#,
        ]
    );
    assert_eq!(
        family(&text, "traefik_service_retries_total"),
        [
            r#"traefik_service_retries_total{service="v1@file"} 2"#,
            r#"traefik_service_retries_total{service="v2@file"} 1"#,
        ]
    );
}

#[test]
fn grpc_counts_its_own_status_and_odd_methods_share_a_label() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    for status in [Some(14), None] {
        let call = record("web", Method::POST, None);
        call.kind.set(Protocol::Grpc);
        call.grpc_status.set(status);
        finish(&mut shard, &call, 200, 1);
    }
    finish(&mut shard, &record("web", Method::from_bytes(b"BREW").unwrap(), None), 405, 1);
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_entrypoint_requests_total"),
        [
            r#"traefik_entrypoint_requests_total{code="2",entrypoint="web",method="POST",protocol="grpc"} 1"#,
            r#"traefik_entrypoint_requests_total{code="14",entrypoint="web",method="POST",protocol="grpc"} 1"#,
            r#"traefik_entrypoint_requests_total{code="405",entrypoint="web",method="EXTENSION_METHOD",protocol="http"} 1"#,
        ]
    );
}

#[test]
fn internal_and_silenced_routes_are_not_counted() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    for (internal, counted) in [(true, true), (false, false)] {
        let mut name = Arc::into_inner(route(1, "r@file", "s@file")).unwrap();
        (name.internal, name.metrics) = (internal, counted);
        let name = Arc::new(name);
        finish(&mut shard, &record("web", Method::GET, Some(&name)), 200, 1);
    }
    assert!(!metrics.render(&Observed::default()).contains("requests_total"));
}

#[test]
fn series_of_a_removed_router_are_shown_once_more() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    for (id, name) in [(1, "old@file"), (2, "new@file")] {
        finish(&mut shard, &record("web", Method::GET, Some(&route(id, name, "s@file"))), 200, 1);
    }
    metrics.reloaded(UNIX_EPOCH + Duration::from_secs(7), ["new@file".into()], ["s@file".into()]);
    let shown = || family(&metrics.render(&Observed::default()), "traefik_router_requests_total").len();
    assert_eq!(shown(), 2);
    assert_eq!(shown(), 1);
    // A straggler makes the series anew, from nothing.
    finish(&mut shard, &record("web", Method::GET, Some(&route(1, "old@file", "s@file"))), 200, 1);
    assert_eq!(shown(), 2);
}

#[test]
fn state_is_always_there() {
    let metrics = metrics(config::Prometheus::default());
    let shard = metrics.shard();
    shard.connection_opened("web");
    shard.connection_opened("web");
    shard.connection_closed("web");
    metrics.reloaded(UNIX_EPOCH + Duration::from_secs(7), [], []);
    let observed = Observed {
        servers: vec![Server { service: "s@file".into(), url: "http://10.0.0.1".into(), is_up: false }],
        ..Observed::default()
    };
    let text = metrics.render(&observed);
    for line in [
        "traefik_config_reloads_total 1",
        "traefik_config_last_reload_success 7",
        r#"traefik_open_connections{entrypoint="web",protocol="TCP"} 1"#,
        r#"traefik_open_connections{entrypoint="websecure",protocol="TCP"} 0"#,
        r#"traefik_service_server_up{service="s@file",url="http://10.0.0.1"} 0"#,
        "portcullis_access_log_dropped_total 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn a_new_series_waits_while_a_scrape_holds_the_lock() {
    let metrics = metrics(all_labels());
    let mut shard = metrics.shard();
    let shared = shard.shared();
    let held = shared.published.lock().unwrap();
    finish(&mut shard, &record("web", Method::GET, None), 200, 1);
    assert!(held.series.is_empty());
    drop(held);
    finish(&mut shard, &record("web", Method::GET, None), 200, 1);
    assert_eq!(
        family(&metrics.render(&Observed::default()), "traefik_entrypoint_requests_total"),
        [r#"traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"} 2"#]
    );
}

#[test]
fn header_labels_are_on_the_number_of_requests_alone() {
    let header_labels =
        [("a_shop".to_owned(), "X-Shop".to_owned()), ("till".to_owned(), "X-Till".to_owned())];
    let metrics = metrics(config::Prometheus { header_labels: header_labels.into(), ..all_labels() });
    let labels = metrics.header_labels().unwrap();
    let (mut one, mut two) = (metrics.shard(), metrics.shard());
    let shop = route(1, "r@file", "s@file");
    for (is_first, value) in [(true, "a\"\\"), (false, "a\"\\"), (true, "b")] {
        let record = record("websecure", Method::GET, Some(&shop));
        let headers = [(http::HeaderName::from_static("x-shop"), HeaderValue::from_static(value))];
        record.header_labels.set(labels.number(&headers.into_iter().collect()));
        finish(if is_first { &mut one } else { &mut two }, &record, 200, 1);
    }
    finish(&mut one, &record("web", Method::GET, None), 404, 1);
    let text = metrics.render(&Observed::default());
    assert_eq!(
        family(&text, "traefik_router_requests_total"),
        [
            r#"traefik_router_requests_total{a_shop="a\"\\",code="200",method="GET",protocol="http",router="r@file",service="s@file",till=""} 2"#,
            r#"traefik_router_requests_total{a_shop="b",code="200",method="GET",protocol="http",router="r@file",service="s@file",till=""} 1"#,
        ]
    );
    assert_eq!(family(&text, "traefik_service_requests_total").len(), 2);
    assert_eq!(
        family(&text, "traefik_entrypoint_requests_total").first().map(String::as_str),
        Some(
            r#"traefik_entrypoint_requests_total{a_shop="",code="404",entrypoint="web",method="GET",protocol="http",till=""} 1"#
        )
    );
    let labelled = text.lines().filter(|line| line.contains("a_shop"));
    assert_eq!(labelled.count(), 7);
    assert_eq!(text.matches("a_shop").count(), text.matches("_requests_total{").count());
    // They go with their router.
    for expected in [2, 0] {
        metrics.reloaded(UNIX_EPOCH, [], []);
        let text = metrics.render(&Observed::default());
        assert_eq!(family(&text, "traefik_router_requests_total").len(), expected);
    }
}

#[test]
fn label_values_are_escaped() {
    let metrics = metrics(all_labels());
    let observed = Observed {
        servers: vec![Server { service: "a\"b\\c\nd".into(), url: "u".into(), is_up: true }],
        ..Observed::default()
    };
    assert!(metrics.render(&observed).contains(r#"{service="a\"b\\c\nd",url="u"} 1"#));
}
