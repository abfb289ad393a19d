//! Bodies at the edge: a request's is counted and given up when the client is too slow; a response's closes the
//! exchange's record when it ends.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::body::Error;
use exchange::{Body, Record};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use telemetry::Recorder;
use tokio::time::{Sleep, sleep, sleep_until};

use crate::state::State;

/// What is read at most of a body that nobody wants, so that its connection can go on.
const DRAINED: usize = 64 * 1024;

/// A request's body.
pub(crate) struct Received {
    /// `None` once it has been left.
    incoming: Option<Incoming>,
    /// HTTP/2: the stream's own deadline. HTTP/1 has its connection's.
    deadline: Deadline,
    record: Rc<Record>,
    state: Rc<State>,
    ended: bool,
    /// May the rest be read when nobody wants it?
    drains: bool,
}

/// A response's body, as hyper sends it.
pub(crate) struct Sent {
    body: Body,
    /// HTTP/2: the stream's own deadline.
    deadline: Deadline,
    /// Closes the exchange; held for what its drop does. `None`: the exchange goes on as an upgraded stream.
    exchange: Option<Open>,
}

/// A moment after which a body fails.
type Deadline = Option<Pin<Box<Sleep>>>;

/// One open exchange. Dropping it closes the record and tells the connection.
pub(crate) struct Open {
    pub(crate) record: Rc<Record>,
    pub(crate) state: Rc<State>,
    pub(crate) recorder: Rc<Recorder>,
    /// HTTP/2: when the stream is to have ended (`writeTimeout`).
    pub(crate) until: Option<Instant>,
}

// === impl Received ===

impl Received {
    /// The body of a request; nothing is wrapped where there is none. `drains`: may the rest be read when nobody wants it?
    pub(crate) fn wrap(
        incoming: Incoming,
        record: &Rc<Record>,
        state: &Rc<State>,
        limit: Option<Duration>,
        drains: bool,
    ) -> Body {
        if incoming.is_end_stream() {
            return Body::Empty;
        }
        state.body_begins();
        Body::Wrapped(Box::pin(Self {
            incoming: Some(incoming),
            deadline: deadline(state, limit),
            record: Rc::clone(record),
            state: Rc::clone(state),
            ended: false,
            drains,
        }))
    }

    fn end(&mut self) {
        self.ended = true;
        self.state.body_ends();
    }

    /// Notes why the exchange will fail, whatever its service makes of it.
    fn fail(&mut self, error: Error) -> Error {
        self.record.request_failure.set(Some(error.kind()));
        self.drains = false;
        self.state.body_ends();
        error
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if this.state.body_expired() || has_passed(&mut this.deadline, cx) {
            return Poll::Ready(Some(Err(this.fail(Error::Aborted("the client is too slow")))));
        }
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        match Pin::new(&mut *incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.record.request_size.set(this.record.request_size.get() + data.len() as u64);
                }
                if incoming.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(this.fail(Error::Read(error))))),
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                if this.deadline.is_none() {
                    this.state.wake_reader(cx.waker());
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take().filter(|body| !self.ended && !body.is_end_stream()) {
            self.state.leave_unread();
            if self.drains {
                self.state.leave(incoming);
            }
        }
        self.state.body_ends();
    }
}

/// Reads what has come of a body that nobody wanted, and waits for nothing. Is that all of it?
/// The connection can go on then; hyper closes one on which more is to come.
pub(crate) async fn is_read_to_its_end(mut left: Incoming) -> bool {
    let mut room = DRAINED;
    let mut asked = false;
    poll_fn(|task| {
        loop {
            match Pin::new(&mut left).poll_frame(task) {
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(Some(Ok(frame))) => {
                    asked = false;
                    room = room.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                    if left.is_end_stream() || room == 0 {
                        return Poll::Ready(left.is_end_stream());
                    }
                }
                Poll::Pending if asked => return Poll::Ready(false),
                Poll::Pending => {
                    // The connection reads when the body is asked for, and it is polled by the same task.
                    asked = true;
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

// === impl Sent ===

impl Sent {
    /// `until`: when the body has to have ended, where that is not the connection's business.
    pub(crate) fn new(body: Body, exchange: Option<Open>, until: Option<Instant>) -> Self {
        let until = until.filter(|_| !body.is_empty());
        Self { body, deadline: until.map(|until| Box::pin(sleep_until(until.into()))), exchange }
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if has_passed(&mut this.deadline, cx) {
            return Poll::Ready(Some(Err(Error::Aborted("the response took too long"))));
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let Some(Open { record, .. }) = &this.exchange else {
            return polled;
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    record.response_size.set(record.response_size.get() + data.len() as u64);
                } else if let Some(trailers) = frame.trailers_ref() {
                    note_grpc_status(record, trailers);
                }
            }
            // The client sees the truncation: hyper ends the connection or the stream.
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(error = %error, "response body was cut off");
                record.reason.set(Some("body_cut_off"));
            }
            Poll::Ready(None) | Poll::Pending => {}
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

fn deadline(state: &State, limit: Option<Duration>) -> Deadline {
    limit.filter(|_| state.is_multiplexed()).map(|limit| Box::pin(sleep(limit)))
}

fn has_passed(deadline: &mut Deadline, cx: &mut Context<'_>) -> bool {
    deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
}

/// Notes the `grpc-status` of trailers, or of a head that has no body to follow.
pub(crate) fn note_grpc_status(record: &Record, headers: &http::HeaderMap) {
    if let Some(status) = headers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok()) {
        record.grpc_status.set(Some(status));
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        let now = Instant::now();
        let is_answered = self.record.status.get().is_some();
        // Nothing outlives its time by itself.
        let is_overdue = self.until.is_some_and(|until| until <= now);
        if self.record.reason.get().is_none() {
            // No status yet: the client went away before there was an answer, if it is not our own doing.
            let left = (!is_answered).then_some(exchange::Kind::ClientClosed.reason());
            self.record.reason.set(self.state.interruption(is_answered, is_overdue).or(left));
        }
        if !is_answered {
            self.record.status.set(Some(exchange::Kind::ClientClosed.status()));
        }
        self.recorder.finish(&self.record, now);
        self.state.end(now);
    }
}
