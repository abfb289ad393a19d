//! Which server is next, and what its URL and the service say about the head.

use super::with;
use crate::harness::{Gateway, backend, gateway};

/// The names of those that serve the next requests.
async fn served(gateway: &Gateway, count: usize) -> String {
    let mut names = String::new();
    for _ in 0..count {
        names += gateway.get("http://shop.test/").await.is(200).seen().backend();
    }
    names
}

/// The order of Traefik's own test of its balancer, and the usual three to one.
#[tokio::test]
async fn servers_take_turns_by_their_weights() {
    let (a, b) = (backend("a").await, backend("b").await);
    for (weights, wanted) in [((3, 1), "aabaaaba"), ((11, 3), "aaabaaaabaaaba"), ((1, 1), "abab")] {
        let servers = format!(
            "servers: [{{ url: 'http://127.0.0.1:<a>', weight: {} }}, {{ url: 'http://127.0.0.1:<b>', weight: {} }}]",
            weights.0, weights.1
        );
        let gateway = with(&[&a, &b], &servers, "").await;
        assert_eq!(served(&gateway, wanted.len()).await, wanted, "{weights:?}");
    }
}

#[tokio::test]
async fn services_take_turns_by_their_weights() {
    let (a, b, c) = (backend("a").await, backend("b").await, backend("c").await);
    let text = "http:
  routers: { shop: { rule: 'Host(`shop.test`)', service: all } }
  services:
    all: { weighted: { services: [{ name: a, weight: 3 }, { name: b }, { name: c, weight: 0 }] } }
    a: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<a>' }] } }
    b: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<b>' }] } }
    c: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<c>' }] } }
";
    let gateway = gateway().file(text).with(&a).with(&b).with(&c).start().await;
    assert_eq!(served(&gateway, 8).await, "aabaaaba");
    assert_eq!((a.count(), b.count(), c.count()), (6, 2, 0));
}

#[tokio::test]
async fn a_weight_of_nothing_is_nothing() {
    let (a, b) = (backend("a").await, backend("b").await);
    let servers = "servers: [{ url: 'http://127.0.0.1:<a>', weight: 0 }, { url: 'http://127.0.0.1:<b>' }]";
    let gateway = with(&[&a, &b], servers, "").await;
    assert_eq!(served(&gateway, 4).await, "bbbb");
    let gateway = with(&[&a, &b], &servers.replace("<b>' }", "<b>', weight: 0 }"), "").await;
    let response = gateway.get("http://shop.test/").await;
    response.is(503);
    assert_eq!(response.text(), "no available server\n");
    assert_eq!(a.count(), 0);
}

#[tokio::test]
async fn the_host_is_the_clients_or_the_servers() {
    let shop = backend("shop").await;
    let servers = "servers: [{ url: 'http://127.0.0.1:<shop>' }]";
    let authority = format!("127.0.0.1:{}", shop.port());
    for (option, wanted) in [
        ("", "shop.test"),
        ("passHostHeader: true, ", "shop.test"),
        ("passHostHeader: false, ", authority.as_str()),
    ] {
        let gateway = with(&[&shop], &format!("{option}{servers}"), "").await;
        let seen = gateway.get("http://shop.test/").await.is(200).seen();
        seen.has("Host", wanted).has("X-Forwarded-Host", "shop.test");
    }
}

#[tokio::test]
async fn the_path_of_a_servers_url_counts_where_that_is_written() {
    let shop = backend("shop").await;
    for (url, preserve, target, wanted) in [
        ("/base", false, "/x?y", "/x?y"),
        ("/base", true, "/x?y", "/base/x?y"),
        ("/base/", true, "/x", "/base/x"),
        ("/base", true, "/", "/base/"),
        ("", true, "/x", "/x"),
    ] {
        let servers =
            format!("servers: [{{ url: 'http://127.0.0.1:<shop>{url}', preservePath: {preserve} }}]");
        let gateway = with(&[&shop], &servers, "").await;
        let response = gateway.get(&format!("http://shop.test{target}")).await;
        assert_eq!(response.is(200).seen().target(), wanted, "{url} {preserve} {target}");
    }
}
