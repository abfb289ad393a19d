//! Endpoints that speak HTTP/2 and end connections and streams in all the ways there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::eventually::holds;
use crate::harness::frames::{
    END_HEADERS, END_STREAM, Frames, GO_AWAY, HEADERS, RST_STREAM, SETTINGS, block, frame,
};
use crate::harness::{Gateway, Request, eventually, gateway};

const ACK: u8 = 1;
const REFUSED_STREAM: u32 = 7;
const INTERNAL_ERROR: u32 = 2;

/// What is sent for the nth request on a connection, which has this stream.
type Answer = fn(nth: usize, stream: u32) -> Vec<u8>;

/// An endpoint with prior knowledge; gone when dropped.
struct Endpoint {
    port: u16,
    asked: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Endpoint {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, connections) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let mut tasks = JoinSet::new();
        let counters = (Arc::clone(&asked), Arc::clone(&connections));
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counters.1.fetch_add(1, Ordering::SeqCst);
                let asked = Arc::clone(&counters.0);
                serving.spawn(async move {
                    let Ok(frames) = Frames::accept(Box::new(stream)).await else { return };
                    serve(frames, answer, &asked).await;
                });
            }
        });
        Self { port, asked, connections, _tasks: tasks }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// A gateway in front of it, with one worker, so that there is one pool.
    async fn gateway(&self) -> Gateway {
        let text = format!(
            "http:
  routers: {{ shop: {{ rule: 'Host(`shop.test`)', service: shop }} }}
  services: {{ shop: {{ loadBalancer: {{ servers: [{{ url: 'h2c://127.0.0.1:{}' }}] }} }} }}
",
            self.port
        );
        let install =
            json!({"core": {"workers": 1}, "accessLog": {"filePath": "access.log", "format": "json"}});
        gateway().install(install).file(&text).start().await
    }
}

async fn serve(mut frames: Frames, answer: Answer, asked: &AtomicUsize) {
    let mut nth = 0;
    while let Some(got) = frames.next().await {
        let reply = match got.kind {
            SETTINGS if got.flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            HEADERS => {
                nth += 1;
                asked.fetch_add(1, Ordering::SeqCst);
                answer(nth, got.stream)
            }
            _ => continue,
        };
        if frames.send(&reply).await.is_err() {
            return;
        }
    }
}

fn ok(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&[(":status", "200")]))
}

/// Only the first stream of each connection is answered.
fn goes_away(nth: usize, stream: u32) -> Vec<u8> {
    if nth == 1 { ok(stream) } else { frame(GO_AWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]) }
}

fn refuses(nth: usize, stream: u32) -> Vec<u8> {
    if nth == 1 { ok(stream) } else { frame(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes()) }
}

#[tokio::test]
async fn a_connection_that_goes_away_costs_nobody_a_request() {
    for answer in [goes_away as Answer, refuses] {
        let endpoint = Endpoint::start(answer).await;
        let gateway = endpoint.gateway().await;
        for nth in 1..=6 {
            gateway.get("http://shop.test/").await.is(200);
            assert_eq!(endpoint.connections(), nth, "each has a connection of its own");
        }
        assert_eq!(endpoint.asked(), 11, "all but the first are asked twice");
    }
}

/// What may not be sent twice is not.
#[tokio::test]
async fn a_post_that_was_not_served_is_not_sent_again() {
    let endpoint = Endpoint::start(goes_away).await;
    let gateway = endpoint.gateway().await;
    gateway.get("http://shop.test/").await.is(200);
    gateway.post("http://shop.test/", "body").await.is(502);
    assert_eq!(endpoint.asked(), 2);
    gateway.post("http://shop.test/", "body").await.is(200);
}

/// The reason that the access log gives for the only request.
async fn reason(gateway: &Gateway) -> String {
    let path = gateway.folder().join("access.log");
    let line = eventually("a line in the access log", async || {
        std::fs::read_to_string(&path).ok()?.lines().next().map(str::to_owned)
    })
    .await;
    let entry: Value = serde_json::from_str(&line).unwrap();
    entry["Reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn answers_that_break_the_rules_are_malformed_and_not_asked_for_again() {
    let cases: [(&str, Answer); 5] = [
        ("no status", |_, stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&[("x", "y")]))),
        ("no frame", |_, _| b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("a frame that makes no sense", |_, _| frame(HEADERS, END_HEADERS, 0, &block(&[(":status", "200")]))),
        ("too many headers", |_, stream| {
            let mut headers = vec![(":status".to_owned(), "200".to_owned())];
            headers.extend((0..300).map(|n| (format!("x-{n}"), "a".to_owned())));
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&headers))
        }),
        ("a header of 100 kB", |_, stream| {
            let all = block(&[(":status", "200".to_owned()), ("x", "a".repeat(100_000))]);
            let mut parts = all.chunks(16_000);
            let mut bytes = frame(HEADERS, END_STREAM, stream, parts.next().unwrap());
            let parts: Vec<&[u8]> = parts.collect();
            for (at, part) in parts.iter().enumerate() {
                let flags = if at + 1 == parts.len() { END_HEADERS } else { 0 };
                bytes.extend(frame(crate::harness::frames::CONTINUATION, flags, stream, part));
            }
            bytes
        }),
    ];
    for (name, answer) in cases {
        let endpoint = Endpoint::start(answer).await;
        let gateway = endpoint.gateway().await;
        let response = gateway.get("http://shop.test/").await;
        assert_eq!(response.status, 502, "{name}: {response}");
        assert_eq!(reason(&gateway).await, "upstream_malformed", "{name}");
        assert_eq!(endpoint.asked(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_stream_that_the_endpoint_gives_up_is_not_asked_for_again() {
    let endpoint = Endpoint::start(|nth, stream| {
        if nth == 2 { frame(RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes()) } else { ok(stream) }
    })
    .await;
    let gateway = endpoint.gateway().await;
    let mut client = gateway.connect("web").await;
    for status in [200, 502, 200] {
        client.ask(&Request::new("GET", "shop.test", "/")).await.is(status);
    }
    eventually("all are counted", async || holds(endpoint.asked() == 3)).await;
    assert_eq!(endpoint.connections(), 1);
}
