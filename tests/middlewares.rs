//! Middlewares in a running gateway, beyond the table of facts: what needs time, files or several routers.

use crate::harness::eventually::holds;
use crate::harness::load::guesses;
use crate::harness::request::basic;
use crate::harness::routes::services;
use crate::harness::{Backend, Gateway, backend, eventually, gateway};

/// One route `a.test` (and a second, `b.test`) with these entries of `http.middlewares`.
async fn with(middlewares: &str, names: &str) -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    a: {{ rule: 'Host(`a.test`)', service: shop, middlewares: [{names}] }}
    b: {{ rule: 'Host(`b.test`)', service: shop, middlewares: [{names}] }}
  middlewares:
{middlewares}
  services:
{}",
        services(&["shop"])
    );
    let gateway = gateway().file(&text).with(&shop).start().await;
    (shop, gateway)
}

#[tokio::test]
async fn a_refused_request_is_told_when_to_come_back() {
    let (shop, gateway) =
        with("    limit: { rateLimit: { average: 1, burst: 1, period: 1h } }", "limit").await;
    gateway.get("http://a.test/").await.is(200);
    let refused = gateway.get("http://a.test/").await;
    refused.is(429).lacks("Content-Type");
    assert_eq!(refused.text(), "Too Many Requests");
    let seconds: u32 = refused.header("Retry-After").expect("Retry-After").parse().expect("whole seconds");
    assert!((3590..=3600).contains(&seconds), "{refused}");
    let duration = refused.header("X-Retry-In").expect("X-Retry-In");
    assert!(
        duration.starts_with("59m5") || duration.starts_with("1h0m"),
        "a duration as Go writes it: {duration}"
    );
    assert_eq!(shop.count(), 1, "what is refused is not forwarded");
}

#[tokio::test]
async fn a_limit_fills_up_again() {
    let (_shop, gateway) =
        with("    limit: { rateLimit: { average: 1, burst: 1, period: 1s } }", "limit").await;
    gateway.get("http://a.test/").await.is(200);
    gateway.get("http://a.test/").await.is(429);
    eventually("the bucket has a token again", async || {
        holds(gateway.get("http://a.test/").await.status == 200)
    })
    .await;
    gateway.get("http://a.test/").await.is(429);
}

/// Traefik keeps a bucket for each router; here a limit is one limit.
#[tokio::test]
async fn routers_share_the_bucket_of_a_middleware() {
    let (_shop, gateway) =
        with("    limit: { rateLimit: { average: 1, burst: 2, period: 1h } }", "limit").await;
    gateway.get("http://a.test/").await.is(200);
    gateway.get("http://b.test/").await.is(200);
    gateway.get("http://a.test/").await.is(429);
    gateway.get("http://b.test/").await.is(429);
}

#[tokio::test]
async fn a_chain_runs_its_members_in_order_and_stops_at_a_refusal() {
    let middlewares = "    mark: { headers: { customResponseHeaders: { X-Outer: seen } } }
    deny: { ipAllowList: { sourceRange: [10.0.0.0/8] } }
    count: { rateLimit: { average: 1, burst: 1, period: 1h } }
    all: { chain: { middlewares: [mark, deny, count] } }";
    let (shop, gateway) = with(middlewares, "all").await;
    for _ in 0..3 {
        // The limit behind the refusal is never asked; the header before it is on the answer.
        gateway.get("http://a.test/").await.is(403).has("X-Outer", "seen");
    }
    assert_eq!(shop.count(), 0);
}

#[tokio::test]
async fn a_users_file_that_changes_is_read_again() {
    let shop = backend("shop").await;
    let apr = "apr:$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.\n";
    let text = format!(
        "http:
  routers: {{ a: {{ rule: 'Host(`a.test`)', service: shop, middlewares: [auth] }} }}
  middlewares: {{ auth: {{ basicAuth: {{ usersFile: '<dir>/users' }} }} }}
  services:
{}",
        services(&["shop"])
    );
    let gateway =
        gateway().beside("users", "other:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").file(&text).with(&shop);
    let gateway = gateway.start().await;
    // apr:apr-pass
    let credentials = ("Authorization", "Basic YXByOmFwci1wYXNz");
    gateway.get("http://a.test/").header(credentials.0, credentials.1).await.is(401);
    std::fs::write(gateway.folder().join("users"), apr).unwrap();
    // Another router makes it a new configuration; the file is read whenever one is built.
    gateway.rewrite(&text.replace("routers: {", "routers: { z: { rule: 'Host(`z.test`)', service: shop },"));
    eventually("the new user is known", async || {
        let response = gateway.get("http://a.test/").header(credentials.0, credentials.1).await;
        holds(response.status == 200)
    })
    .await;
}

/// Guesses of passwords have a short queue. When it is full they are told so, nobody gets in, and whoever needs no
/// hash is served meanwhile.
#[tokio::test]
async fn many_logins_at_once_do_not_stop_the_rest() {
    // Nearly as slow in one build as in the other: a debug build takes thirty times as long for a hash.
    let cost = if cfg!(debug_assertions) { "04" } else { "09" };
    let hash = "abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G";
    let middlewares = format!(
        "    auth: {{ basicAuth: {{ users: ['bc:$2y$05${hash}', 'slow:$2y${cost}${hash}', 'sha:{{SHA}}qvTGHdzF6KLavt4PO0gs2a6pQ00='] }} }}"
    );
    let (shop, gateway) = with(&middlewares, "auth").await;
    let ask = async |credentials: &str| {
        gateway.get("http://a.test/").header("Authorization", &basic(credentials)).await
    };
    let mut guesses = guesses(&gateway, "a.test", "slow").await;
    let mut computed = 0;
    // The queue is full: whoever finds no place in it does not wait.
    while guesses.next().await.expect("one of them is told so") != 503 {
        computed += 1;
    }
    // A hash that costs nothing: sha:hello.
    for _ in 0..10 {
        ask("sha:hello").await.is(200).served_by(&shop);
    }
    while let Some(status) = guesses.next().await {
        assert!([401, 503].contains(&status), "{status}");
        computed += usize::from(status == 401);
    }
    assert!(computed > 0, "those in the queue get their answer");
    assert_eq!(shop.count(), 10);
    // bc:bc-pass
    ask("bc:bc-pass").await.is(200);
}

#[tokio::test]
async fn preflights_never_reach_the_service() {
    let middlewares = "    cors: { headers: { accessControlAllowOriginList: ['https://a.test'], accessControlAllowMethods: [GET] } }";
    let (shop, gateway) = with(middlewares, "cors").await;
    let ask = |origin: &str| {
        let call = gateway.call("OPTIONS", "http://a.test/").header("Origin", origin);
        call.header("Access-Control-Request-Method", "GET")
    };
    ask("https://a.test").await.is(200).has("Access-Control-Allow-Origin", "https://a.test");
    ask("https://b.test").await.is(200).lacks("Access-Control-Allow-Origin");
    assert_eq!(shop.count(), 0);
}

/// A client cannot name itself: what identifies it is set by the gateway or not there.
#[tokio::test]
async fn a_client_cannot_set_the_header_that_names_its_user() {
    let middlewares = "    auth: { basicAuth: { users: ['apr:$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.'], headerField: X-User } }";
    let (_shop, gateway) = with(middlewares, "auth").await;
    let call = gateway.get("http://a.test/").header("X-User", "root").header("x-user", "admin");
    let response = call.header("Authorization", "Basic YXByOmFwci1wYXNz").await;
    response.is(200).seen().has("X-User", "apr");
}
