//! Options of entry points: what is let in of a request, and what is said about where it comes from.

use serde_json::{Value, json};

use crate::harness::frames::{
    self, END_HEADERS, END_STREAM, End, Frames, HEADERS, SETTINGS, block, frame, number,
};
use crate::harness::routes::services;
use crate::harness::{Backend, Gateway, backend, gateway, routes};

const MAX_CONCURRENT_STREAMS: u16 = 3;
const REFUSED_STREAM: u32 = 7;

/// Entry points with these options beside `web`, which has none.
async fn with(entry_points: &[(&str, Value)]) -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let mut builder = gateway();
    for (name, options) in entry_points {
        builder = builder.entry_point(name, options.clone());
    }
    let gateway = builder.file(&routes(&["shop"])).with(&shop).start().await;
    (shop, gateway)
}

#[tokio::test]
async fn headers_with_underscores_are_kept_deleted_or_refused() {
    let strategy = |strategy: &str| json!({"http": {"underscoreHeadersStrategy": strategy}});
    let (shop, gateway) =
        with(&[("keep", strategy("keep")), ("delete", strategy("delete")), ("reject", strategy("reject"))])
            .await;
    let ask = |entry_point: &str| {
        let call = gateway.get("http://shop.test/").on(entry_point);
        call.header("X_User", "root").header("X-Other", "1")
    };
    for entry_point in ["web", "keep"] {
        ask(entry_point).await.is(200).seen().has("X_User", "root").has("X-Other", "1");
    }
    ask("delete").await.is(200).seen().lacks("X_User").has("X-Other", "1");
    let refused = ask("reject").await;
    refused.is(400);
    assert_eq!(refused.text(), "Bad Request\n");
    gateway.get("http://shop.test/").on("reject").header("X-User", "1").await.is(200);
    assert_eq!(shop.count(), 4);
}

/// Each escape by itself: in lower case and upper case, in the path and not in the query.
#[tokio::test]
async fn escapes_that_are_not_allowed_are_refused() {
    let escapes = [
        ("Slash", "%2f"),
        ("BackSlash", "%5C"),
        ("NullCharacter", "%00"),
        ("Semicolon", "%3b"),
        ("Percent", "%25"),
        ("QuestionMark", "%3F"),
        ("Hash", "%23"),
    ];
    let options = |name: &str| json!({"http": {"encodedCharacters": {format!("allowEncoded{name}"): false}}});
    let entry_points: Vec<(&str, Value)> = escapes.map(|(name, _)| (name, options(name))).to_vec();
    let (shop, gateway) = with(&entry_points).await;
    for (name, _) in escapes {
        for (other, escape) in escapes {
            for escape in [escape.to_lowercase(), escape.to_uppercase()] {
                let response = gateway.get(&format!("http://shop.test/a{escape}b")).on(name).await;
                response.is(if other == name { 400 } else { 200 });
                assert!(other != name || response.body.is_empty(), "{response}");
            }
            gateway.get(&format!("http://shop.test/a?b={escape}")).on(name).await.is(200);
            gateway.get(&format!("http://shop.test/a{escape}b")).await.is(200);
        }
    }
    assert!(shop.log().iter().all(|seen| seen.complete && seen.odd.is_empty()));
}

#[tokio::test]
async fn semicolons_in_a_query_divide_it_or_are_escaped() {
    let (_shop, gateway) = with(&[("escape", json!({"http": {"encodeQuerySemicolons": true}}))]).await;
    for (entry_point, wanted) in [("web", "/?a=1&b=2&c=%3B"), ("escape", "/?a=1%3Bb=2&c=%3B")] {
        let response = gateway.get("http://shop.test/?a=1;b=2&c=%3B").on(entry_point).await;
        assert_eq!(response.is(200).seen().target(), wanted);
    }
}

