//! What the sample backend answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Backend, Head, answer};

/// Sends everything, and reads until the backend closes.
async fn ask(requests: &str) -> String {
    let backend = Backend::bind("shop-v1", 0).unwrap();
    let port = backend.port().unwrap();
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(backend.serve());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    let read = stream.read_to_string(&mut answers);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the backend closes").unwrap();
    answers
}

#[tokio::test]
async fn tells_its_name_and_what_it_saw() {
    let answers =
        ask("GET /a?b=c HTTP/1.1\r\nHost: shop.localhost\r\nX-One: 1\r\nConnection: close\r\n\r\n").await;
    assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
    let (_, body) = answers.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        "name: shop-v1\n\nGET /a?b=c HTTP/1.1\nhost: shop.localhost\nx-one: 1\nconnection: close\n"
    );
    assert!(answers.contains(&format!("Content-Length: {}\r\n", body.len())), "{answers}");
}

#[tokio::test]
async fn bodies_are_skipped_and_the_connection_is_kept() {
    let answers = ask("POST /1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
         POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n\
         \r\nHEAD /3 HTTP/1.1\r\n\r\n\
         GET /4 HTTP/1.0\r\n\r\n")
    .await;
    let seen = |path: &str| answers.contains(&format!("POST {path} HTTP/1.1\n"));
    assert!(seen("/1") && seen("/2"), "{answers}");
    assert!(!answers.contains("HEAD /3"), "{answers}");
    assert!(answers.ends_with("GET /4 HTTP/1.0\n"), "{answers}");
    assert_eq!(answers.matches("200 OK").count(), 4, "{answers}");
}

#[tokio::test]
async fn events_come_one_by_one() {
    let answers = ask("GET /sse HTTP/1.1\r\n\r\n").await;
    assert!(answers.contains("text/event-stream"), "{answers}");
    assert_eq!(answers.matches("data: ").count(), 10, "{answers}");
    assert!(answers.ends_with("0\r\n\r\n"), "{answers}");
}

#[test]
fn a_head_is_read_leniently() {
    let head = Head::parse("GET / HTTP/1.1\r\nConnection: Keep-Alive, Close\r\nnonsense\r\n\r\n");
    assert!(head.has("connection", "close"));
    assert_eq!(head.headers.len(), 1);
    assert!(answer(&head, "x", false).contains("Connection: close\r\n"));
}
