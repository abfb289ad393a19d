//! Endpoints: their addresses, their state, what survives a change.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Endpoint, Protocol, Target};
use crate::proxy::Proxies;
use crate::resolve::Resolver;
use crate::transport;

fn endpoint(url: &str, preserve_path: bool) -> Option<Endpoint> {
    let transport = Arc::new(transport::Config::default().build(1).unwrap());
    Endpoint::new(url, preserve_path, transport, &Resolver::new(Handle::current()), &Proxies::default()).ok()
}

#[tokio::test]
async fn urls_say_what_is_spoken_and_where() {
    for (url, protocol, target, host) in [
        ("http://10.0.0.1", Protocol::Http, "10.0.0.1:80", "10.0.0.1"),
        ("https://10.0.0.1", Protocol::Https, "10.0.0.1:443", "10.0.0.1"),
        ("h2c://[::1]:9000/x", Protocol::H2c, "[::1]:9000", "[::1]:9000"),
    ] {
        let endpoint = endpoint(url, false).unwrap();
        assert_eq!((endpoint.protocol(), endpoint.host().to_str().unwrap()), (protocol, host), "{url}");
        let Target::Address(address) = endpoint.target() else { panic!("{url} is an address") };
        assert_eq!(address.to_string(), target, "{url}");
    }
    let named = endpoint("http://shop.test:8080", false).unwrap();
    assert!(matches!(named.target(), Target::Name(_)));
}

#[tokio::test]
async fn what_is_no_url_of_a_server_is_refused() {
    for url in [
        "",
        "/path",
        "ftp://a",
        "http://",
        "127.0.0.1:80",
        "shop",
        "http://a b",
        "http://a:port",
        "http://a:99999",
    ] {
        assert!(endpoint(url, false).is_none(), "{url}");
    }
}

/// Go's reverse proxy does not send it either.
#[tokio::test]
async fn user_information_is_neither_used_nor_shown() {
    let served = endpoint("http://usr:SECRET@10.0.0.1:81/x", false).unwrap();
    assert_eq!((&**served.url(), served.host().to_str().unwrap()), ("http://10.0.0.1:81/x", "10.0.0.1:81"));
    assert!(!format!("{served:?}").contains("SECRET"));
    assert!(served.is_like("http://usr:OTHER@10.0.0.1:81/x", false, &Arc::clone(served.transport())));
}

#[tokio::test]
async fn what_is_refused_shows_no_user_information() {
    let transport = Arc::new(transport::Config::default().build(1).unwrap());
    for url in ["usr:SECRET@10.0.0.1:81", "ftp://usr:SECRET@a", "http://usr:SEC/RET@a", "http://u:SECRET@a b"]
    {
        let resolver = Resolver::new(Handle::current());
        let built = Endpoint::new(url, false, Arc::clone(&transport), &resolver, &Proxies::default());
        let said = built.unwrap_err().to_string();
        assert!(said.contains("***@") && !said.contains("SEC"), "{said}");
    }
}

#[tokio::test]
async fn the_path_of_the_url_counts_only_where_it_is_preserved() {
    let check = |url: &str, preserve: bool, wanted: &str| {
        let target = endpoint(url, preserve).unwrap().target_of(&"/x?y=1".parse().unwrap()).unwrap();
        assert_eq!(target.as_str(), wanted, "{url} {preserve}");
    };
    check("http://a/base", false, "/x?y=1");
    check("http://a/base", true, "/base/x?y=1");
    check("http://a/base/", true, "/base/x?y=1");
    check("http://a", true, "/x?y=1");
    check("http://a/", true, "/x?y=1");
}

#[tokio::test]
async fn an_endpoint_is_like_another_also_without_a_path_to_preserve() {
    let endpoint = endpoint("http://a", true).unwrap();
    let transport = Arc::clone(endpoint.transport());
    assert!(endpoint.is_like("http://a", true, &transport));
    assert!(!endpoint.is_like("http://a", false, &transport));
    assert!(!endpoint.is_like("http://b", true, &transport));
}

#[tokio::test]
async fn connections_are_shared_where_http2_is_spoken() {
    assert!(endpoint("h2c://a", false).unwrap().shares());
    let https = endpoint("https://a", false).unwrap();
    assert!(!https.shares());
    https.spoke(true);
    assert!(https.shares());
    https.spoke(false);
    assert!(!https.shares());
}
