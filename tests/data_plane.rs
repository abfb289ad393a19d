//! What goes wrong between two connections: answers that are not what they say, headers that one side names for the
//! other, clients that are slow, and requests on their way while the gateway goes.

use serde_json::json;

use crate::harness::backend::Answer;
use crate::harness::frames::{Frames, SETTINGS};
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

/// Traefik, `forwardedHeaders.addXForwardedSchemeHeaders`; what strangers say of the scheme never passes.
#[tokio::test]
async fn the_scheme_is_told_where_that_is_asked_for() {
    let shop = backend("shop").await;
    let options = json!({"forwardedHeaders": {"addXForwardedSchemeHeaders": true}});
    let gateway = gateway().entry_point("web", options).file(&routes(&["shop"])).with(&shop).start().await;
    let response = gateway.get("http://shop.test/").header("X-Scheme", "gopher").await;
    response.is(200).seen().has("X-Scheme", "http").has("X-Forwarded-Scheme", "http");
}

/// RFC 9113 6.5.2: SETTINGS_HEADER_TABLE_SIZE is 4096 unless it is told.
#[tokio::test]
async fn the_header_table_is_as_large_as_it_is_configured() {
    let shop = backend("shop").await;
    let small = json!({"http2": {"maxDecoderHeaderTableSize": 512}});
    let gateway = gateway().entry_point("small", small).file(&routes(&["shop"])).with(&shop).start().await;
    for (entry_point, wanted) in [("web", None), ("small", Some(512))] {
        let mut frames = Frames::open(gateway.address(entry_point), None).await.unwrap();
        let settings = frames.next().await.unwrap();
        assert_eq!(settings.kind, SETTINGS);
        let table = settings.payload.chunks(6).find(|setting| setting[..2] == [0, 1]);
        let size = table.map(|setting| u32::from_be_bytes(setting[2..6].try_into().unwrap()));
        assert_eq!(size, wanted, "{entry_point}");
        // The library counts with what it told.
        Http2::plain(&gateway, entry_point).await.get("shop.test", "/").await.is(200);
    }
}

/// Somebody who asked for one protocol must not be handed another.
#[tokio::test]
async fn a_switch_to_what_was_not_asked_for_is_a_bad_gateway() {
    let (shop, gateway) = shop().await;
    for (answered, status) in [("other", 502), ("websocket, other", 502), ("WebSocket", 101)] {
        let head =
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {answered}\r\n\r\n");
        shop.answers("/odd", Answer::raw(&head));
        let mut client = gateway.connect("web").await;
        let ask = Request::new("GET", "shop.test", "/odd").header("Connection", "Upgrade");
        client.ask(&ask.header("Upgrade", "websocket")).await.is(status);
    }
}

/// A client that is still sending when it gets its answer learns that the connection ends with it. One that has sent
/// everything can go on.
#[tokio::test]
async fn an_answer_to_half_a_request_says_that_it_is_the_last() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]).replace("service: shop }", "service: shop, middlewares: [auth] }")
        + "  middlewares: { auth: { basicAuth: { users: ['a:b'] } } }\n";
    let gateway = gateway().file(&text).with(&shop).start().await;
    let post = || Request::new("POST", "shop.test", "/");
    for half in [
        post().header("Content-Length", "9"),
        post().header("Content-Length", "1000000").body("x".repeat(100_000)),
        post().header("Content-Length", "4").header("Expect", "100-continue"),
    ] {
        let mut client = gateway.connect("web").await;
        let response = client.ask(&half).await;
        response.is(401).has("Connection", "close");
        assert!(response.interim.is_empty(), "{response}");
        assert!(client.until_closed().await.is_some());
    }
    let mut chunked = post().body("whole");
    chunked.chunked = true;
    for whole in [post().body("whole"), post().body("x".repeat(2000)), chunked] {
        let mut client = gateway.connect("web").await;
        client.ask(&whole).await.is(401).lacks("Connection");
        client.ask(&whole).await.is(401).lacks("Connection");
        client.ask(&Request::new("GET", "shop.test", "/")).await.is(401).lacks("Connection");
    }
    assert_eq!(shop.count(), 0);
}

#[tokio::test]
async fn the_head_of_an_answer_has_a_size() {
    let (shop, gateway) = shop().await;
    let mut many = Answer::status(200);
    for n in 0..300 {
        many = many.header(&format!("X-{n}"), "a");
    }
    shop.answers("/many", many);
    shop.answers("/large", Answer::status(200).header("X-Large", &"a".repeat(200_000)));
    shop.answers("/well", Answer::status(200).header("X-Large", &"a".repeat(60_000)));
    for (path, status) in [("many", 502), ("large", 502), ("well", 200)] {
        gateway.get(&format!("http://shop.test/{path}")).await.is(status);
    }
}
