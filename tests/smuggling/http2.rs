//! HTTP/2 requests that would become two HTTP/1.1 requests, or another one, on the way to the backend.

use super::{Site, site};
use crate::harness::frames::{self, End, Frames};

type Headers<'a> = Vec<(&'a [u8], &'a [u8])>;

fn request<'a>(path: &'a [u8], extra: &[(&'a [u8], &'a [u8])]) -> Headers<'a> {
    let mut headers: Headers<'a> =
        vec![(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", path)];
    headers.extend(extra);
    headers
}

impl Site {
    /// Sends this over HTTP/2: it is refused, or what arrives is one clean request.
    async fn attempt_http2(&self, name: &str, headers: &Headers<'_>, body: Option<&[u8]>, refused: bool) {
        let before = self.shop.count();
        let mut client = Frames::open(self.gateway.address("web"), None).await.unwrap();
        let end = frames::ask(&mut client, 1, headers, body).await;
        let seen = self.shop.log().split_off(before);
        let told = format!("{name}: {end:?}, the backend saw {:?}", super::heads(&seen));
        if refused {
            let is_refusal =
                matches!(end, End::Answer(400..500) | End::Reset(_) | End::GoAway(_) | End::Closed);
            assert!(is_refusal && seen.is_empty(), "{told}");
        }
        assert_ne!(end, End::Silence, "{told}");
        assert!(
            seen.len() <= 1 && seen.iter().all(|s| s.odd.is_empty() && !s.target.contains("admin")),
            "{told}"
        );
        self.serves_on(name).await;
    }

    async fn refuses(&self, name: &str, headers: Headers<'_>) {
        self.attempt_http2(name, &headers, None, true).await;
    }
}

#[tokio::test]
async fn a_plain_request_passes() {
    let site = site().await;
    let mut client = Frames::open(site.gateway.address("web"), None).await.unwrap();
    assert_eq!(frames::ask(&mut client, 1, &request(b"/", &[]), None).await, End::Answer(200));
    assert_eq!(site.shop.count(), 1);
}

#[tokio::test]
async fn line_ends_in_fields_are_refused() {
    let site = site().await;
    let injected: &[u8] =
        b"a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    site.refuses("CR LF in a value", request(b"/", &[(b"x", injected)])).await;
    site.refuses("LF in a value", request(b"/", &[(b"x", b"a\nb")])).await;
    site.refuses("CR in a value", request(b"/", &[(b"x", b"a\rb")])).await;
    site.refuses("NUL in a value", request(b"/", &[(b"x", b"a\0b")])).await;
    site.refuses("CR LF in a name", request(b"/", &[(b"x: a\r\ny", b"b")])).await;
    site.refuses("colon in a name", request(b"/", &[(b"transfer-encoding: chunked", b"b")])).await;
    site.refuses("blank in a name", request(b"/", &[(b"x y", b"b")])).await;
    site.refuses("upper case in a name", request(b"/", &[(b"X-Upper", b"b")])).await;
    site.refuses("empty name", request(b"/", &[(b"", b"b")])).await;
    site.refuses("CR LF in the path", request(b"/ HTTP/1.1\r\nX: y", &[])).await;
    site.refuses("blank in the path", request(b"/a /admin", &[])).await;
}

#[tokio::test]
async fn pseudo_headers_are_what_they_must_be() {
    let site = site().await;
    let with = |method: &'static [u8],
                scheme: &'static [u8],
                authority: &'static [u8],
                path: &'static [u8]|
     -> Headers<'static> {
        vec![(b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path)]
    };
    site.refuses("CR LF in the method", with(b"GET / HTTP/1.1\r\nX:", b"http", b"shop.test", b"/")).await;
    site.refuses("blank in the method", with(b"GET /admin", b"http", b"shop.test", b"/")).await;
    site.refuses("empty path", with(b"GET", b"http", b"shop.test", b"")).await;
    site.refuses("path without a slash", with(b"GET", b"http", b"shop.test", b"admin")).await;
    site.refuses("CR LF in the authority", with(b"GET", b"http", b"shop.test\r\nX: y", b"/")).await;
    site.refuses("path in the authority", with(b"GET", b"http", b"shop.test/admin", b"/")).await;
    site.refuses("user in the authority", with(b"GET", b"http", b"user@shop.test", b"/")).await;
    site.refuses("two methods", request(b"/", &[(b":method", b"POST")])).await;
    site.refuses("two paths", request(b"/", &[(b":path", b"/admin")])).await;
    site.refuses("two authorities", request(b"/", &[(b":authority", b"evil.test")])).await;
    site.refuses("unknown pseudo-header", request(b"/", &[(b":admin", b"1")])).await;
    site.refuses("a status in a request", request(b"/", &[(b":status", b"200")])).await;
    let mut late = request(b"/", &[]);
    late.insert(0, (b"x", b"y"));
    site.refuses("pseudo-headers after others", late).await;
    let without =
        |name: &[u8]| request(b"/", &[]).into_iter().filter(|(n, _)| *n != name).collect::<Headers<'_>>();
    site.refuses("no method", without(b":method")).await;
    site.refuses("no path", without(b":path")).await;
    site.refuses("no scheme", without(b":scheme")).await;
}

