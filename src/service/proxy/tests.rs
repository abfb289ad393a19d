//! Proxies: which variable counts, what is sent to a proxy, what is never printed.

use std::collections::HashMap;

use http::Uri;
use http::uri::Authority;

use super::{Proxies, Proxy, ProxyKind, Via};
use crate::endpoint::Protocol;
use crate::forward::Outgoing;

fn read(variables: &[(&str, &str)]) -> Proxies {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Proxies::read(|name| variables.get(name).map(|&value| value.to_owned()))
}

fn proxy_of(proxies: &Proxies, protocol: Protocol, host: &str, port: u16) -> Option<String> {
    proxies.via(protocol, host, port).map(|via| via.proxy().to_string())
}

#[test]
fn each_scheme_has_its_own() {
    let proxies = read(&[("HTTP_PROXY", "http://a:3128"), ("https_proxy", "https://b")]);
    let of = |protocol| proxy_of(&proxies, protocol, "shop.example", 80);
    assert_eq!(of(Protocol::Http).unwrap(), "http://a:3128");
    assert_eq!(of(Protocol::Https).unwrap(), "https://b:443");
    assert_eq!(of(Protocol::H2c), None);
}

#[test]
fn upper_case_goes_before_lower_case_and_empty_means_unset() {
    let proxies = read(&[("HTTP_PROXY", "http://a"), ("http_proxy", "http://b")]);
    assert_eq!(proxy_of(&proxies, Protocol::Http, "x", 80).unwrap(), "http://a:80");
    let proxies = read(&[("HTTP_PROXY", ""), ("http_proxy", "http://b")]);
    assert_eq!(proxy_of(&proxies, Protocol::Http, "x", 80).unwrap(), "http://b:80");
}

#[test]
fn what_is_exempt_is_dialled_directly() {
    let proxies = read(&[("HTTP_PROXY", "http://a"), ("NO_PROXY", "shop.example:8080")]);
    assert_eq!(proxy_of(&proxies, Protocol::Http, "shop.example", 8080), None);
    assert!(proxy_of(&proxies, Protocol::Http, "shop.example", 80).is_some());
    assert_eq!(proxy_of(&proxies, Protocol::Http, "127.0.0.1", 80), None);
}

#[test]
fn cgi_gets_no_http_proxy() {
    let proxies = read(&[("HTTP_PROXY", "http://a"), ("HTTPS_PROXY", "http://b"), ("REQUEST_METHOD", "GET")]);
    assert_eq!(proxy_of(&proxies, Protocol::Http, "x", 80), None);
    assert!(proxy_of(&proxies, Protocol::Https, "x", 443).is_some());
}

#[test]
fn urls_of_proxies() {
    let check = |url: &str, wanted: Option<&str>| {
        assert_eq!(Proxy::parse(url).map(|proxy| proxy.to_string()).as_deref(), wanted, "{url}");
    };
    check("http://a", Some("http://a:80"));
    check("proxy.example:3128", Some("http://proxy.example:3128"));
    check("HTTPS://Proxy.example/path", Some("https://proxy.example:443"));
    check("socks5h://[fd00::1]", Some("socks5://[fd00::1]:1080"));
    check("http://user:p%40ss@a:1", Some("http://a:1"));
    for wrong in ["", "http://", "ftp://a", "http://a:b", "http://a:70000", "http://u%zz@a", "http://a b"] {
        check(wrong, None);
    }
}

#[test]
fn secrets_are_never_printed() {
    let proxies = read(&[("HTTP_PROXY", "http://user:hunter2@a")]);
    let printed = format!("{proxies:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("user:"), "{printed}");
}

fn outgoing() -> Outgoing {
    let mut req = Box::new(http::Request::new(exchange::Body::Empty));
    *req.uri_mut() = Uri::from_static("/a?b=c");
    req.headers_mut().insert("host", http::HeaderValue::from_static("client.example"));
    req
}

fn via(url: &str, protocol: Protocol) -> Via {
    read(&[("HTTP_PROXY", url), ("HTTPS_PROXY", url)]).via(protocol, "shop.example", 8080).unwrap()
}

#[test]
fn a_proxy_is_asked_in_absolute_form() {
    let mut req = outgoing();
    let authority = Authority::from_static("shop.example:8080");
    // Twice: a request may be sent again.
    for _ in 0..2 {
        via("http://me:p%40ss@a", Protocol::Http).address(&mut req, &authority).unwrap();
        assert_eq!(req.uri().to_string(), "http://shop.example:8080/a?b=c");
        assert_eq!(req.headers()["host"], "shop.example:8080");
        assert_eq!(req.headers()["proxy-authorization"], "Basic bWU6cEBzcw==");
    }
}

#[test]
fn a_tunnel_leaves_requests_alone() {
    let authority = Authority::from_static("shop.example:8080");
    for via in [via("http://me:pw@a", Protocol::Https), via("socks5://me:pw@a", Protocol::Http)] {
        let mut req = outgoing();
        via.address(&mut req, &authority).unwrap();
        assert_eq!(req.uri().to_string(), "/a?b=c");
        assert!(!req.headers().contains_key("proxy-authorization"));
    }
    assert_eq!(Proxy::parse("socks5://a").unwrap().kind, ProxyKind::Socks5);
}
