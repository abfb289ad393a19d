//! What is written down of a WebSocket: one line, when it has ended, with all its bytes.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{entries, json_log, site};
use crate::harness::connection::dial;
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::{Gateway, eventually};

/// How long it is left open: more than an exchange takes by itself.
const OPEN: Duration = Duration::from_millis(300);

/// Sends 1000 bytes, which come back, waits, and closes; the line that is written then.
async fn told<S: AsyncRead + AsyncWrite + Unpin>(
    gateway: &Gateway,
    mut socket: WebSocketStream<S>,
    protocol: &str,
    status: u16,
) -> Value {
    let text = "x".repeat(1000);
    socket.send(Message::text(&text)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(&text));
    let opened = Instant::now();
    eventually("it was open for a while", async || holds(opened.elapsed() > OPEN)).await;
    let so_far = fs::read_to_string(gateway.folder().join("access.log")).unwrap_or_default();
    assert_eq!(so_far, "", "nothing is written while it is open");
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    let entry = entries(gateway, 1).await.remove(0);
    assert_eq!(entry["DownstreamStatus"], status, "{entry}");
    assert_eq!(entry["RequestProtocol"], protocol, "{entry}");
    assert_eq!(entry["RouterName"], "shop@file", "{entry}");
    for size in ["DownstreamContentSize", "RequestContentSize"] {
        // With the frames around them.
        assert!((1004..1100).contains(&entry[size].as_u64().unwrap()), "{size} of {entry}");
    }
    assert!(entry["Duration"].as_u64().unwrap() >= 300_000_000, "{entry}");
    entry
}

async fn counts_one(gateway: &Gateway, code: u16) {
    let wanted = format!("traefik_entrypoint_requests_total{{code=\"{code}\",entrypoint=\"web\",method=");
    eventually("it is counted as a WebSocket", async || {
        let text = gateway.internal("/metrics").await.text();
        let line = text.lines().find(|line| line.starts_with(&wanted))?.to_owned();
        (line.contains("protocol=\"websocket\"") && line.ends_with(" 1")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn over_http_1() {
    let (_shop, gateway) = site(json_log()).await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    let entry = told(&gateway, socket, "HTTP/1.1", 101).await;
    assert_eq!(entry["RequestMethod"], "GET", "{entry}");
    counts_one(&gateway, 101).await;
}

#[tokio::test]
async fn over_http_2() {
    let mut install = json_log();
    install["entryPoints"] = json!({"web": {"http2": {"extendedConnect": true}}});
    let (_shop, gateway) = site(install).await;
    let mut client = Http2::plain(&gateway, "web").await;
    let (_, tunnel) = client.tunnel("websocket", "shop.test", "/ws").await.unwrap();
    let socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
    let entry = told(&gateway, socket, "HTTP/2.0", 200).await;
    assert_eq!(
        (&entry["RequestMethod"], &entry["OriginStatus"]),
        (&json!("CONNECT"), &json!(101)),
        "{entry}"
    );
    counts_one(&gateway, 200).await;
}

#[tokio::test]
async fn a_client_that_vanishes_is_written_down_too() {
    let (_shop, gateway) = site(json_log()).await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    drop(socket);
    let entry = entries(&gateway, 1).await.remove(0);
    assert_eq!(entry["DownstreamStatus"], 101, "{entry}");
}
