//! Protocols through the gateway: HTTP/1.1, HTTP/2, WebSocket, gRPC; bodies, trailers, interim answers.

mod extended_connect;
mod grpc;
mod websocket;

use crate::harness::backend::{Answer, Close};
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::routes::routes;
use crate::harness::{Backend, Gateway, Request, backend, eventually, gateway};

async fn shop() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let gateway = gateway().secure().file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let (shop, gateway) = shop().await;
    let mut client = gateway.connect("web").await;
    for nth in 1..=20 {
        let response = client.ask(&Request::new("GET", "shop.test", "/")).await;
        response.is(200);
        assert_eq!(shop.count(), nth);
    }
    assert_eq!(shop.connections(), 1, "one connection to the endpoint served them all");
}

#[tokio::test]
async fn two_requests_in_one_write_get_two_answers_in_order() {
    let (_shop, gateway) = shop().await;
    let mut client = gateway.connect("web").await;
    let first = Request::new("POST", "shop.test", "/first").body("one");
    let second = Request::new("GET", "shop.test", "/second");
    client.send(&[first.bytes(), second.bytes()].concat()).await.unwrap();
    assert_eq!(client.answer("POST").await.seen().target(), "/first");
    assert_eq!(client.answer("GET").await.seen().target(), "/second");
}

#[tokio::test]
async fn http_1_0_is_served_and_closed() {
    let (_shop, gateway) = shop().await;
    let mut client = gateway.connect("web").await;
    client.send(b"GET /old HTTP/1.0\r\nHost: shop.test\r\n\r\n").await.unwrap();
    let response = client.answer("GET").await;
    response.is(200).lacks("Transfer-Encoding");
    assert!(client.until_closed().await.is_some());
}

#[tokio::test]
async fn a_body_arrives_whole_however_it_is_framed() {
    let (shop, gateway) = shop().await;
    let body = "0123456789abcdef".repeat(65_536); // 1 MiB
    let sized = gateway.post("http://shop.test/sized", &body).await;
    assert_eq!(sized.is(200).seen().body_length(), 1 << 20);
    let chunked = gateway.post("http://shop.test/chunked", &body).chunked().await;
    assert_eq!(chunked.is(200).seen().body_length(), 1 << 20);
    let mut http2 = Http2::secure(&gateway, "secure", "shop.test").await.unwrap();
    let small = "x".repeat(60_000);
    let response = http2.ask(http::Method::POST, "shop.test", "/http2", &[], Some(&small)).await;
    assert_eq!(response.is(200).seen().body_length(), 60_000);
    assert!(shop.log().iter().all(|seen| seen.odd.is_empty()), "every request was framed well");
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let (shop, gateway) = shop().await;
    let body = "0123456789abcdef".repeat(262_144); // 4 MiB
    shop.answers("/large", Answer::status(200).body(&body));
    for url in ["http://shop.test/large", "https://shop.test/large"] {
        let response = gateway.get(url).await;
        assert!(response.is(200).complete && response.text() == body, "{url}");
    }
    let response =
        Http2::secure(&gateway, "secure", "shop.test").await.unwrap().get("shop.test", "/large").await;
    assert!(response.is(200).complete && response.text() == body, "over HTTP/2");
}

