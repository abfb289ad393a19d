//! Connections to endpoints: how long one may take to come about, how many are kept, when they are given up.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::with;
use crate::harness::backend::Answer;
use crate::harness::eventually::holds;
use crate::harness::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, SETTINGS, block, frame};
use crate::harness::{Backend, Gateway, Response, backend, eventually};

const SERVERS: &str = "servers: [{ url: 'http://127.0.0.1:<shop>' }]";
const ACK: u8 = 1;

/// A port that takes no more connections: whoever dials it gets no answer at all.
pub(crate) struct Hole {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Hole {
    pub(crate) async fn open() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        // Full when the kernel does not answer any more.
        while let Ok(stream) = timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
        Self { listener, _waiting: waiting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }
}

#[tokio::test]
async fn a_dial_that_takes_too_long_is_a_timeout() {
    let hole = Hole::open().await;
    let servers = format!("servers: [{{ url: 'http://127.0.0.1:{}' }}]", hole.port());
    let gateway = with(&[], &servers, "forwardingTimeouts: { dialTimeout: 300ms }").await;
    let response = gateway.get("http://shop.test/").await;
    response.is(504);
    assert_eq!(response.text(), "Gateway Timeout");
}

/// So many requests are at the endpoint at the same time.
async fn at_once(gateway: &Gateway, shop: &Backend, count: usize) {
    shop.answers("/held", Answer::status(200).body("held").hold());
    let before = shop.count();
    let asks = join_all((0..count).map(|_| async { gateway.get("http://shop.test/held").await }));
    let release = async {
        eventually("all are at the backend", async || holds(shop.count() == before + count)).await;
        shop.release(count);
    };
    let (answers, ()) = tokio::join!(asks, release);
    for answer in answers {
        answer.is(200).says("held");
    }
}

#[tokio::test]
async fn so_many_idle_connections_are_kept() {
    let shop = backend("shop").await;
    let gateway = with(&[&shop], SERVERS, "maxIdleConnsPerHost: 5").await;
    at_once(&gateway, &shop, 12).await;
    assert_eq!(shop.connections(), 12);
    eventually("the rest is closed", async || holds(shop.open() == 5)).await;
    // The five serve what comes.
    at_once(&gateway, &shop, 5).await;
    assert_eq!((shop.connections(), shop.open()), (12, 5));
}

#[tokio::test]
async fn none_is_kept_where_that_is_written() {
    let shop = backend("shop").await;
    let gateway = with(&[&shop], SERVERS, "maxIdleConnsPerHost: -1").await;
    for _ in 0..5 {
        gateway.get("http://shop.test/").await.is(200);
    }
    assert_eq!(shop.connections(), 5);
    eventually("all of them are closed", async || holds(shop.open() == 0)).await;
}

#[tokio::test]
async fn an_idle_connection_is_given_up_after_its_time() {
    let shop = backend("shop").await;
    let gateway = with(&[&shop], SERVERS, "forwardingTimeouts: { idleConnTimeout: 300ms }").await;
    gateway.get("http://shop.test/").await.is(200);
    eventually("it is closed", async || holds(shop.open() == 0)).await;
    gateway.get("http://shop.test/").await.is(200);
    assert_eq!(shop.connections(), 2);
}

/// One that is in use is not idle, however long its answer takes.
#[tokio::test]
async fn a_connection_in_use_is_not_idle() {
    let shop = backend("shop").await;
    let gateway = with(&[&shop], SERVERS, "forwardingTimeouts: { idleConnTimeout: 200ms }").await;
    shop.answers("/slow", Answer::status(200).body("late").hold());
    let ask = async { gateway.get("http://shop.test/slow").await };
    let release = async {
        eventually("it is at the backend", async || holds(shop.count() == 1)).await;
        let begun = std::time::Instant::now();
        eventually("it would have been closed", async || holds(begun.elapsed().as_millis() > 2500)).await;
        shop.release(1);
    };
    let (response, ()) = tokio::join!(ask, release);
    response.is(200).says("late");
}

/// An endpoint that speaks HTTP/2 and takes one connection, and how it behaves there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quiet {
    /// Answers the request with the third ping after it.
    Alive,
    /// Says nothing any more once the request is there.
    Dead,
    /// Answers the request, and says nothing any more.
    DeadAfterwards,
}

/// Serves the connection to its end.
async fn quiet(listener: TcpListener, kind: Quiet) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut frames = Frames::accept(Box::new(stream)).await.unwrap();
    let mut pings = 0;
    let mut asked = 0;
    while let Some(got) = frames.next_in_time().await {
        let answer = frame(got.kind, ACK, 0, &got.payload);
        match got.kind {
            SETTINGS if got.flags & ACK == 0 => frames.send(&frame(SETTINGS, ACK, 0, &[])).await.unwrap(),
            HEADERS => asked = got.stream,
            PING if got.flags & ACK == 0 && asked == 0 => frames.send(&answer).await.unwrap(),
            PING if got.flags & ACK == 0 && kind == Quiet::Alive => {
                frames.send(&answer).await.unwrap();
                pings += 1;
            }
            _ => {}
        }
        if pings == 3 || got.kind == HEADERS && kind == Quiet::DeadAfterwards {
            let head = frame(HEADERS, END_HEADERS, asked, &block(&[(":status", "200")]));
            frames.send(&[head, frame(DATA, END_STREAM, asked, b"late")].concat()).await.unwrap();
            if kind == Quiet::Alive {
                return;
            }
        }
    }
}

async fn of_a_quiet_one(kind: Quiet) -> Response {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let servers = format!("servers: [{{ url: 'h2c://{}' }}]", listener.local_addr().unwrap());
    let timeouts = "forwardingTimeouts: { readIdleTimeout: 200ms, pingTimeout: 1s }";
    let gateway = with(&[], &servers, timeouts).await;
    let ask = async { gateway.get("http://shop.test/").await };
    tokio::join!(ask, quiet(listener, kind)).0
}

#[tokio::test]
async fn an_http2_endpoint_that_answers_pings_is_waited_for() {
    of_a_quiet_one(Quiet::Alive).await.is(200).says("late");
}

#[tokio::test]
async fn an_http2_endpoint_that_answers_no_ping_is_given_up() {
    of_a_quiet_one(Quiet::Dead).await.is(502);
}

/// Nobody's request has to find out that a kept connection leads nowhere.
#[tokio::test]
async fn a_kept_http2_connection_is_pinged_too() {
    of_a_quiet_one(Quiet::DeadAfterwards).await.is(200).says("late");
}
