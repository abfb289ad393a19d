//! HTTP/2 connections, over TLS by ALPN or plain with prior knowledge. One task for each stream, on this worker.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use service::coalesce::coalesced;
use service::handshake::LocalExecutor;
use tokio::time::timeout;

use crate::drain::Seat;
use crate::handle::{Serving, handle};
use crate::state::Due;
use crate::stream::Stream;
use crate::timer::Timer;

/// How often a connection looks at its deadlines.
const TICK: Duration = Duration::from_secs(1);
/// What may arrive before it is read: of one stream, of a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Response bytes that wait in one stream for its client.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams a client may reset before we have looked at them (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// The protocol's own size of the table that header fields are remembered in.
const HEADER_TABLE: u32 = 4096;
/// How long the last bytes, a GOAWAY among them, may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// How much longer than `writeTimeout` a stream's task may live. The exchange and its body see by themselves that their
/// time is up, and reset the stream with the right word, unless they are not asked because the client reads nothing.
const SLACK: Duration = Duration::from_millis(100);

/// Runs a connection's streams on this worker.
#[derive(Clone)]
struct Streams(Rc<Serving>);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        let is_tunnel = self.0.opens_tunnel.take();
        match self.0.entry_point.settings.write_timeout.filter(|_| !is_tunnel) {
            None => LocalExecutor.execute(task),
            Some(limit) => LocalExecutor.execute(async move {
                // Dropping a stream resets it.
                let _cut = timeout(limit + SLACK, task).await;
            }),
        }
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve(cx: Rc<Serving>, stream: Stream) {
    cx.state.set_multiplexed();
    let seat = Seat::take(&cx.drain);
    let (io, writes) = coalesced(stream);
    // Boxed: hyper moves it about, and again into a task of its own.
    let service = service_fn(|req| Box::pin(handle(Rc::clone(&cx), req)));
    let conn = builder(&cx).serve_connection(TokioIo::new(io), service);
    let mut conn = pin!(conn);
    let mut timer = Timer::at(Instant::now() + TICK);
    let mut told: Option<Instant> = None;
    poll_fn(|task| {
        seat.wake_with(task.waker());
        if cx.drain.is_cut() {
            return Poll::Ready(());
        }
        let mut goodbye =
            cx.drain.is_draining() || cx.state.is_parting() || cx.state.is_last(&cx.entry_point.settings);
        while timer.has_fired(task) {
            let now = Instant::now();
            let next = match cx.state.due(&cx.entry_point.settings, now) {
                Due::Idle | Due::Slow => {
                    goodbye = true;
                    now + TICK
                }
                Due::Later(at) => at.min(now + TICK).max(now),
                Due::Never => now + TICK,
            };
            if cx.state.in_flight() == 0 {
                writes.release();
            }
            timer.reset(next.max(now + Duration::from_millis(1)));
        }
        match told {
            // It answers no ping, so it would never end.
            Some(told) if cx.state.in_flight() == 0 && Instant::now().duration_since(told) > FAREWELL => {
                return Poll::Ready(());
            }
            None if goodbye => {
                told = Some(Instant::now());
                conn.as_mut().graceful_shutdown();
            }
            Some(_) | None => {}
        }
        let ended = conn.as_mut().poll(task);
        if let Poll::Ready(Err(error)) = writes.drain(task) {
            tracing::debug!(error = %error, "connection broke");
            return Poll::Ready(());
        }
        ended.map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(error = %telemetry::chain(&error), "connection ended");
            }
        })
    })
    .await;
    if cx.drain.is_cut() {
        return;
    }
    let farewell = poll_fn(|task| writes.drain(task));
    let _client_gone = timeout(FAREWELL, farewell).await;
}

fn builder(cx: &Rc<Serving>) -> http2::Builder<Streams> {
    let settings = &cx.entry_point.settings;
    let mut builder = http2::Builder::new(Streams(Rc::clone(cx)));
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(settings.http2.max_concurrent_streams)
        .max_header_list_size(u32::try_from(settings.max_header_bytes.saturating_mul(2)).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS);
    if settings.http2.extended_connect {
        builder.enable_connect_protocol();
    }
    // 0 is Go's way to say "the protocol's own", which need not be told.
    let table = settings.http2.max_decoder_header_table_size;
    if table != 0 && table != HEADER_TABLE {
        builder.header_table_size(table);
    }
    builder
}