/// The client must be able to tell a part from the whole.
#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_break_off() {
    let (shop, gateway) = shop().await;
    shop.answers("/sized", Answer::status(200).body("twelve bytes").close(Close::Mid));
    shop.answers("/chunked", Answer::status(200).chunks(&["first", "second"]).close(Close::Mid));
    for path in ["sized", "chunked"] {
        let response = gateway.get(&format!("http://shop.test/{path}")).await;
        assert!(!response.complete && response.closed, "{response}");
        let mut http2 = Http2::secure(&gateway, "secure", "shop.test").await.unwrap();
        let response = http2.get("shop.test", &format!("/{path}")).await;
        assert!(!response.complete, "over HTTP/2 the stream is reset: {response}");
    }
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_or_nonsense_is_a_bad_gateway() {
    let (shop, gateway) = shop().await;
    shop.answers("/silent", Answer::default().close(Close::Before));
    shop.answers("/nonsense", Answer::raw("220 mail.test ESMTP\r\n\r\n").close(Close::After));
    for path in ["silent", "nonsense"] {
        let response = gateway.get(&format!("http://shop.test/{path}")).await;
        response.is(502);
        assert_eq!(response.text(), "Bad Gateway");
    }
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_costs_nobody_a_request() {
    let (shop, gateway) = shop().await;
    shop.answers("/last", Answer::status(200).body("bye").close(Close::After));
    let mut client = gateway.connect("web").await;
    for _ in 0..20 {
        client.ask(&Request::new("GET", "shop.test", "/last")).await.is(200).says("bye");
    }
}

#[tokio::test]
async fn a_stream_flows_as_it_comes() {
    let (shop, gateway) = shop().await;
    let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    shop.answers("/events", Answer::raw(events));
    let mut client = gateway.connect("web").await;
    client.send(&Request::new("GET", "shop.test", "/events").bytes()).await.unwrap();
    // The endpoint has not ended its answer; the first event is here all the same.
    eventually("the first event", async || {
        client.reader.more().await.unwrap();
        holds(client.reader.buffer.windows(7).any(|w| w == b"data: 1"))
    })
    .await;
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let (shop, gateway) = shop().await;
    shop.answers("/down", Answer::status(200).chunks(&["body"]).trailer("X-Sum", "42"));
    let response =
        gateway.get("http://shop.test/down").header("TE", "trailers").header("Connection", "TE").await;
    response.is(200);
    assert_eq!(response.trailers, [("x-sum".to_owned(), "42".to_owned())].map(lower), "{response}");
    let mut http2 = Http2::secure(&gateway, "secure", "shop.test").await.unwrap();
    let response = http2.get("shop.test", "/down").await;
    assert_eq!(response.trailers, [("x-sum".to_owned(), "42".to_owned())], "{response}");
    let call = gateway.post("http://shop.test/up", "body").chunked().header("Trailer", "X-Sum");
    let response = call.trailer("X-Sum", "42").await;
    let trailers = response.is(200).seen().trailers().to_string().to_lowercase();
    assert_eq!(trailers, r#"[["x-sum","42"]]"#);
}

fn lower((name, value): (String, String)) -> (String, String) {
    (name.to_ascii_lowercase(), value)
}

#[tokio::test]
async fn expect_continue_waits_for_the_endpoint() {
    let (_shop, gateway) = shop().await;
    let mut client = gateway.connect("web").await;
    let head =
        Request::new("POST", "shop.test", "/").header("Expect", "100-continue").header("Content-Length", "4");
    client.send(&head.bytes()).await.unwrap();
    eventually("100 Continue", async || {
        client.reader.more().await.unwrap();
        holds(client.reader.buffer.starts_with(b"HTTP/1.1 100"))
    })
    .await;
    client.send(b"body").await.unwrap();
    let response = client.answer("POST").await;
    assert_eq!(response.is(200).seen().body(), "body");
}

#[tokio::test]
async fn interim_answers_of_the_endpoint_do_not_become_the_answer() {
    let (shop, gateway) = shop().await;
    shop.answers("/early", Answer::status(200).body("final").early(103).early(102));
    let response = gateway.get("http://shop.test/early").await;
    response.is(200).says("final");
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let (shop, gateway) = shop().await;
    shop.answers("/none", Answer::status(204));
    shop.answers("/same", Answer::status(304).header("ETag", "\"1\""));
    let mut client = gateway.connect("web").await;
    client.ask(&Request::new("GET", "shop.test", "/none")).await.is(204).lacks("Content-Length");
    client.ask(&Request::new("GET", "shop.test", "/same")).await.is(304).has("ETag", "\"1\"");
    let head = client.ask(&Request::new("HEAD", "shop.test", "/")).await;
    assert!(head.is(200).body.is_empty() && head.header("Content-Length").is_some(), "{head}");
    // The connection is still in step.
    assert_eq!(client.ask(&Request::new("GET", "shop.test", "/after")).await.seen().target(), "/after");
}

#[tokio::test]
async fn http2_streams_do_not_wait_for_each_other() {
    let (shop, gateway) = shop().await;
    shop.answers("/slow", Answer::status(200).body("slow").hold());
    let mut client = Http2::secure(&gateway, "secure", "shop.test").await.unwrap();
    let slow = client.start(&http::Method::GET, "shop.test", "/slow", &[], None).unwrap();
    for _ in 0..10 {
        client.get("shop.test", "/fast").await.is(200);
    }
    shop.release(1);
    crate::harness::http2::read(slow).await.unwrap().is(200).says("slow");
}

#[tokio::test]
async fn http2_needs_no_tls() {
    let (_shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let response = client.get("shop.test", "/a").await;
    let seen = response.is(200).seen();
    assert_eq!(seen.target(), "/a");
    seen.has("Host", "shop.test").has("X-Forwarded-Proto", "http");
}

/// RFC 9113 8.2.3: `Cookie` may come in pieces; HTTP/1.1 knows only one line.
#[tokio::test]
async fn cookie_crumbs_become_one_line() {
    let (_shop, gateway) = shop().await;
    let mut client = Http2::plain(&gateway, "web").await;
    let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")];
    let response = client.ask(http::Method::GET, "shop.test", "/", &crumbs, None).await;
    response.is(200).seen().has("Cookie", "a=1; b=2; c=3");
}

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_hop() {
    let (shop, gateway) = shop().await;
    shop.answers(
        "/down",
        Answer::status(200)
            .body("x")
            .header("Connection", "X-Hop")
            .header("X-Hop", "1")
            .header("Keep-Alive", "timeout=5"),
    );
    let call = gateway.get("http://shop.test/").header("Connection", "close, X-Hop").header("X-Hop", "1");
    let call = call.header("Proxy-Authorization", "secret").header("Keep-Alive", "5").header("X-Kept", "1");
    let response = call.await;
    response
        .is(200)
        .seen()
        .lacks("X-Hop")
        .lacks("Proxy-Authorization")
        .lacks("Keep-Alive")
        .has("X-Kept", "1");
    let response = gateway.get("http://shop.test/down").await;
    response.is(200).lacks("X-Hop").lacks("Keep-Alive");
}

#[tokio::test]
async fn connect_and_foreign_upgrades_are_not_forwarded() {
    let (shop, gateway) = shop().await;
    let mut client = gateway.connect("web").await;
    client.send(b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n").await.unwrap();
    let response = client.answer("GET").await;
    response.is(501);
    assert_eq!(shop.count(), 0);
    let call = gateway
        .get("http://shop.test/")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c");
    let response = call.header("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA").await;
    response.is(200).seen().lacks("Upgrade").lacks("HTTP2-Settings");
}

#[tokio::test]
async fn a_client_that_gives_up_frees_the_endpoint() {
    let (shop, gateway) = shop().await;
    shop.answers("/slow", Answer::status(200).hold());
    let mut client = gateway.connect("web").await;
    client.send(&Request::new("GET", "shop.test", "/slow").bytes()).await.unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 1)).await;
    drop(client);
    eventually("the endpoint is free", async || holds(shop.open() == 0)).await;
    let mut client = Http2::plain(&gateway, "web").await;
    let slow = client.start(&http::Method::GET, "shop.test", "/slow", &[], None).unwrap();
    eventually("it is at the backend", async || holds(shop.open() == 1 && shop.count() == 2)).await;
    // Dropping the answer resets its stream; the connection stays.
    drop(slow);
    eventually("the endpoint is free again", async || holds(shop.open() == 0)).await;
    client.get("shop.test", "/").await.is(200);
}

#[tokio::test]
async fn a_silent_endpoint_times_out_where_that_is_configured() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]).replace("servers:", "serversTransport: quick, servers:")
        + "  serversTransports: { quick: { forwardingTimeouts: { responseHeaderTimeout: 300ms } } }\n";
    let gateway = gateway().file(&text).with(&shop).start().await;
    shop.answers("/slow", Answer::status(200).hold());
    let response = gateway.get("http://shop.test/slow").await;
    response.is(504);
    assert_eq!(response.text(), "Gateway Timeout");
    gateway.get("http://shop.test/").await.is(200);
}