/// RFC 9113 8.2.2: fields that belong to one connection of HTTP/1.1 have no place here.
#[tokio::test]
async fn connection_fields_do_not_pass() {
    let site = site().await;
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("connection", "x-forwarded-for"),
        ("upgrade", "websocket"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("te", "gzip"),
    ] {
        let headers = request(b"/", &[(name.as_bytes(), value.as_bytes())]);
        site.attempt_http2(&format!("{name}: {value}"), &headers, None, false).await;
        for seen in site.shop.log() {
            assert!(
                seen.values("Transfer-Encoding").is_empty() && seen.values("Upgrade").is_empty(),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_host_that_is_not_the_authority_does_not_pass() {
    let site = site().await;
    let headers = request(b"/", &[(b"host", b"evil.test")]);
    site.attempt_http2("another host", &headers, None, false).await;
    site.attempt_http2(
        "two hosts",
        &request(b"/", &[(b"host", b"evil.test"), (b"host", b"x.test")]),
        None,
        false,
    )
    .await;
    assert!(
        site.shop.log().iter().all(|seen| seen.values("Host") == ["shop.test"]),
        "the backend is told one host"
    );
}

#[tokio::test]
async fn lengths_that_lie_are_refused() {
    let site = site().await;
    let body: &[u8] = b"GET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    for (name, length) in [
        ("too small", "0"),
        ("smaller", "4"),
        ("too large", "4000"),
        ("none", "x"),
        ("signed", "+40"),
        ("negative", "-1"),
    ] {
        let headers: Headers<'_> = vec![
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":authority", b"shop.test"),
            (b":path", b"/"),
            (b"content-length", length.as_bytes()),
        ];
        site.attempt_http2(name, &headers, Some(body), false).await;
        let complete = site.shop.log().into_iter().filter(|seen| seen.method == "POST" && seen.complete);
        assert_eq!(complete.count(), 0, "{name}: the backend took a body of the wrong length for whole");
    }
    let twice = request(b"/", &[(b"content-length", b"0"), (b"content-length", b"40")]);
    site.refuses("two lengths", twice).await;
    let headers = request(b"/", &[(b"content-length", b"40")]);
    site.attempt_http2("a length without a body", &headers, None, false).await;
}

#[tokio::test]
async fn http1_on_an_http2_connection_and_the_other_way_round() {
    let site = site().await;
    let mut client = site.gateway.connect("web").await;
    client.send(b"PRI * HTTP/2.0\r\n\r\nGET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    assert!(client.until_closed().await.is_some(), "a preface that is none is closed");
    let mut client = site.gateway.connect("web").await;
    client
        .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        .await
        .unwrap();
    assert!(client.until_closed().await.is_some(), "text after the preface is closed");
    assert_eq!(site.shop.count(), 0);
    site.serves_on("mixed protocols").await;
}
