//! `Expect: 100-continue`, end to end: the client's body is not asked for until the endpoint wants it, or a
//! second has passed (RFC 9110 10.1.1).

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use exchange::Body;
use exchange::body::Error;
use http::header::EXPECT;
use http::{Request, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Traefik's fixed value.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body behind a gate.
struct Gated {
    body: Body,
    gate: Arc<Gate>,
    patience: Pin<Box<Sleep>>,
}

/// Opened by the endpoint's `100`.
#[derive(Default)]
struct Gate {
    is_open: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

/// Puts the body behind a gate where the request expects a `100`.
pub(crate) fn gate(req: &mut Request<Body>) {
    let expects =
        req.headers().get(EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !expects || req.body().is_empty() {
        return;
    }
    let gate = Arc::new(Gate::default());
    let opener = Arc::clone(&gate);
    hyper::ext::on_informational(req, move |informational| {
        if informational.status() == StatusCode::CONTINUE {
            opener.open();
        }
    });
    let body = std::mem::take(req.body_mut());
    *req.body_mut() = Body::Wrapped(Box::pin(Gated { body, gate, patience: Box::pin(sleep(PATIENCE)) }));
}

impl Gate {
    fn open(&self) {
        self.is_open.store(true, Ordering::Release);
        if let Some(waker) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

impl http_body::Body for Gated {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if !this.gate.is_open.load(Ordering::Acquire) {
            *this.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            if this.patience.as_mut().poll(cx).is_pending() && !this.gate.is_open.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            this.gate.is_open.store(true, Ordering::Release);
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