#[tokio::test]
async fn the_peer_is_not_appended_where_that_is_written() {
    let (_shop, gateway) = with(&[
        ("trusts", json!({"forwardedHeaders": {"trustedIPs": ["127.0.0.1"]}})),
        ("stranger", json!({"forwardedHeaders": {"notAppendXForwardedFor": true}})),
        ("both", json!({"forwardedHeaders": {"trustedIPs": ["127.0.0.1"], "notAppendXForwardedFor": true}})),
    ])
    .await;
    let ask = |entry_point: &str| {
        gateway.get("http://shop.test/").on(entry_point).header("X-Forwarded-For", "203.0.113.7")
    };
    ask("web").await.is(200).seen().has("X-Forwarded-For", "127.0.0.1");
    ask("trusts").await.is(200).seen().has("X-Forwarded-For", "203.0.113.7, 127.0.0.1");
    ask("stranger").await.is(200).seen().lacks("X-Forwarded-For").has("X-Real-Ip", "127.0.0.1");
    ask("both").await.is(200).seen().has("X-Forwarded-For", "203.0.113.7");
}

#[tokio::test]
async fn the_peer_is_appended_nowhere_where_the_install_configuration_says_so() {
    let shop = backend("shop").await;
    let builder = gateway().install(json!({"global": {"notAppendXForwardedFor": true}}));
    let gateway = builder.file(&routes(&["shop"])).with(&shop).start().await;
    gateway.get("http://shop.test/").await.is(200).seen().lacks("X-Forwarded-For");
}

/// What a client names in `Connection` is gone before a rule or a middleware sees it, unless it is allowed there.
/// The server never gets it.
#[tokio::test]
async fn headers_of_a_connection_are_seen_where_that_is_allowed() {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    rest: {{ rule: 'Host(`shop.test`)', service: shop }}
    hop: {{ rule: 'Host(`shop.test`) && Header(`X-Hop`, `1`)', service: shop, middlewares: [mark] }}
  middlewares: {{ mark: {{ addPrefix: {{ prefix: /hop }} }} }}
  services:
{}",
        services(&["shop"])
    );
    let allowed = json!({"forwardedHeaders": {"connection": ["x-hop"]}});
    let gateway = gateway().entry_point("allows", allowed).file(&text).with(&shop).start().await;
    let ask = |entry_point: &str| {
        let call = gateway.get("http://shop.test/").on(entry_point);
        call.header("Connection", "X-Hop, X-Hop-2").header("X-Hop", "1").header("X-Hop-2", "1")
    };
    for (entry_point, target) in [("web", "/"), ("allows", "/hop/")] {
        let seen = ask(entry_point).await.is(200).seen();
        assert_eq!(seen.target(), target);
        seen.lacks("X-Hop").lacks("X-Hop-2").lacks("Connection");
    }
}

#[tokio::test]
async fn so_many_streams_may_be_open_at_once() {
    let few = json!({"http2": {"maxConcurrentStreams": 3}});
    let (shop, gateway) = with(&[("few", few)]).await;
    shop.answers("/held", crate::harness::backend::Answer::status(200).hold());
    let mut client = Frames::open(gateway.address("few"), None).await.unwrap();
    let settings = client.next_in_time().await.expect("settings");
    assert_eq!(settings.kind, SETTINGS);
    assert_eq!(setting(&settings.payload, MAX_CONCURRENT_STREAMS), Some(3));
    client.send(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
    let head =
        block(&[(":method", "GET"), (":scheme", "http"), (":authority", "shop.test"), (":path", "/held")]);
    for stream in [1, 3, 5, 7] {
        client.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head)).await.unwrap();
    }
    assert_eq!(client.end(7).await, End::Reset(REFUSED_STREAM));
    shop.release(3);
    assert_eq!(client.end(5).await, End::Answer(200));
    let path = [(":method", "GET"), (":scheme", "http"), (":authority", "shop.test"), (":path", "/after")];
    assert_eq!(frames::ask(&mut client, 9, &path, None).await, End::Answer(200));
    assert_eq!(shop.count(), 4, "the fourth was never forwarded");
}

fn setting(payload: &[u8], wanted: u16) -> Option<u32> {
    let entry = payload.chunks(6).find(|entry| entry[..2] == wanted.to_be_bytes())?;
    Some(number(entry, 2))
}
