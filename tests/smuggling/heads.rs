//! Heads that two readers divide differently: control bytes, folded lines, names that are no names, sheer size.

use super::Fate::{Harmless, Refused};
use super::{Fate, site};

async fn check(cases: &[(&str, &[u8], Fate)]) {
    let site = site().await;
    for (name, bytes, fate) in cases {
        site.attempt(name, bytes, *fate).await;
    }
}

#[tokio::test]
async fn control_bytes() {
    check(&[
        ("NUL in a value", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\0b\r\n\r\n", Refused),
        ("NUL in a name", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX\0: a\r\n\r\n", Refused),
        ("NUL in the target", b"GET /a\0b HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("bare CR in a value", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\rX-Admin: 1\r\n\r\n", Refused),
        ("bare CR at the end of a value", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\r\r\n\r\n", Refused),
        ("bare CR in the target", b"GET /a\rb HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("vertical tab in a name", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX\x0b: a\r\n\r\n", Refused),
        ("DEL in a value", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\x7fb\r\n\r\n", Refused),
        ("escape in a value", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: \x1b[31m\r\n\r\n", Refused),
    ])
    .await;
}

/// RFC 9112 2.2 lets a reader take a bare LF for a line end: then it must be one for everybody behind it too.
#[tokio::test]
async fn bare_line_feeds_are_line_ends_or_errors() {
    check(&[
        ("everywhere", b"GET /lf HTTP/1.1\nHost: shop.test\n\n", Harmless),
        ("after a value", b"GET /lf HTTP/1.1\r\nHost: shop.test\r\nX: a\nY: b\r\n\r\n", Harmless),
        (
            "a whole request inside a value",
            b"GET /lf HTTP/1.1\r\nHost: shop.test\r\nX: a\n\nGET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n",
            Harmless,
        ),
        ("CR LF CR in between", b"GET /lf HTTP/1.1\r\nHost: shop.test\r\n\rX: a\r\n\r\n", Refused),
    ])
    .await;
}

#[tokio::test]
async fn lines_that_are_no_headers() {
    check(&[
        ("folded with a blank", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\r\n b\r\n\r\n", Refused),
        ("folded with a tab", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX: a\r\n\tb\r\n\r\n", Refused),
        ("folded at once", b"GET / HTTP/1.1\r\n Host: shop.test\r\nX: a\r\n\r\n", Refused),
        ("without a colon", b"GET / HTTP/1.1\r\nHost: shop.test\r\nnonsense\r\n\r\n", Refused),
        ("without a name", b"GET / HTTP/1.1\r\nHost: shop.test\r\n: a\r\n\r\n", Refused),
        ("blank in the name", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX Y: a\r\n\r\n", Refused),
        ("blank before the colon", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX : a\r\n\r\n", Refused),
        ("bracket in the name", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX[0]: a\r\n\r\n", Refused),
        ("not ASCII in the name", b"GET / HTTP/1.1\r\nHost: shop.test\r\nX\xc3\xa9: a\r\n\r\n", Refused),
    ])
    .await;
}

#[tokio::test]
async fn request_lines_that_are_none() {
    check(&[
        ("no version", b"GET /\r\nHost: shop.test\r\n\r\n", Refused),
        ("version 9", b"GET / HTTP/9.9\r\nHost: shop.test\r\n\r\n", Refused),
        ("version in lower case", b"GET / http/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("blank in the target", b"GET /a b HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("two blanks", b"GET  / HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("no target", b"GET HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("method with a colon", b"GE:T / HTTP/1.1\r\nHost: shop.test\r\n\r\n", Refused),
        ("binary", b"\x00\x01\x02\x03\x04\x05\x06\x07\r\n\r\n", Refused),
        ("another protocol", b"EHLO mail.test\r\n\r\n", Refused),
        (
            "header injected by the target",
            b"GET /a HTTP/1.1\r\nX: y HTTP/1.1\r\nHost: shop.test\r\n\r\n",
            Harmless,
        ),
    ])
    .await;
}

#[tokio::test]
async fn sheer_size() {
    let site = site().await;
    let large = format!("GET / HTTP/1.1\r\nHost: shop.test\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    site.attempt("one header of 1 MiB", large.as_bytes(), Refused).await;
    let name = format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{}: a\r\n\r\n", "X".repeat(100_000));
    site.attempt("one name of 100 kB", name.as_bytes(), Refused).await;
    let many = format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{}\r\n", "X: a\r\n".repeat(5000));
    site.attempt("5000 headers", many.as_bytes(), Refused).await;
    let target = format!("GET /{} HTTP/1.1\r\nHost: shop.test\r\n\r\n", "a".repeat(200_000));
    site.attempt("a target of 200 kB", target.as_bytes(), Refused).await;
    let method = format!("{} / HTTP/1.1\r\nHost: shop.test\r\n\r\n", "G".repeat(200_000));
    site.attempt("a method of 200 kB", method.as_bytes(), Refused).await;
    let never = "a".repeat(1 << 20);
    site.attempt("no line end in 1 MiB", never.as_bytes(), Refused).await;
}

/// A header that the gateway's own decisions rest on cannot be slipped in under another spelling.
#[tokio::test]
async fn forwarding_headers_are_the_gateways_own() {
    let site = site().await;
    let call = site.gateway.get("http://shop.test/");
    let call = call.header("X-Forwarded-For", "203.0.113.1").header("x_forwarded_for", "203.0.113.1");
    let call = call.header("X-Real-IP", "203.0.113.1").header("X_Real_Ip", "203.0.113.1");
    let call = call.header("X-Forwarded-Host", "evil.test").header("X-Forwarded-Proto", "https");
    let seen = call.header("Connection", "X-Forwarded-For, X-Real-Ip, Host").await.seen();
    seen.has("X-Forwarded-For", "127.0.0.1")
        .has("X-Real-Ip", "127.0.0.1")
        .has("X-Forwarded-Host", "shop.test");
    seen.has("X-Forwarded-Proto", "http")
        .lacks("X_Forwarded_For")
        .lacks("X_Real_Ip")
        .has("Host", "shop.test");
}
