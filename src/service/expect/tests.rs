//! `Expect: 100-continue`: whose answer releases the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use exchange::Body;
use http::{HeaderValue, Request};
use http_body::Body as _;

use super::{Gate, Gated, PATIENCE, gate};

fn request(expect: &'static str, body: Body) -> Request<Body> {
    let mut req = Request::new(body);
    req.headers_mut().insert("expect", HeaderValue::from_static(expect));
    req
}

#[tokio::test]
async fn only_bodies_that_wait_are_gated() {
    let gated = |expect, body| {
        let mut req = request(expect, body);
        gate(&mut req);
        matches!(req.body(), Body::Wrapped(_))
    };
    assert!(gated("100-Continue", Body::from_static("x")));
    assert!(!gated("100-continue", Body::Empty));
    assert!(!gated("something", Body::from_static("x")));
}

#[tokio::test]
async fn the_gate_opens_for_whoever_waits() {
    let shared = std::sync::Arc::new(Gate::default());
    let patience = Box::pin(tokio::time::sleep(PATIENCE));
    let mut body = Gated { body: Body::from_static("x"), gate: std::sync::Arc::clone(&shared), patience };
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
    shared.open();
    assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(Some(Ok(_)))));
}

#[tokio::test]
async fn patience_ends() {
    let patience = Box::pin(tokio::time::sleep(std::time::Duration::from_millis(1)));
    let mut body = Gated { body: Body::from_static("x"), gate: std::sync::Arc::default(), patience };
    let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    assert!(matches!(frame, Some(Ok(_))));
}
