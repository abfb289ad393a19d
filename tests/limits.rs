//! Bounds on what a peer can grow: heads, time, streams, connections.

mod connections;
mod deadlines;
mod heads;
mod write_timeout;

use serde_json::json;

use crate::harness::eventually::holds;
use crate::harness::frames::{self, CONTINUATION, END_HEADERS, End, Frames, HEADERS, RST_STREAM, frame};
use crate::harness::{Backend, Gateway, Request, backend, eventually, gateway, routes};

async fn with(options: serde_json::Value) -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let gateway = gateway().entry_point("web", options).file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

fn headers(path: &'static [u8]) -> Vec<(&'static [u8], &'static [u8])> {
    vec![(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", path)]
}

#[tokio::test]
async fn a_head_has_a_size() {
    let (shop, gateway) = with(json!({"http": {"maxHeaderBytes": 8192}})).await;
    gateway.get("http://shop.test/").header("X", &"a".repeat(6000)).await.is(200);
    gateway.get("http://shop.test/").header("X", &"a".repeat(9000)).await.is(431);
    assert_eq!(shop.count(), 1);
}

#[tokio::test]
async fn a_head_has_so_many_fields() {
    let (_shop, gateway) = with(json!({})).await;
    let ask = async |count: usize| {
        let mut request = Request::new("GET", "shop.test", "/");
        for n in 0..count {
            request = request.header(&format!("X-{n}"), "a");
        }
        gateway.connect("web").await.ask(&request).await
    };
    ask(200).await.is(200);
    ask(300).await.is(431);
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let (_shop, gateway) = with(json!({"transport": {"respondingTimeouts": {"readTimeout": "500ms"}}})).await;
    let mut client = gateway.connect("web").await;
    client.send(b"GET / HTTP/1.1\r\nHost: shop").await.unwrap();
    assert!(client.until_closed().await.is_some(), "half a head is given up");
    let client = gateway.connect("web").await;
    let mut client = client;
    assert!(client.until_closed().await.is_some(), "nothing at all is given up");
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let (_shop, gateway) = with(json!({"transport": {"respondingTimeouts": {"readTimeout": "500ms"}}})).await;
    let mut client = gateway.connect("web").await;
    client.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
    let response = client.answer("POST").await;
    assert!(response.status == 408 || response.status == 0 && response.closed, "{response}");
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (_shop, gateway) = with(json!({"transport": {"respondingTimeouts": {"idleTimeout": "500ms"}}})).await;
    let mut client = gateway.connect("web").await;
    client.ask(&Request::new("GET", "shop.test", "/")).await.is(200);
    assert_eq!(client.until_closed().await.as_deref(), Some(&b""[..]));
}

#[tokio::test]
async fn a_connection_serves_so_many_requests() {
    let (_shop, gateway) = with(json!({"transport": {"keepAliveMaxRequests": 3}})).await;
    let mut client = gateway.connect("web").await;
    for _ in 0..2 {
        client.ask(&Request::new("GET", "shop.test", "/")).await.is(200).lacks("Connection");
    }
    client.ask(&Request::new("GET", "shop.test", "/")).await.is(200).has("Connection", "close");
    assert!(client.until_closed().await.is_some());
}

#[tokio::test]
async fn many_idle_connections_are_held() {
    let (_shop, gateway) = with(json!({})).await;
    let mut kept = Vec::new();
    for _ in 0..500 {
        let mut client = gateway.connect("web").await;
        client.ask(&Request::new("GET", "shop.test", "/")).await.is(200);
        kept.push(client);
    }
    for client in &mut kept {
        client.ask(&Request::new("GET", "shop.test", "/again")).await.is(200);
    }
}

/// Streams opened and reset at once (CVE-2023-44487) cost the one who does it his connection, and nobody else.
#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let (shop, gateway) = with(json!({})).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let block = frames::block(&headers(b"/reset"));
    for n in 0..3000_u32 {
        let stream = 2 * n + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | frames::END_STREAM, stream, &block);
        bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        if client.send(&bytes).await.is_err() {
            break;
        }
    }
    let end = client.end(1_000_001).await;
    assert!(matches!(end, End::GoAway(_) | End::Closed), "{end:?}");
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
}

/// A header block that goes on for ever (CVE-2024-27316).
#[tokio::test]
async fn an_endless_header_block_ends_the_connection() {
    let (_shop, gateway) = with(json!({})).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    client.send(&frame(HEADERS, 0, 1, &frames::block(&headers(b"/")))).await.unwrap();
    let more = frames::block(&[("x-more", "a".repeat(8000))]);
    for _ in 0..2000 {
        if client.send(&frame(CONTINUATION, 0, 1, &more)).await.is_err() {
            break;
        }
    }
    let end = client.end(1).await;
    assert!(matches!(end, End::GoAway(_) | End::Closed | End::Reset(_) | End::Answer(431)), "{end:?}");
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn frames_that_make_no_sense_end_the_connection() {
    let (_shop, gateway) = with(json!({})).await;
    let block = frames::block(&headers(b"/"));
    for (name, bytes) in [
        ("data for a stream that is not open", frame(frames::DATA, 0, 5, b"x")),
        ("headers on stream 0", frame(HEADERS, END_HEADERS, 0, &block)),
        ("headers on an even stream", frame(HEADERS, END_HEADERS, 2, &block)),
        ("settings of odd length", frame(frames::SETTINGS, 0, 0, &[0, 0, 1])),
        ("continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &block)),
        ("a block that is none", frame(HEADERS, END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
        ("a frame of 1 MiB", frame(frames::DATA, 0, 1, &vec![0; 1 << 20])),
    ] {
        let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
        let _ = client.send(&bytes).await;
        let end = client.end(1).await;
        assert!(matches!(end, End::GoAway(_) | End::Closed | End::Reset(_)), "{name}: {end:?}");
    }
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_or_ended_but_not_kept() {
    let (_shop, gateway) = with(json!({})).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let ping = frame(frames::PING, 0, 0, b"01234567").repeat(5000);
    let _ = client.send(&ping).await;
    gateway.get("http://shop.test/").await.is(200);
    eventually("the gateway is well", async || holds(gateway.ping().await == 200)).await;
}
