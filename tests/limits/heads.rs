//! The limits of heads over HTTP/2, and what is written down of those that break one.

use serde_json::{Value, json};

use crate::harness::http2::Http2;
use crate::harness::{Backend, Gateway, backend, eventually, gateway, routes};

async fn site() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let log = json!({"accessLog": {"filePath": "access.log", "format": "json"}});
    let gateway = gateway().install(log).file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

/// Status and reason of the nth line of the log.
pub(super) async fn logged(gateway: &Gateway, nth: usize) -> (u64, String) {
    let path = gateway.folder().join("access.log");
    let line = eventually("a line in the access log", async || {
        std::fs::read_to_string(&path).ok()?.lines().nth(nth).map(str::to_owned)
    })
    .await;
    let entry: Value = serde_json::from_str(&line).unwrap();
    let reason = entry["Reason"].as_str().unwrap_or("none").to_owned();
    (entry["DownstreamStatus"].as_u64().unwrap_or_default(), reason)
}

#[tokio::test]
async fn a_head_over_http2_has_so_many_fields_and_bytes() {
    let (shop, gateway) = site().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let long = "a".repeat(80_000);
    let names: Vec<String> = (0..1000).map(|n| format!("x-{n}")).collect();
    let fields = |count: usize| names.iter().take(count).map(|name| (name.as_str(), "a")).collect::<Vec<_>>();
    let cases = [
        (fields(200), 200, "none"),
        (fields(300), 431, "headers_too_large"),
        (fields(1000), 431, "headers_too_large"),
        (vec![("x-long", long.as_str())], 431, "headers_too_large"),
    ];
    for (nth, (headers, status, reason)) in cases.iter().enumerate() {
        client.ask(http::Method::GET, "shop.test", "/", headers, None).await.is(*status);
        assert_eq!(logged(&gateway, nth).await, (u64::from(*status), (*reason).to_owned()));
    }
    assert_eq!(shop.count(), 1);
}

/// Two limits, two statuses, two words.
#[tokio::test]
async fn a_target_that_is_too_long_is_not_a_head_that_is_too_large() {
    let shop = backend("shop").await;
    let log = json!({"accessLog": {"filePath": "access.log", "format": "json"}});
    let large = json!({"http": {"maxHeaderBytes": 200_000}});
    let gateway =
        gateway().install(log).entry_point("web", large).file(&routes(&["shop"])).with(&shop).start();
    let gateway = gateway.await;
    let target = format!("/{}", "a".repeat(70_000));
    gateway.get(&format!("http://shop.test{target}")).await.is(414);
    assert_eq!(logged(&gateway, 0).await, (414, "uri_too_long".to_owned()));
    gateway.get("http://shop.test/").header("X", &"a".repeat(250_000)).await.is(431);
    assert_eq!(logged(&gateway, 1).await, (431, "headers_too_large".to_owned()));
    assert_eq!(shop.count(), 0);
}

/// The beginning of the second head comes with the first request, before the connection is idle.
#[tokio::test]
async fn a_head_that_came_in_two_pieces_is_measured_whole() {
    let shop = backend("shop").await;
    let small = json!({"http": {"maxHeaderBytes": 1000}});
    let gateway = gateway().entry_point("web", small).file(&routes(&["shop"])).with(&shop).start().await;
    let mut client = gateway.connect("web").await;
    let first = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    let begun = format!("GET / HTTP/1.1\r\nHost: shop.test\r\nX: {}\r\n", "a".repeat(5000));
    client.send(format!("{first}{begun}").as_bytes()).await.unwrap();
    client.answer("GET").await.is(200);
    client.send(b"\r\n").await.unwrap();
    client.answer("GET").await.is(431);
    assert_eq!(shop.count(), 1);
}
