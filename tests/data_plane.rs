//! What goes wrong between two connections: answers that are not what they say, headers that one side names for the
//! other, clients that are slow, and requests on their way while the gateway goes.

use serde_json::json;

use crate::harness::backend::Answer;
use crate::harness::http2::Http2;
use crate::harness::{Backend, Gateway, Request, backend, gateway, routes};

async fn shop() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

/// RFC 9112 6.3: the transfer coding counts, and the length must not outlive it.
#[tokio::test]
async fn a_length_beside_a_transfer_coding_cuts_nothing_off() {
    let (shop, gateway) = shop().await;
    let both = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ];
    for headers in both {
        shop.answers(
            "/both",
            Answer::raw(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")),
        );
        let mut client = gateway.connect("web").await;
        client.ask(&Request::new("GET", "shop.test", "/both")).await.is(200).says("0123456789");
        client.ask(&Request::new("GET", "shop.test", "/after")).await.is(200);
    }
}

#[tokio::test]
async fn answers_that_cannot_be_passed_on_are_a_bad_gateway() {
    let (shop, gateway) = shop().await;
    for raw in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        shop.answers("/odd", Answer::raw(raw));
        let mut client = gateway.connect("web").await;
        client.ask(&Request::new("GET", "shop.test", "/odd")).await.is(502);
        client.ask(&Request::new("GET", "shop.test", "/after")).await.is(200);
    }
}

#[tokio::test]
async fn nothing_is_promised_for_an_answer_that_has_no_body() {
    let (shop, gateway) = shop().await;
    shop.answers("/none", Answer::raw("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"));
    let mut client = Http2::plain(&gateway, "web").await;
    let response = client.get("shop.test", "/none").await;
    assert!(response.is(204).lacks("Content-Length").complete, "{response}");
}

/// A client must not be able to take away what a middleware has set, by naming it as a header of its connection.
#[tokio::test]
async fn what_a_middleware_sets_is_not_the_clients_to_remove() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]).replace("service: shop }", "service: shop, middlewares: [sign] }")
        + "  middlewares: { sign: { headers: { customRequestHeaders: { X-Auth: verified } } } }\n";
    let gateway = gateway().file(&text).with(&shop).start().await;
    let call =
        gateway.get("http://shop.test/").header("Connection", "close, X-Auth").header("X-Auth", "forged");
    call.await.is(200).seen().has("X-Auth", "verified");
}

#[tokio::test]
async fn an_empty_post_says_that_it_is_empty() {
    let (_shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let response = client.ask(http::Method::POST, "shop.test", "/", &[], None).await;
    response.is(200).seen().has("Content-Length", "0").lacks("Transfer-Encoding");
}

#[tokio::test]
async fn a_client_that_dawdles_is_told_so() {
    let shop = backend("shop").await;
    let quick = json!({"transport": {"respondingTimeouts": {"readTimeout": "1s"}}});
    let gateway = gateway().entry_point("web", quick).file(&routes(&["shop"])).with(&shop).start().await;
    let mut client = gateway.connect("web").await;
    let head = Request::new("POST", "shop.test", "/").header("Content-Length", "9");
    client.send(&head.bytes()).await.unwrap();
    client.answer("POST").await.is(408);
    assert!(client.until_closed().await.is_some());
}

#[tokio::test]
async fn a_small_limit_on_heads_is_kept() {
    let shop = backend("shop").await;
    let small = json!({"http": {"maxHeaderBytes": 2048}});
    let gateway = gateway().entry_point("web", small).file(&routes(&["shop"])).with(&shop).start().await;
    gateway.get("http://shop.test/").header("X-Large", &"x".repeat(1000)).await.is(200);
    gateway.get("http://shop.test/").header("X-Large", &"x".repeat(3000)).await.is(431);
}

/// A client that has just had an answer sends its next request without asking.
#[tokio::test]
async fn a_request_that_crosses_the_end_is_answered() {
    let (_shop, mut gateway) = shop().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = gateway.connect("web").await;
        client.ask(&Request::new("GET", "shop.test", "/first")).await.is(200);
        clients.push(client);
    }
    gateway.terminate();
    crate::harness::eventually("nobody new is let in", async || {
        let opened = crate::harness::connection::dial(gateway.address("web"), None).await;
        crate::harness::eventually::holds(opened.is_err())
    })
    .await;
    for mut client in clients {
        client.ask(&Request::new("GET", "shop.test", "/second")).await.is(200).has("Connection", "close");
    }
    assert!(gateway.exit().await.success());
}
