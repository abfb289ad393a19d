//! The response header timeout: it runs from the moment the request has been handed over whole.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::body::Error;
use exchange::error::Retry;
use exchange::{Body, Kind};
use http_body::{Frame, SizeHint};
use tokio::time::sleep_until;

use crate::forward::{Failed, Outgoing, Upstream};

/// A body that notes when it has been read to its end.
struct Watched {
    body: Body,
    ended: Rc<Cell<Option<Instant>>>,
}

/// Waits for an answer for `limit`, counted from the end of the request.
pub(crate) async fn deadline<F>(
    limit: Duration,
    mut req: Outgoing,
    send: impl FnOnce(Outgoing) -> F,
) -> Result<Upstream, Failed>
where
    F: Future<Output = Result<Upstream, Failed>>,
{
    let ended = Rc::new(Cell::new(None));
    if req.body().is_empty() {
        ended.set(Some(Instant::now()));
    } else {
        let body = std::mem::take(req.body_mut());
        *req.body_mut() = Body::Wrapped(Box::pin(Watched { body, ended: Rc::clone(&ended) }));
    }
    let mut answer = pin!(send(req));
    loop {
        let until = ended.get().unwrap_or_else(Instant::now) + limit;
        tokio::select! {
            answered = &mut answer => return answered,
            () = sleep_until(until.into()) => {
                if ended.get().is_some_and(|ended| ended.elapsed() >= limit) {
                    let error = exchange::Error::upstream(Kind::ResponseTimeout, Retry::Never);
                    return Err(Failed { error, unsent: None });
                }
            }
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || this.body.is_end_stream() {
            this.ended.set(Some(Instant::now()));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
