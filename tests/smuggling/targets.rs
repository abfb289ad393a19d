//! Whom a request is for: absolute targets, authorities that disagree, hosts that are none.

use super::Fate::{Harmless, Refused};
use super::site;

#[tokio::test]
async fn hosts_that_disagree_or_are_none() {
    let site = site().await;
    for (name, headers) in [
        ("no host", ""),
        ("two hosts", "Host: shop.test\r\nHost: evil.test\r\n"),
        ("the same host twice", "Host: shop.test\r\nHost: shop.test\r\n"),
        ("a list of hosts", "Host: shop.test, evil.test\r\n"),
        ("a path in the host", "Host: shop.test/admin\r\n"),
        ("a user in the host", "Host: user@shop.test\r\n"),
        ("a blank in the host", "Host: shop.test evil.test\r\n"),
        ("a query in the host", "Host: shop.test?x\r\n"),
        ("a fragment in the host", "Host: shop.test#x\r\n"),
        ("a port that is none", "Host: shop.test:port\r\n"),
        ("a port too many", "Host: shop.test:80:80\r\n"),
        ("an open bracket", "Host: [::1\r\n"),
        ("a backslash", "Host: shop.test\\evil.test\r\n"),
        ("a percent", "Host: shop%2etest\r\n"),
    ] {
        let bytes = format!("GET / HTTP/1.1\r\n{headers}\r\n");
        let response = {
            let mut client = site.gateway.connect("web").await;
            client.send(bytes.as_bytes()).await.unwrap();
            client.answer("GET").await
        };
        assert!([400, 404].contains(&response.status), "{name}: {response}");
        assert!(site.shop.log().iter().all(|seen| seen.target.starts_with("/next")), "{name} was forwarded");
        site.serves_on(name).await;
    }
}

/// RFC 9112 3.2.2: the authority of an absolute target counts, whatever `Host` says, and the backend is told so.
#[tokio::test]
async fn an_absolute_target_counts() {
    let site = site().await;
    let mut client = site.gateway.connect("web").await;
    client.send(b"GET http://shop.test/abs?x HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    let seen = client.answer("GET").await.is(200).seen();
    assert_eq!(seen.target(), "/abs?x", "forwarded in origin form");
    seen.has("Host", "shop.test");
    site.attempt(
        "absolute for another host",
        b"GET http://evil.test/abs HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        Harmless,
    )
    .await;
    assert!(site.shop.seen("/abs HTTP").is_empty(), "`Host` did not decide against the target");
    let mut client = site.gateway.connect("web").await;
    client.send(b"GET http://shop.test/abs2 HTTP/1.1\r\nHost: evil.test\r\n\r\n").await.unwrap();
    let seen = client.answer("GET").await.is(200).seen();
    seen.has("Host", "shop.test").has("X-Forwarded-Host", "shop.test");
}

#[tokio::test]
async fn targets_that_are_none() {
    let site = site().await;
    for (name, target) in [
        ("no slash", "admin"),
        ("a star for GET", "*"),
        ("a scheme without a host", "http:///admin"),
        ("a scheme alone", "http://"),
        ("another scheme", "ftp://shop.test/admin"),
        ("a broken escape", "/%zz"),
        ("half an escape", "/a%2"),
        ("a user in the authority", "http://user:pass@shop.test/admin"),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        site.attempt(name, bytes.as_bytes(), Harmless).await;
    }
    site.attempt("authority form", b"CONNECT shop.test:80 HTTP/1.1\r\nHost: shop.test:80\r\n\r\n", Refused)
        .await;
}

/// However it is spelled, `/admin` is `/admin`, to the rule and to the backend alike.
#[tokio::test]
async fn no_spelling_of_a_path_gets_by_its_guard() {
    let site = site().await;
    for target in [
        "/admin",
        "/%61dmin",
        "/%61%64%6d%69%6e",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/x/..%2fadmin/../../admin",
        "/%2e/admin",
        "/admin/../admin",
        "/admin?x",
        "/admin#x",
        "/../admin",
        "/.//admin",
        "http://shop.test/admin",
        "http://shop.test//admin",
        "http://shop.test/%61dmin",
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n");
        let mut client = site.gateway.connect("web").await;
        client.send(bytes.as_bytes()).await.unwrap();
        let response = client.answer("GET").await;
        assert!([400, 403].contains(&response.status), "{target}: {response}");
    }
    assert_eq!(site.shop.count(), 0);
    // An encoded slash is no slash, to both.
    let seen = site.gateway.get("http://shop.test/x%2fadmin").await.seen();
    assert_eq!(seen.target(), "/x%2Fadmin");
}

/// RFC 3986 has no place for these; Traefik passes them on.
#[tokio::test]
async fn bytes_that_no_target_holds_are_refused_or_escaped() {
    let site = site().await;
    for (target, status) in [
        ("/a<b", 400),
        ("/a>b", 400),
        ("/a`b", 400),
        ("/?\"", 400),
        ("/?<", 400),
        ("/?>", 400),
        ("/a\"b", 200),
    ] {
        let mut client = site.gateway.connect("web").await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n").as_bytes()).await.unwrap();
        client.answer("GET").await.is(status);
    }
    let targets: Vec<String> = site.shop.log().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/a%22b"]);
}
