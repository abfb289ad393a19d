//! WebSockets over HTTP/2, where the entry point offers them.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::harness::connection::Connection;
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::routes::routes;
use crate::harness::tunnel::Tunnel;
use crate::harness::{Backend, Gateway, backend, eventually, gateway};

async fn shop() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let offered = json!({"http2": {"extendedConnect": true}});
    let builder = gateway().secure().entry_point("web", offered.clone()).entry_point("secure", offered);
    let gateway = builder.file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

async fn open(client: &mut Http2, target: &str) -> WebSocketStream<Tunnel> {
    let (head, tunnel) = client.tunnel("websocket", "shop.test", target).await.unwrap();
    assert_eq!(head.status, 200);
    for name in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!head.headers.contains_key(name), "{name} is of HTTP/1.1");
    }
    WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await
}

async fn echo(socket: &mut WebSocketStream<Tunnel>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
}

#[tokio::test]
async fn messages_pass_both_ways() {
    let (shop, gateway) = shop().await;
    for (entry_point, proto) in [("web", "ws"), ("secure", "wss")] {
        let mut client = match entry_point {
            "web" => Http2::plain(&gateway, "web").await,
            _ => Http2::secure(&gateway, "secure", "shop.test").await.unwrap(),
        };
        let mut socket = open(&mut client, "/ws?room=1").await;
        // Larger than any window: it arrives only if what was read is given back.
        for text in ["hello", "", &"long ".repeat(1_000_000)] {
            echo(&mut socket, text).await;
        }
        socket.close(None).await.unwrap();
        let seen = shop.seen(&format!("X-Forwarded-Proto: {proto}\r\n")).remove(0);
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/ws?room=1"));
        assert_eq!(seen.values("Upgrade"), ["websocket"]);
        assert_eq!(seen.values("Sec-WebSocket-Version"), ["13"]);
        assert_eq!(seen.values("Sec-WebSocket-Key")[0].len(), 24);
        assert_eq!(
            (seen.values("Host"), seen.values("Origin")),
            (vec!["shop.test"], vec!["https://shop.test"])
        );
        assert!(seen.odd.is_empty(), "{:?}", seen.odd);
    }
}

#[tokio::test]
async fn it_is_one_stream_among_others() {
    let (_shop, gateway) = shop().await;
    let mut client = Http2::secure(&gateway, "secure", "shop.test").await.unwrap();
    let mut one = open(&mut client, "/ws/one").await;
    let mut other = open(&mut client, "/ws/other").await;
    client.get("shop.test", "/").await.is(200);
    echo(&mut one, "one").await;
    echo(&mut other, "other").await;
    drop(one);
    echo(&mut other, "still here").await;
}

#[tokio::test]
async fn its_end_ends_both_sides() {
    let (shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let socket = open(&mut client, "/ws").await;
    assert_eq!(shop.open(), 1);
    drop(socket);
    eventually("the backend's side is closed", async || holds(shop.open() == 0)).await;
}

#[tokio::test]
async fn only_a_switch_is_a_success() {
    let (_shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    // An ordinary 200 would tell the client that its tunnel is open.
    let (head, _) = client.tunnel("websocket", "shop.test", "/plain").await.unwrap();
    assert_eq!(head.status, 502);
    let (head, _) = client.tunnel("websocket", "nobody.test", "/ws").await.unwrap();
    assert_eq!(head.status, 404);
    client.get("shop.test", "/").await.is(200);
}

#[tokio::test]
async fn other_protocols_are_not_served() {
    let (shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let (head, _) = client.tunnel("connect-udp", "shop.test", "/ws").await.unwrap();
    assert_eq!(head.status, 501);
    assert_eq!(shop.count(), 0);
}

#[tokio::test]
async fn it_is_offered_only_where_that_is_written() {
    let (_shop, gateway) = super::shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    client.get("shop.test", "/").await.is(200);
    assert!(!client.offers_tunnels());
    let refused = client.tunnel("websocket", "shop.test", "/ws").await;
    assert!(refused.is_err_and(|error| error.reason() == Some(h2::Reason::PROTOCOL_ERROR)));
    let (_shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    client.get("shop.test", "/").await.is(200);
    assert!(client.offers_tunnels());
}

/// As an upgrade over HTTP/1.1: the timeouts are of exchanges, and this one has been answered.
#[tokio::test]
async fn no_timeout_of_exchanges_cuts_it() {
    let shop = backend("shop").await;
    let options = json!({"http2": {"extendedConnect": true},
        "transport": {"respondingTimeouts": {"writeTimeout": "300ms", "readTimeout": "300ms", "idleTimeout": "300ms"}}});
    let gateway = gateway().entry_point("web", options).file(&routes(&["shop"])).with(&shop).start().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let mut socket = open(&mut client, "/ws").await;
    let opened = Instant::now();
    eventually("all of them have passed", async || holds(opened.elapsed() > Duration::from_secs(1))).await;
    echo(&mut socket, "still here").await;
}

#[tokio::test]
async fn a_drain_waits_for_it() {
    let (_shop, mut gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let mut socket = open(&mut client, "/ws").await;
    gateway.terminate();
    eventually("nobody new is let in", async || {
        holds(Connection::open(gateway.address("web"), None, None).await.is_err())
    })
    .await;
    echo(&mut socket, "still here").await;
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop((socket, client));
    assert!(gateway.exit().await.success());
}
