//! A drain seen by what outlives single exchanges: HTTP/2 connections, WebSockets.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::backend::Answer;
use crate::harness::connection::{Connection, dial};
use crate::harness::eventually::holds;
use crate::harness::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GO_AWAY, HEADERS, PING, ask, block, frame, number,
};
use crate::harness::{Backend, Gateway, backend, eventually, gateway, routes};

const ACK: u8 = 1;
const NO_ERROR: u32 = 0;

async fn site(time: &str) -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let grace = |grace: &str| json!({"transport": {"lifeCycle": {"graceTimeOut": grace}}});
    // Each entry point has a time of its own.
    let builder = gateway().entry_point("web", grace(time)).entry_point("traefik", grace("1h"));
    let gateway = builder.file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

fn headers(path: &'static [u8]) -> Vec<(&'static [u8], &'static [u8])> {
    vec![(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", path)]
}

async fn nobody_new(gateway: &Gateway) {
    eventually("nobody new is let in", async || {
        holds(Connection::open(gateway.address("web"), None, None).await.is_err())
    })
    .await;
}

/// RFC 9113 6.8: a warning that names no stream, then the last stream that will be answered; that one is.
#[tokio::test]
async fn an_http2_client_is_told_to_go_away() {
    let (shop, mut gateway) = site("20s").await;
    shop.answers("/slow", Answer::status(200).body("finished").hold());
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    ask(&mut client, 1, &headers(b"/"), None).await;
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&headers(b"/slow")))).await.unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 2)).await;
    gateway.terminate();
    let mut last_streams = Vec::new();
    let mut body = Vec::new();
    while let Some(got) = client.next_in_time().await {
        match got.kind {
            GO_AWAY => {
                assert_eq!(number(&got.payload, 4), NO_ERROR);
                last_streams.push(number(&got.payload, 0));
                if number(&got.payload, 0) == 3 {
                    shop.release(1);
                }
            }
            PING if got.flags & ACK == 0 => client.send(&frame(PING, ACK, 0, &got.payload)).await.unwrap(),
            DATA if got.stream == 3 => body.extend(got.payload),
            _ => {}
        }
    }
    assert_eq!(last_streams, [(1 << 31) - 1, 3]);
    assert_eq!(body, b"finished");
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_and_closed() {
    let (_shop, mut gateway) = site("20s").await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    ask(&mut client, 1, &headers(b"/"), None).await;
    gateway.terminate();
    let mut told = false;
    while let Some(got) = client.next_in_time().await {
        told |= got.kind == GO_AWAY && number(&got.payload, 4) == NO_ERROR;
        if got.kind == PING && got.flags & ACK == 0 {
            client.send(&frame(PING, ACK, 0, &got.payload)).await.unwrap();
        }
    }
    assert!(told);
    assert!(gateway.exit().await.success());
}

/// A WebSocket has no end that could be waited for: it goes on until the time is up, and no longer.
#[tokio::test]
async fn a_websocket_lives_until_the_deadline() {
    let (_shop, mut gateway) = site("2s").await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (mut socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    gateway.terminate();
    nobody_new(&gateway).await;
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    let ended = tokio::time::timeout(crate::harness::connection::PATIENCE, async {
        while let Some(Ok(_)) = socket.next().await {}
    });
    ended.await.expect("it is closed when the time is up");
    gateway.exit().await;
}

#[tokio::test]
async fn a_websocket_that_ends_by_itself_ends_the_drain() {
    let (shop, mut gateway) = site("1h").await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (mut socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    gateway.terminate();
    nobody_new(&gateway).await;
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    drop(socket);
    eventually("the backend's side is closed", async || holds(shop.open() == 0)).await;
    assert!(gateway.exit().await.success());
}
