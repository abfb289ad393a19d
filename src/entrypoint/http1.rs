//! HTTP/1 connections: hyper while something happens, the bare socket while nothing does.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::{sleep_until, timeout};

use crate::drain::{LINGER, Seat};
use crate::handle::{Serving, handle};
use crate::settings::Settings;
use crate::state::Due;
use crate::stream::Stream;
use crate::timer::Timer;
use crate::upgraded::Upgraded;

/// How often an active connection looks at its deadlines.
const TICK: Duration = Duration::from_secs(1);
/// How often it looks whether it can be parked, while it serves no exchange. It is parked the second time.
const IDLE_TICK: Duration = Duration::from_millis(250);
/// hyper's smallest buffer.
const SMALLEST_BUFFER: usize = 8192;

/// How hyper calls the one of two errors that it answers with 414; nothing else tells them apart.
const TARGET_TOO_LONG: &str = "URI too long";

/// How long a client may go on sending what nobody reads, after its answer.
const DISCARD: Duration = Duration::from_millis(500);

/// How an active phase ended.
enum Ended {
    Closed,
    /// Answered for the last time, and the client may still be sending.
    Unread(Stream),
    /// Nothing happened for a while.
    Idle(Stream),
    /// Something has come meanwhile.
    Busy(Stream),
    /// The client speaks something else from here on.
    Upgraded(Stream),
}

/// Serves a connection until it ends.
pub(crate) async fn serve(cx: Rc<Serving>, mut stream: Stream) {
    let seat = Seat::take(&cx.drain);
    loop {
        // Boxed, so that a parked connection does not pay for hyper's state.
        match Box::pin(active(&cx, &seat, stream)).await {
            Ended::Closed => return,
            Ended::Unread(mut unread) => {
                let _cut = Box::pin(timeout(DISCARD, unread.discard())).await;
                return;
            }
            Ended::Busy(busy) => stream = busy,
            Ended::Idle(idle) => match parked(&cx, &seat, idle).await {
                Some(woken) => stream = woken,
                None => return,
            },
            Ended::Upgraded(stream) => {
                if let Some(taker) = cx.state.take_upgrade() {
                    // Whoever wanted it may be gone; then the stream is dropped here.
                    let _unwanted = taker.send(Box::new(Upgraded::new(stream, &cx.drain)));
                }
                return;
            }
        }
    }
}

/// Why hyper is left.
enum Left {
    Ended(hyper::Result<()>),
    Passed,
    Park,
}

async fn active(cx: &Rc<Serving>, seat: &Seat, stream: Stream) -> Ended {
    let service = service_fn(|req| handle(Rc::clone(cx), req));
    let mut conn = builder(&cx.entry_point.settings).serve_connection(TokioIo::new(stream), service);
    let mut timer = Timer::at(Instant::now() + IDLE_TICK);
    let mut told = None;
    let left = poll_fn(|task| {
        seat.wake_with(task.waker());
        if cx.drain.is_cut() {
            return Poll::Ready(Left::Passed);
        }
        if let Poll::Ready(ended) = Pin::new(&mut conn).poll(task) {
            return Poll::Ready(Left::Ended(ended));
        }
        if told.is_none() && cx.drain.is_draining() {
            // hyper's own shutdown would close an idle connection at once. Each answer says that it is the last.
            let now = Instant::now();
            told = Some(now);
            timer.reset(now);
        }
        match deadlines(cx, told, &mut timer, task) {
            Deadline::Running => Poll::Pending,
            Deadline::Passed => Poll::Ready(Left::Passed),
            Deadline::Park => Poll::Ready(Left::Park),
        }
    })
    .await;
    if let Left::Ended(Err(error)) = &left {
        refused(cx, error);
    }
    let stream = || {
        let parts = conn.into_parts();
        let mut stream = parts.io.into_inner();
        stream.put_back(parts.read_buf);
        stream
    };
    match left {
        Left::Park => {
            let mut stream = stream();
            if stream.is_quiet() { Ended::Idle(stream) } else { Ended::Busy(stream) }
        }
        Left::Ended(Ok(())) if cx.state.is_upgraded() => Ended::Upgraded(stream()),
        Left::Ended(_) if cx.state.is_unread() => Ended::Unread(stream()),
        Left::Ended(_) | Left::Passed => Ended::Closed,
    }
}

enum Deadline {
    Running,
    Passed,
    Park,
}

/// Looks at the deadlines when the timer has fired, and sets it again. `told`: since when the drain is known.
fn deadlines(cx: &Serving, told: Option<Instant>, timer: &mut Timer, task: &mut Context<'_>) -> Deadline {
    while timer.has_fired(task) {
        let now = Instant::now();
        let tick = if cx.state.is_idle() { IDLE_TICK } else { TICK };
        let mut next = match cx.state.due(&cx.entry_point.settings, now) {
            Due::Idle => return Deadline::Passed,
            Due::Slow if cx.state.in_flight() > 0 => {
                cx.state.set_overdue();
                return Deadline::Passed;
            }
            Due::Slow => {
                cx.recorder.refused(&cx.connection, exchange::Kind::RequestTimeout);
                return Deadline::Passed;
            }
            // The body that waits for the client has to see that it has expired.
            Due::Later(at) if at <= now => {
                task.waker().wake_by_ref();
                now + tick
            }
            Due::Later(at) => at.min(now + tick),
            Due::Never => now + tick,
        };
        if let Some(told) = told {
            let until = told.max(cx.state.idle_since()) + LINGER;
            if cx.state.is_idle() && until <= now {
                return Deadline::Passed;
            }
            next = next.min(until.max(now + LINGER / 10));
        } else if cx.state.may_park() {
            return Deadline::Park;
        }
        timer.reset(next);
    }
    Deadline::Running
}

/// Waits on the bare socket. `None`: the connection is to be closed.
async fn parked(cx: &Serving, seat: &Seat, stream: Stream) -> Option<Stream> {
    let until = cx.entry_point.settings.idle_timeout.map(|limit| cx.state.idle_since() + limit);
    let readable = tokio::select! {
        biased;
        readable = stream.readable() => readable.is_ok(),
        // A request that is here already is answered.
        () = seat.rung() => stream.has_more(),
        () = sleep_until(until.unwrap_or_else(Instant::now).into()), if until.is_some() => false,
    };
    readable.then_some(stream)
}

fn builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        .keep_alive(true)
        .max_headers(settings.max_header_fields)
        .max_buf_size(settings.max_header_bytes.max(SMALLEST_BUFFER))
        .ignore_invalid_headers(false);
    builder
}

/// What hyper refused by itself never became an exchange.
fn refused(cx: &Serving, error: &hyper::Error) {
    let kind = if error.is_parse_too_large() && error.to_string() == TARGET_TOO_LONG {
        exchange::Kind::UriTooLong
    } else if error.is_parse_too_large() {
        exchange::Kind::HeadersTooLarge
    } else if error.is_parse() {
        exchange::Kind::Malformed
    } else {
        tracing::debug!(error = %telemetry::chain(error), "connection ended");
        return;
    };
    cx.state.leave_unread();
    cx.recorder.refused(&cx.connection, kind);
    tracing::debug!(peer = %cx.connection.peer, reason = kind.reason(), "request refused");
}
