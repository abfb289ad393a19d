//! Where a body ends: conflicting lengths, two framings, tricks with chunks.

use super::Fate::{BreaksOff, Harmless, Refused};
use super::{Fate, site};

/// The request that must never arrive.
const SECOND: &str = "GET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n";

/// A POST with these header lines and this body, and the second request behind it.
async fn check(cases: &[(&str, &str, &str, Fate)]) {
    let site = site().await;
    for (name, headers, body, fate) in cases {
        let bytes = format!("POST / HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n\r\n{body}{SECOND}");
        site.attempt(name, bytes.as_bytes(), *fate).await;
    }
}

#[tokio::test]
async fn lengths_that_disagree() {
    check(&[
        ("two lengths", "Content-Length: 0\r\nContent-Length: 44", "", Refused),
        ("two lengths, larger first", "Content-Length: 44\r\nContent-Length: 0", "", Refused),
        ("two in one line", "Content-Length: 0, 44", "", Refused),
        ("negative", "Content-Length: -1", "", Refused),
        ("with a plus", "Content-Length: +0", "", Refused),
        ("hexadecimal", "Content-Length: 0x0", "", Refused),
        ("with a fraction", "Content-Length: 0.0", "", Refused),
        ("no number", "Content-Length: none", "", Refused),
        ("empty", "Content-Length:", "", Refused),
        ("beyond 64 bits", "Content-Length: 18446744073709551616", "", Refused),
        ("wrapping to zero", "Content-Length: 18446744073709551617", "", Refused),
        ("blank inside", "Content-Length: 1 0", "", Refused),
        ("other digits", "Content-Length: \u{661}", "", Refused),
    ])
    .await;
}

#[tokio::test]
async fn two_framings_at_once() {
    check(&[
        ("length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n", Harmless),
        ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n", Harmless),
        (
            "length that hides chunks",
            "Content-Length: 49\r\nTransfer-Encoding: chunked",
            "0\r\n\r\n",
            Harmless,
        ),
        ("length nobody can read", "Content-Length: x\r\nTransfer-Encoding: chunked", "0\r\n\r\n", Refused),
    ])
    .await;
}

#[tokio::test]
async fn encodings_that_only_look_like_chunked() {
    let length = "Content-Length: 5\r\n";
    for (name, encoding) in [
        ("unknown", "xchunked"),
        ("identity", "identity"),
        ("with a tab", "\tchunked-"),
        ("quoted", "\"chunked\""),
        ("chunked not last", "chunked, identity"),
        ("compressed", "gzip"),
        ("control byte", "chunked\u{b}"),
        ("nothing", ""),
        ("a list that ends open", "chunked, ,x"),
    ] {
        let with = format!("{length}Transfer-Encoding: {encoding}");
        let alone = format!("Transfer-Encoding: {encoding}");
        check(&[(name, &with, "0\r\n\r\n", Refused), (name, &alone, "0\r\n\r\n", Refused)]).await;
    }
}

#[tokio::test]
async fn encodings_said_twice_or_strangely() {
    check(&[
        ("twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", Harmless),
        (
            "twice, other second",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "0\r\n\r\n",
            Refused,
        ),
        ("chunked twice in a list", "Transfer-Encoding: chunked, chunked", "0\r\n\r\n", Harmless),
        ("other case", "transfer-encoding: ChUnKeD", "0\r\n\r\n", Harmless),
        ("blank before the colon", "Transfer-Encoding : chunked", "0\r\n\r\n", Refused),
        ("tab before the colon", "Transfer-Encoding\t: chunked", "0\r\n\r\n", Refused),
        ("blank before the name", " Transfer-Encoding: chunked", "0\r\n\r\n", Refused),
        ("folded", "Transfer-Encoding:\r\n chunked", "0\r\n\r\n", Refused),
        ("underscore", "Transfer_Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n", Harmless),
        ("hidden behind a bare CR", "X: y\rTransfer-Encoding: chunked", "0\r\n\r\n", Refused),
        ("hidden behind a NUL", "X: y\0Transfer-Encoding: chunked", "0\r\n\r\n", Refused),
        ("hidden behind a bare LF", "X: y\nTransfer-Encoding: chunked", "0\r\n\r\n", Harmless),
    ])
    .await;
}

#[tokio::test]
async fn chunks_that_are_none() {
    let chunked = "Transfer-Encoding: chunked";
    check(&[
        ("size with 0x", chunked, "0x5\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("negative size", chunked, "-5\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("size with plus", chunked, "+5\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("empty size", chunked, "\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("size beyond 64 bits", chunked, "10000000000000005\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("no digits", chunked, "xyz\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("data too long", chunked, "2\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("blank before size", chunked, " 5\r\nhello\r\n0\r\n\r\n", BreaksOff),
        ("bare CR after size", chunked, "5\rhello\r\n0\r\n\r\n", BreaksOff),
        ("LF inside the extension", chunked, "5;a\nb\r\nhello\r\n0\r\n\r\n", BreaksOff),
    ])
    .await;
}

#[tokio::test]
async fn chunks_with_more_than_they_need() {
    let chunked = "Transfer-Encoding: chunked";
    check(&[
        ("extension", chunked, "5;name=value\r\nhello\r\n0\r\n\r\n", Harmless),
        ("leading zeros", chunked, "0005\r\nhello\r\n0\r\n\r\n", Harmless),
        ("upper case", chunked, "A\r\n0123456789\r\n0\r\n\r\n", Harmless),
        ("many chunks", chunked, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", Harmless),
        ("trailers", chunked, "0\r\nX-T: 1\r\n\r\n", Harmless),
        ("a length as trailer", chunked, "0\r\nContent-Length: 44\r\n\r\n", Harmless),
        ("an encoding as trailer", chunked, "0\r\nTransfer-Encoding: chunked\r\n\r\n", Harmless),
        ("a host as trailer", chunked, "0\r\nHost: evil.test\r\n\r\n", Harmless),
        (
            "an endless extension",
            chunked,
            &format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000)),
            Harmless,
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_where_none_belongs() {
    let site = site().await;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let body = "GET /admin HTTP/1.1\r\nHost: shop.test\r\n\r\n";
        let length = body.len();
        let bytes =
            format!("{method} / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {length}\r\n\r\n{body}");
        site.attempt(method, bytes.as_bytes(), Harmless).await;
    }
}
