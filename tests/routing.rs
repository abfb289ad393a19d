//! Which route a request takes, beyond the table of facts: what must never happen when something is broken.

use std::fmt::Write;

use crate::harness::routes::services;
use crate::harness::{backend, gateway, routes};

#[tokio::test]
async fn a_request_finds_its_service() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let gateway = gateway().file(&routes(&["shop", "blog"])).with(&shop).with(&blog).start().await;
    gateway.get("http://shop.test/a?b=c").await.is(200).served_by(&shop);
    gateway.get("http://blog.test/").await.is(200).served_by(&blog);
    assert_eq!(gateway.get("http://shop.test/a?b=c").await.seen().target(), "/a?b=c");
}

#[tokio::test]
async fn without_a_route_the_answer_is_traefiks() {
    let shop = backend("shop").await;
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    let response = gateway.get("http://nobody.test/").await;
    response
        .is(404)
        .has("Content-Type", "text/plain; charset=utf-8")
        .has("X-Content-Type-Options", "nosniff");
    assert_eq!(response.text(), "404 page not found\n");
    assert_eq!(shop.count(), 0);
}

/// A router that cannot do what it says must not hand its requests to the one behind it.
#[tokio::test]
async fn a_broken_router_never_falls_through() {
    let shop = backend("shop").await;
    let text = "http:
  routers:
    open: { rule: 'Host(`shop.test`)', service: shop }
    admin: { rule: 'Host(`shop.test`) && PathPrefix(`/admin`)', service: shop, middlewares: [auth] }
    typo: { rule: 'Host(`shop.test`) && PathPrefix(`/typo`)', service: shop, middlewares: [no-such] }
    gone: { rule: 'Host(`shop.test`) && PathPrefix(`/gone`)', service: no-such }
    unread: { rule: 'Host(`shop.test`) && PathPrefix(`/unread`)', service: shop, middlewares: [unread] }
  middlewares:
    auth: { basicAuth: { users: ['no-colon'] } }
    unread: { addPrefix: { prefx: /x } }
  services:
";
    let text = format!("{text}{}", services(&["shop"]));
    let gateway = gateway().file(&text).with(&shop).start().await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
    for path in ["admin", "typo", "gone", "unread"] {
        gateway.get(&format!("http://shop.test/{path}/x")).await.is(503);
    }
    assert_eq!(shop.count(), 1, "only the open path was served");
}

#[tokio::test]
async fn a_rule_that_cannot_be_read_is_taken_out_and_the_rest_serves() {
    let shop = backend("shop").await;
    let text = "http:
  routers:
    good: { rule: 'Host(`shop.test`)', service: shop }
    bad: { rule: 'Hots(`shop.test`) && Path(`/x`)', service: shop }
  services:
";
    let gateway = gateway().file(&format!("{text}{}", services(&["shop"]))).with(&shop).start().await;
    gateway.get("http://shop.test/x").await.is(200);
    let bad = gateway.api("/api/http/routers/bad@file").await;
    assert_eq!(bad["status"], "disabled", "{bad}");
    assert!(bad["error"][0].as_str().unwrap_or_default().contains("Hots"), "{bad}");
    assert!(gateway.log().contains("Hots"), "the log names the mistake");
}

#[tokio::test]
async fn equal_priority_is_decided_by_name_not_by_chance() {
    let (one, two) = (backend("one").await, backend("two").await);
    let text = "http:
  routers:
    b: { rule: 'Host(`tie.test`)', service: two }
    a: { rule: 'Host(`tie.test`)', service: one }
  services:
";
    let text = format!("{text}{}", services(&["one", "two"]));
    for _ in 0..3 {
        let gateway = gateway().file(&text).with(&one).with(&two).start().await;
        gateway.get("http://tie.test/").await.is(200).served_by(&one);
    }
}

#[tokio::test]
async fn three_thousand_routes_are_one_table() {
    let shop = backend("shop").await;
    let mut text = String::from("http:\n  routers:\n");
    for n in 0..3000 {
        let rule = format!("Host(`h{n}.test`) && PathPrefix(`/p{n}`)");
        writeln!(text, "    r{n}: {{ rule: '{rule}', service: shop }}").unwrap();
    }
    text += &format!("  services:\n{}", services(&["shop"]));
    let gateway = gateway().file(&text).with(&shop).start().await;
    for n in [0, 1, 1499, 2998, 2999] {
        gateway.get(&format!("http://h{n}.test/p{n}/x")).await.is(200);
        gateway.get(&format!("http://h{n}.test/q{n}")).await.is(404);
    }
}

/// What the middleware `headers` writes and what the rule reads must be the same path and host.
#[tokio::test]
async fn the_path_that_is_matched_is_the_path_that_is_sent() {
    let shop = backend("shop").await;
    let text = "http:
  routers:
    all: { rule: 'Host(`shop.test`)', service: shop }
    no: { rule: 'Host(`shop.test`) && PathPrefix(`/admin`)', service: noop@internal }
  services:
";
    let gateway = gateway().file(&format!("{text}{}", services(&["shop"]))).with(&shop).start().await;
    for path in ["/admin", "/%61dmin", "/x/../admin", "//admin", "/./admin", "/x/%2e%2e/admin", "/%2E/admin/"]
    {
        gateway.get(&format!("http://shop.test{path}")).await.is(418);
    }
    assert_eq!(shop.count(), 0, "no spelling of the path got by");
}
