//! How long a request, an answer and a connection may take.

use serde_json::{Value, json};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use futures_util::{SinkExt, StreamExt};

use super::{headers, with};
use crate::harness::backend::Answer;
use crate::harness::connection::dial;
use crate::harness::eventually::holds;
use crate::harness::frames::{
    DATA, END_HEADERS, End, Frames, GO_AWAY, HEADERS, PING, ask, block, frame, number,
};
use crate::harness::{Request, eventually};

fn timeouts(timeouts: &Value) -> Value {
    json!({"transport": {"respondingTimeouts": timeouts}})
}

/// As in Go: the connection is closed, without a word.
#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_closes_the_connection() {
    let (shop, gateway) = with(timeouts(&json!({"writeTimeout": "500ms"}))).await;
    shop.answers("/slow", Answer::status(200).hold());
    let mut client = gateway.connect("web").await;
    let response = client.ask(&Request::new("GET", "shop.test", "/slow")).await;
    assert_eq!((response.status, response.closed), (0, true), "{response}");
    eventually("the endpoint is free", async || holds(shop.open() == 0)).await;
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn an_answer_that_does_not_end_in_time_is_cut_off() {
    let (shop, gateway) = with(timeouts(&json!({"writeTimeout": "500ms"}))).await;
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    shop.answers("/endless", Answer::raw(begun));
    let mut client = gateway.connect("web").await;
    let response = client.ask(&Request::new("GET", "shop.test", "/endless")).await;
    assert!(response.is(200).closed && !response.complete, "{response}");
    assert_eq!(response.text(), "abc");
}

/// It holds for each answer, not for the connection.
#[tokio::test]
async fn answers_in_time_are_many_on_one_connection() {
    let (_shop, gateway) = with(timeouts(&json!({"writeTimeout": "1s"}))).await;
    let mut client = gateway.connect("web").await;
    let begun = std::time::Instant::now();
    eventually("more than the limit has passed", async || {
        client.ask(&Request::new("GET", "shop.test", "/")).await.is(200);
        holds(begun.elapsed().as_millis() > 2500)
    })
    .await;
}

#[tokio::test]
async fn a_websocket_is_an_exchange_that_has_been_answered() {
    let all = json!({"writeTimeout": "1s", "readTimeout": "1s", "idleTimeout": "1s"});
    let (_shop, gateway) = with(timeouts(&all)).await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (mut socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    let opened = std::time::Instant::now();
    eventually("all of them have passed", async || holds(opened.elapsed().as_secs() >= 3)).await;
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("still here"));
}

#[tokio::test]
async fn a_connection_gets_old() {
    let (_shop, gateway) = with(json!({"transport": {"keepAliveMaxTime": "1s"}})).await;
    let mut client = gateway.connect("web").await;
    client.ask(&Request::new("GET", "shop.test", "/")).await.is(200).lacks("Connection");
    let last = eventually("an answer is the last", async || {
        let response = client.ask(&Request::new("GET", "shop.test", "/")).await;
        // Nobody's request is lost to it.
        response.is(200);
        response.header("Connection").is_some().then_some(response)
    })
    .await;
    last.has("Connection", "close");
    assert_eq!(client.until_closed().await.as_deref(), Some(&b""[..]));
}

#[tokio::test]
async fn an_http2_connection_gets_old() {
    let (_shop, gateway) = with(json!({"transport": {"keepAliveMaxTime": "1s"}})).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    assert_eq!(ask(&mut client, 1, &headers(b"/"), None).await, End::Answer(200));
    let told = loop {
        let frame = client.next_in_time().await.expect("it is told before it is closed");
        if frame.kind == GO_AWAY {
            break number(&frame.payload, 4);
        }
    };
    assert_eq!(told, 0);
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_and_closed() {
    let (_shop, gateway) = with(timeouts(&json!({"idleTimeout": "500ms"}))).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    assert_eq!(ask(&mut client, 1, &headers(b"/"), None).await, End::Answer(200));
    let mut told = None;
    while let Some(got) = client.next_in_time().await {
        match got.kind {
            GO_AWAY => told = Some(number(&got.payload, 4)),
            PING if got.flags == 0 => client.send(&frame(PING, 1, 0, &got.payload)).await.unwrap(),
            _ => {}
        }
    }
    assert_eq!(told, Some(0));
}

/// The stream is answered; the connection and its other streams go on.
#[tokio::test]
async fn half_a_body_on_http2_is_not_waited_for() {
    let (shop, gateway) = with(timeouts(&json!({"readTimeout": "500ms"}))).await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let mut head = headers(b"/upload");
    head[0].1 = b"POST";
    let half = [frame(HEADERS, END_HEADERS, 1, &block(&head)), frame(DATA, 0, 1, b"half")].concat();
    client.send(&half).await.unwrap();
    assert_eq!(client.end(1).await, End::Answer(408));
    assert_eq!(ask(&mut client, 3, &headers(b"/"), None).await, End::Answer(200));
    eventually("the endpoint got no whole request", async || {
        holds(shop.seen("/upload").iter().all(|seen| !seen.complete))
    })
    .await;
}
