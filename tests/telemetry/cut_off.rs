//! Exchanges that the gateway itself breaks off: one line each, which says so.

use std::fs;

use serde_json::{Value, json};

use super::{entries, json_log, site};
use crate::harness::backend::Answer;
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::{Gateway, Request, eventually};

const BEGUN: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";

fn with_transport(entry_points: &Value) -> Value {
    let mut install = json_log();
    install["entryPoints"] = entry_points.clone();
    install
}

/// Status and reason of all lines.
fn summary(entries: &[Value]) -> Vec<(u64, &str)> {
    let one = |entry: &'_ Value| entry["DownstreamStatus"].as_u64().unwrap_or_default();
    entries.iter().map(|entry| (one(entry), entry["Reason"].as_str().unwrap_or("none"))).collect()
}

#[tokio::test]
async fn write_timeout_leaves_one_line() {
    let limit = json!({"web": {"transport": {"respondingTimeouts": {"writeTimeout": "500ms"}}}});
    let (shop, gateway) = site(with_transport(&limit)).await;
    shop.answers("/endless", Answer::raw(BEGUN));
    shop.answers("/held", Answer::status(200).hold());
    for path in ["/endless", "/held"] {
        let mut client = gateway.connect("web").await;
        client.send(&Request::new("GET", "shop.test", path).bytes()).await.unwrap();
        assert!(client.until_closed().await.is_some(), "{path}");
    }
    let mut client = Http2::plain(&gateway, "web").await;
    let response = client.get("shop.test", "/held").await;
    assert!(!response.complete, "{response}");
    gateway.get("http://nobody.test/").await.is(404);
    let entries = entries(&gateway, 4).await;
    let wanted = [(200, "body_cut_off"), (499, "write_timeout"), (499, "write_timeout"), (404, "no_router")];
    assert_eq!(summary(&entries), wanted);
}

async fn value(gateway: &Gateway, name: &str) -> Option<String> {
    let text = gateway.internal("/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).map(str::to_owned)
}

/// Each entry point has its own time; what is left when it is up is written down like everything else.
#[tokio::test]
async fn a_drain_without_time_leaves_a_line_for_each_exchange() {
    let times = json!({
        "web": {"transport": {"lifeCycle": {"graceTimeOut": "500ms"}}},
        "traefik": {"transport": {"lifeCycle": {"requestAcceptGraceTimeout": "1h"}}},
    });
    let (shop, mut gateway) = site(with_transport(&times)).await;
    shop.answers("/endless", Answer::raw(BEGUN));
    shop.answers("/held", Answer::status(200).hold());
    let mut kept = Vec::new();
    for path in ["/endless", "/held"] {
        let mut client = gateway.connect("web").await;
        client.send(&Request::new("GET", "shop.test", path).bytes()).await.unwrap();
        kept.push(client);
    }
    let mut upgraded = gateway.connect("web").await;
    let ask = Request::new("GET", "shop.test", "/ws").header("Connection", "Upgrade");
    let ask = ask.header("Upgrade", "websocket").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    upgraded.send(&ask.header("Sec-WebSocket-Version", "13").bytes()).await.unwrap();
    upgraded.answer("GET").await.is(101);
    let mut http2 = Http2::plain(&gateway, "web").await;
    let held = http2.start(&http::Method::GET, "shop.test", "/held", &[], None).unwrap();
    eventually("all are at the backend", async || holds(shop.count() == 4)).await;
    gateway.terminate();
    let entries = entries(&gateway, 4).await;
    let mut summary = summary(&entries);
    summary.sort_unstable();
    let wanted = [(101, "shutdown"), (200, "shutdown"), (499, "shutdown"), (499, "shutdown")];
    assert_eq!(summary, wanted);
    assert!(crate::harness::http2::read(held).await.is_err());
    // The other entry point serves on meanwhile.
    let name = "portcullis_shutdown_aborted_connections_total";
    assert_eq!(value(&gateway, name).await.as_deref(), Some("4"));
    gateway.terminate();
    assert!(gateway.exit().await.success());
    let path = gateway.folder().join("access.log");
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 4);
}

/// A second signal ends at once, and still says what it has ended.
#[tokio::test]
async fn a_second_signal_leaves_a_line_too() {
    let times = json!({"web": {"transport": {"lifeCycle": {"graceTimeOut": "1h"}}}});
    let (shop, mut gateway) = site(with_transport(&times)).await;
    shop.answers("/held", Answer::status(200).hold());
    let mut client = gateway.connect("web").await;
    client.send(&Request::new("GET", "shop.test", "/held").bytes()).await.unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 1)).await;
    gateway.terminate();
    eventually("it drains", async || holds(gateway.log().contains("draining"))).await;
    gateway.terminate();
    assert!(gateway.exit().await.success());
    assert_eq!(summary(&entries(&gateway, 1).await), [(499, "shutdown")]);
}
