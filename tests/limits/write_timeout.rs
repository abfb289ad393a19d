//! `writeTimeout` over HTTP/2: each stream has as long from its head on, as in Go; the others go on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::heads::logged;
use super::{headers, with};
use crate::harness::backend::Answer;
use crate::harness::frames::{End, Frames, WINDOW_UPDATE, ask, frame};
use crate::harness::{Backend, Gateway, backend, gateway, routes};

const LIMIT: Duration = Duration::from_millis(700);
const INTERNAL_ERROR: u32 = 2;
const CANCEL: u32 = 8;

fn options() -> Value {
    json!({"transport": {"respondingTimeouts": {"writeTimeout": "700ms"}}})
}

async fn limited() -> (Backend, Gateway) {
    with(options()).await
}

#[tokio::test]
async fn a_stream_without_an_answer_is_reset() {
    let (shop, gateway) = limited().await;
    shop.answers("/slow", Answer::status(200).hold());
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let asked = Instant::now();
    assert_eq!(ask(&mut client, 1, &headers(b"/slow"), None).await, End::Reset(INTERNAL_ERROR));
    assert!(asked.elapsed() >= LIMIT, "{:?}", asked.elapsed());
    assert_eq!(ask(&mut client, 3, &headers(b"/"), None).await, End::Answer(200));
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off() {
    let (shop, gateway) = limited().await;
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    shop.answers("/endless", Answer::raw(begun));
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let asked = Instant::now();
    assert_eq!(ask(&mut client, 1, &headers(b"/endless"), None).await, End::Reset(INTERNAL_ERROR));
    assert!(asked.elapsed() >= LIMIT, "{:?}", asked.elapsed());
}

/// The client opens no window, so that nothing can be sent.
#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let shop = backend("shop").await;
    let log = json!({"accessLog": {"filePath": "access.log", "format": "json"}});
    let gateway = gateway()
        .install(log)
        .entry_point("web", options())
        .file(&routes(&["shop"]))
        .with(&shop)
        .start()
        .await;
    shop.answers("/large", Answer::status(200).body(&"x".repeat(1_000_000)));
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    // The connection has room; the stream has not.
    client.send(&frame(WINDOW_UPDATE, 0, 0, &1_000_000_u32.to_be_bytes())).await.unwrap();
    let asked = Instant::now();
    assert_eq!(ask(&mut client, 1, &headers(b"/large"), None).await, End::Reset(CANCEL));
    assert!(asked.elapsed() >= LIMIT, "{:?}", asked.elapsed());
    assert_eq!(logged(&gateway, 0).await, (200, "body_cut_off".to_owned()));
    assert_eq!(ask(&mut client, 3, &headers(b"/"), None).await, End::Answer(200));
}
