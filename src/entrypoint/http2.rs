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
use tokio::time::{sleep_until, timeout};

use crate::drain::Seat;
use crate::handle::{Serving, handle};
use crate::settings::Settings;
use crate::state::Due;
use crate::stream::Stream;

/// How often a connection looks at its deadlines.
const TICK: Duration = Duration::from_secs(1);
/// What may arrive before it is read: of one stream, of a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Response bytes that wait in one stream for its client.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams a client may reset before we have looked at them (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// How long the last bytes, a GOAWAY among them, may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves a connection until it ends.
pub(crate) async fn serve(cx: Rc<Serving>, stream: Stream) {
    cx.state.set_multiplexed();
    let seat = Seat::take(&cx.drain);
    let (io, writes) = coalesced(stream);
    let service = service_fn(|req| handle(Rc::clone(&cx), req));
    let conn = builder(&cx.entry_point.settings).serve_connection(TokioIo::new(io), service);
    let mut conn = pin!(conn);
    let mut timer = pin!(sleep_until((Instant::now() + TICK).into()));
    let mut told: Option<Instant> = None;
    poll_fn(|task| {
        seat.wake_with(task.waker());
        let mut goodbye =
            cx.drain.is_draining() || cx.state.is_parting() || cx.state.is_last(&cx.entry_point.settings);
        while timer.as_mut().poll(task).is_ready() {
            let now = Instant::now();
            let next = match cx.state.due(&cx.entry_point.settings, now) {
                Due::Idle | Due::Slow => {
                    goodbye = true;
                    now + TICK
                }
                Due::Later(at) => at.min(now + TICK).max(now),
                Due::Never => now + TICK,
            };
            timer.as_mut().reset(next.max(now + Duration::from_millis(1)).into());
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
    let farewell = poll_fn(|task| writes.drain(task));
    let _client_gone = timeout(FAREWELL, farewell).await;
}

fn builder(settings: &Settings) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(settings.http2.max_concurrent_streams)
        .max_header_list_size(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS);
    builder
}
