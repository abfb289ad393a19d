//! What is written down of an exchange: access log and metrics.

mod cut_off;
mod header_labels;
mod websocket;

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::harness::backend::{Answer, Close};
use crate::harness::eventually::holds;
use crate::harness::routes::services;
use crate::harness::{Backend, Gateway, backend, eventually, gateway, routes};

async fn site(install: Value) -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    shop: {{ rule: 'Host(`shop.test`)', service: shop }}
    limited: {{ rule: 'Host(`limited.test`)', service: shop, middlewares: [limit] }}
    secret: {{ rule: 'Host(`secret.test`)', service: shop, middlewares: [auth] }}
    broken: {{ rule: 'Host(`broken.test`)', service: nowhere }}
  middlewares:
    limit: {{ rateLimit: {{ average: 1, burst: 1, period: 1h }} }}
    auth: {{ basicAuth: {{ users: ['apr:$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.'] }} }}
  services:
{}",
        services(&["shop"])
    );
    let gateway = gateway().install(install).file(&text).with(&shop).start().await;
    (shop, gateway)
}

/// The access log's lines, once there are so many.
async fn lines(gateway: &Gateway, count: usize) -> Vec<String> {
    let path = gateway.folder().join("access.log");
    eventually(&format!("{count} lines in the access log"), async || {
        let text = fs::read_to_string(&path).ok()?;
        // Asking whether it has started leaves none: probes are the gateway's own from the first request on.
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

async fn entries(gateway: &Gateway, count: usize) -> Vec<Value> {
    let lines = lines(gateway, count).await;
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn json_log() -> Value {
    json!({"accessLog": {"filePath": "access.log", "format": "json"}, "metrics": {"prometheus": {"addRoutersLabels": true}}})
}

#[tokio::test]
async fn one_request_is_one_line_of_json() {
    let (shop, gateway) = site(json_log()).await;
    shop.answers("/made", Answer::status(201).body("twelve bytes"));
    gateway.post("http://shop.test/made?x=1", "body").header("User-Agent", "test").await.is(201);
    let entry = &entries(&gateway, 1).await[0];
    for (key, value) in [
        ("RequestMethod", json!("POST")),
        ("RequestPath", json!("/made?x=1")),
        ("RequestHost", json!("shop.test")),
        ("RequestProtocol", json!("HTTP/1.1")),
        ("RequestScheme", json!("http")),
        ("RequestContentSize", json!(4)),
        ("RouterName", json!("shop@file")),
        ("ServiceName", json!("shop@file")),
        ("ServiceURL", json!(shop.url())),
        ("OriginStatus", json!(201)),
        ("OriginContentSize", json!(12)),
        ("DownstreamStatus", json!(201)),
        ("DownstreamContentSize", json!(12)),
        ("ClientHost", json!("127.0.0.1")),
        ("entryPointName", json!("web")),
        ("level", json!("info")),
    ] {
        assert_eq!(entry[key], value, "{key} of {entry}");
    }
    assert!(entry["Duration"].as_u64().is_some_and(|nanoseconds| nanoseconds > 0), "{entry}");
    assert!(entry["StartUTC"].as_str().is_some_and(|time| time.ends_with('Z')), "{entry}");
}

/// What a trusted proxy says of the client is written whole, on however many lines it came.
#[tokio::test]
async fn the_client_is_what_a_trusted_proxy_says() {
    let shop = backend("shop").await;
    let trusting = json!({"forwardedHeaders": {"trustedIPs": ["127.0.0.1"]}});
    let text = routes(&["shop"]);
    let gateway =
        gateway().install(json_log()).entry_point("web", trusting).file(&text).with(&shop).start().await;
    let asked = gateway.get("http://shop.test/").header("X-Forwarded-For", "192.0.2.7");
    asked.header("X-Forwarded-For", "192.0.2.8, 10.1.1.1").await.is(200);
    assert_eq!(entries(&gateway, 1).await[0]["ClientHost"], "192.0.2.7, 192.0.2.8, 10.1.1.1");
}

/// Whoever reads the log of a refused request learns why, without guessing.
#[tokio::test]
async fn a_refusal_says_its_reason() {
    let (shop, gateway) = site(json_log()).await;
    shop.answers("/silent", Answer::default().close(Close::Before));
    gateway.get("http://nobody.test/").await.is(404);
    gateway.get("http://broken.test/").await.is(503);
    gateway.get("http://secret.test/").await.is(401);
    gateway.get("http://limited.test/").await.is(200);
    gateway.get("http://limited.test/").await.is(429);
    gateway.get("http://shop.test/silent").await.is(502);
    gateway.get("http://shop.test/%zz").await.is(400);
    let reasons: Vec<String> = entries(&gateway, 7)
        .await
        .iter()
        .map(|entry| entry["Reason"].as_str().unwrap_or("none").to_owned())
        .collect();
    let expected = [
        "no_router",
        "router_disabled",
        "auth_failed",
        "none",
        "rate_limited",
        "upstream_closed",
        "malformed",
    ];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn the_user_is_written_and_the_password_never() {
    let (_shop, gateway) = site(json!({"accessLog": {"filePath": "access.log", "format": "json",
        "fields": {"headers": {"defaultMode": "keep"}}}}))
    .await;
    let call = gateway.get("http://secret.test/").header("Authorization", "Basic YXByOmFwci1wYXNz");
    call.header("Cookie", "session=geheim").header("User-Agent", "test").await.is(200);
    let lines = lines(&gateway, 1).await;
    let entry: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(entry["ClientUsername"], "apr", "{entry}");
    assert_eq!(entry["request_User-Agent"], "test", "{entry}");
    assert!(!lines[0].contains("YXByOmFwci1wYXNz"), "{entry}");
    assert_eq!(entry["request_Authorization"], "REDACTED", "{entry}");
    assert_eq!(entry["request_Cookie"], "REDACTED", "{entry}");
    assert!(!gateway.log().contains("YXByOmFwci1wYXNz"));
}

#[tokio::test]
async fn headers_are_written_as_they_are_kept() {
    let headers = json!({"names": {"X-Order": "keep", "X-Made-By": "keep", "X-Token": "redact"}});
    let (shop, gateway) = site(json!({"accessLog": {"filePath": "access.log", "format": "json",
        "fields": {"headers": headers}}}))
    .await;
    shop.answers("/", Answer::default().header("X-Made-By", "shop"));
    let call = gateway.get("http://shop.test/").header("X-Order", "7").header("X-Token", "geheim");
    call.header("X-Other", "1").await.is(200);
    let entry = &entries(&gateway, 1).await[0];
    for (key, value) in [
        ("request_X-Order", json!("7")),
        ("request_X-Token", json!("REDACTED")),
        ("request_X-Other", Value::Null),
        ("origin_X-Made-By", json!("shop")),
        ("downstream_X-Made-By", json!("shop")),
    ] {
        assert_eq!(entry[key], value, "{key} of {entry}");
    }
}

#[tokio::test]
async fn the_common_format_is_traefiks() {
    let (shop, gateway) = site(json!({"accessLog": {"filePath": "access.log"}})).await;
    gateway.get("http://shop.test/a?b").await.is(200);
    gateway.get("http://nobody.test/").await.is(404);
    let lines = lines(&gateway, 2).await;
    assert!(lines[0].starts_with("127.0.0.1 - - ["), "{}", lines[0]);
    assert!(lines[0].contains("] \"GET /a?b HTTP/1.1\" 200 "), "{}", lines[0]);
    assert!(lines[0].contains(&format!(" \"shop@file\" \"{}\" ", shop.url())), "{}", lines[0]);
    assert!(lines[0].ends_with("ms"), "{}", lines[0]);
    assert!(lines[1].contains("\" 404 19 \"-\" \"-\" "), "{}", lines[1]);
}

#[tokio::test]
async fn filters_keep_what_they_name() {
    let filters = json!({"accessLog": {"filePath": "access.log", "format": "json", "filters": {"statusCodes": ["400-499"]}}});
    let (_shop, gateway) = site(filters).await;
    gateway.get("http://shop.test/").await.is(200);
    gateway.get("http://nobody.test/").await.is(404);
    let entries = entries(&gateway, 1).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["DownstreamStatus"], 404);
}

#[tokio::test]
async fn a_rotated_access_log_is_opened_again() {
    let (_shop, gateway) = site(json_log()).await;
    gateway.get("http://shop.test/first").await.is(200);
    lines(&gateway, 1).await;
    let path = gateway.folder().join("access.log");
    fs::rename(&path, gateway.folder().join("access.log.1")).unwrap();
    gateway.signal(rustix::process::Signal::USR1);
    eventually("the new file is there", async || holds(path.exists())).await;
    gateway.get("http://shop.test/second").await.is(200);
    assert!(lines(&gateway, 1).await[0].contains("/second"));
}

/// Series by name and labels.
async fn metrics(gateway: &Gateway) -> BTreeMap<String, f64> {
    let response = gateway.internal("/metrics").await;
    response.is(200);
    assert!(response.header("Content-Type").is_some_and(|t| t.starts_with("text/plain")), "{response}");
    let text = response.text();
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        })
        .collect()
}

fn sum(metrics: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> f64 {
    let is_it = |series: &&String| {
        series.starts_with(&format!("{name}{{")) && labels.iter().all(|l| series.contains(l))
    };
    metrics.keys().filter(is_it).map(|series| metrics[series]).sum()
}

#[tokio::test]
async fn requests_are_counted_where_they_pass() {
    let (_shop, gateway) = site(json_log()).await;
    for _ in 0..5 {
        gateway.get("http://shop.test/").await.is(200);
    }
    gateway.post("http://shop.test/", "four").await.is(200);
    gateway.get("http://nobody.test/").await.is(404);
    let web = "entrypoint=\"web\"";
    let found = eventually("six requests are counted", async || {
        let metrics = metrics(&gateway).await;
        let count = sum(&metrics, "traefik_entrypoint_requests_total", &[web, "code=\"200\""]);
        (count >= 6.0).then_some(metrics)
    })
    .await;
    let count = |name: &str, labels: &[&str]| sum(&found, name, labels).round() as i64;
    assert_eq!(count("traefik_entrypoint_requests_total", &[web, "code=\"200\"", "method=\"GET\""]), 5);
    assert_eq!(count("traefik_entrypoint_requests_total", &[web, "code=\"404\""]), 1);
    assert_eq!(count("traefik_service_requests_total", &["service=\"shop@file\""]), 6);
    assert_eq!(count("traefik_router_requests_total", &["router=\"shop@file\""]), 6);
    assert_eq!(count("traefik_entrypoint_request_duration_seconds_count", &[web]), 7);
    assert_eq!(count("traefik_entrypoint_requests_bytes_total", &[web, "method=\"POST\""]), 4);
    let reloads = found.get("traefik_config_reloads_total").copied().unwrap_or_default();
    assert!(reloads >= 1.0, "{reloads}");
}

/// A label that a client can choose would let it fill the memory.
#[tokio::test]
async fn clients_cannot_make_new_series() {
    let (_shop, gateway) = site(json_log()).await;
    for n in 0..20 {
        gateway.call(&format!("METHOD{n}"), &format!("http://host{n}.test/path{n}")).await.is(404);
    }
    let found = metrics(&gateway).await;
    let made =
        found.keys().filter(|series| ["\"METHOD", "host1", "path1"].iter().any(|text| series.contains(text)));
    assert_eq!(made.collect::<Vec<_>>(), Vec::<&String>::new());
    let other = sum(&found, "traefik_entrypoint_requests_total", &["EXTENSION_METHOD"]);
    assert!((other - 20.0).abs() < 0.5, "{other}");
}

#[tokio::test]
async fn the_gateways_own_paths_are_not_in_the_log() {
    let (_shop, gateway) = site(json_log()).await;
    gateway.internal("/ping").await.is(200);
    gateway.api("/api/version").await;
    gateway.get("http://shop.test/").await.is(200);
    let entries = entries(&gateway, 1).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["RouterName"], "shop@file");
}
