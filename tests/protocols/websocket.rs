//! WebSocket by a real client: messages both ways, over plain and TLS, and the end of it.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::shop;
use crate::harness::connection::{Stream, dial};
use crate::harness::eventually::holds;
use crate::harness::secure::ClientTls;
use crate::harness::{Gateway, eventually};

async fn stream(gateway: &Gateway, entry_point: &str) -> Stream {
    let stream = dial(gateway.address(entry_point), None).await.unwrap();
    if entry_point == "web" {
        return Box::new(stream);
    }
    Box::new(ClientTls::to("shop.test").connect(stream).await.unwrap().0)
}

#[tokio::test]
async fn messages_pass_both_ways() {
    let (shop, gateway) = shop().await;
    for (entry_point, url, proto) in
        [("web", "ws://shop.test/ws", "ws"), ("secure", "wss://shop.test/ws", "wss")]
    {
        let (mut socket, response) = client_async(url, stream(&gateway, entry_point).await).await.unwrap();
        assert_eq!(response.status(), 101);
        for text in ["hello", "", &"long ".repeat(40_000)] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        socket.send(Message::binary(vec![0, 1, 2])).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![0, 1, 2]));
        socket.close(None).await.unwrap();
        let seen = shop.seen(&format!("X-Forwarded-Proto: {proto}\r\n"));
        assert_eq!(seen.len(), 1, "the backend was told `{proto}`");
    }
}

#[tokio::test]
async fn its_end_ends_both_sides() {
    let (shop, gateway) = shop().await;
    let (socket, _) = client_async("ws://shop.test/ws", stream(&gateway, "web").await).await.unwrap();
    assert_eq!(shop.open(), 1);
    drop(socket);
    eventually("the backend's side is closed", async || holds(shop.open() == 0)).await;
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let (_shop, gateway) = shop().await;
    let call =
        gateway.get("http://shop.test/plain").header("Connection", "Upgrade").header("Upgrade", "websocket");
    call.header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .await
        .is(200);
}
