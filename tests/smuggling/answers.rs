//! Answers made to be read differently by two readers, or to be left over for the next client.

use super::site;
use crate::harness::backend::{Answer, Close};

/// What the client may see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// 502: it is not passed on.
    Refused,
    /// Refused, cut short, or passed on in a form that has one reading only.
    Harmless,
}

use Fate::{Harmless, Refused};

/// Each answer, then a client who must get his own.
async fn check(cases: &[(&str, &str, Fate)]) {
    let site = site().await;
    for (number, (name, raw, fate)) in cases.iter().enumerate() {
        let path = format!("/answer-{number}");
        site.shop.answers(&path, Answer::raw(raw).close(Close::After));
        let response = site.gateway.get(&format!("http://shop.test{path}")).await;
        assert!(!response.text().contains("poison"), "{name}: {response}");
        let framings = response.values("Content-Length").len() + response.values("Transfer-Encoding").len();
        assert!(framings <= 1, "{name}: {response}");
        match fate {
            Refused => assert_eq!(response.status, 502, "{name}: {response}"),
            Harmless => assert!(response.status != 0 || response.closed, "{name}: {response}"),
        }
        site.serves_on(name).await;
    }
}

#[tokio::test]
async fn what_is_left_over_goes_to_nobody() {
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let site = site().await;
    for (number, first) in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        // The connection stays open, as if all were well.
        let path = format!("/left-{number}");
        site.shop.answers(&path, Answer::raw(&format!("{first}{poison}")));
        let response = site.gateway.get(&format!("http://shop.test{path}")).await;
        assert!(!response.text().contains("poison"), "{first}: {response}");
        site.serves_on(&path).await;
    }
}

#[tokio::test]
async fn framings_that_disagree() {
    check(&[
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 8\r\n\r\nhipoison", Refused),
        ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 8\r\n\r\nhipoison", Refused),
        ("no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhi", Refused),
        ("negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhi", Refused),
        (
            "length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            Harmless,
        ),
        ("unknown encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhi", Refused),
        ("chunked not last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nhi", Refused),
        (
            "a chunk that is none",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\nhi\r\n0\r\n\r\n",
            Harmless,
        ),
        (
            "negative chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n",
            Harmless,
        ),
    ])
    .await;
}

#[tokio::test]
async fn heads_that_are_none() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\nhi", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 2\r\n\r\nhi", "X: a\r\n".repeat(5000));
    check(&[
        ("no status", "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nhi", Refused),
        ("another protocol", "220 mail.test ESMTP\r\n\r\n", Refused),
        ("NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi", Refused),
        ("bare CR in a value", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nhi", Refused),
        ("folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", Refused),
        ("no colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nhi", Refused),
        (
            "an upgrade nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\npoison",
            Refused,
        ),
        ("1 MiB of a header", &large, Refused),
        ("5000 headers", &many, Refused),
        ("only interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n", Refused),
    ])
    .await;
}
