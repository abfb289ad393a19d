//! From a dialled stream to a connection that takes requests.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use exchange::error::Retry;
use exchange::{Error, Kind};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWrite;

use crate::coalesce::{Writes, coalesced};
use crate::dial::{self, Dialled};
use crate::endpoint::Endpoint;
use crate::pool::{self, Http1, Http2, Kept, Load};

/// The most headers an endpoint's answer may have.
pub(crate) const HEADERS: usize = 256;
/// The most bytes an HTTP/1 answer's head may have, and of a body that are read ahead.
const BUFFER: usize = 64 * 1024;
/// HTTP/2 windows: what an endpoint may send before it is read.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// What h2 counts with until the endpoint has said how many streams it allows.
const UNTOLD: usize = usize::MAX - 1;

/// Runs hyper's tasks on this worker.
#[derive(Clone, Copy, Debug)]
pub struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        // hyper ends its tasks with the connection they belong to.
        let _owned_by_the_connection = tokio::task::spawn_local(task);
    }
}

/// Dials and opens a connection. One that speaks HTTP/2 is shared from now on.
pub(crate) async fn connect(endpoint: &Arc<Endpoint>, upgrade: bool) -> Result<Kept, Error> {
    let Dialled { stream, http2, address } = dial::dial(endpoint, upgrade).await?;
    endpoint.spoke(http2);
    if !http2 {
        let (sender, connection) = http1_builder().handshake(TokioIo::new(stream)).await.map_err(refused)?;
        return Ok(Kept::Http1(Box::new(Http1::new(sender, connection, Arc::clone(endpoint), address))));
    }
    let (io, writes) = coalesced(stream);
    let handshake = http2_builder(endpoint).handshake(TokioIo::new(io));
    let (sender, mut connection) = drained(handshake, &writes).await.map_err(refused)?;
    let load = Rc::new(Load::new());
    let limit = Rc::clone(&load);
    let _owned_by_the_pool = tokio::task::spawn_local(async move {
        let mut ended = None;
        let ended = poll_fn(|cx| {
            if ended.is_none()
                && let Poll::Ready(how) = Pin::new(&mut connection).poll(cx)
            {
                ended = Some(how);
            }
            match connection.current_max_send_streams() {
                UNTOLD => {}
                told => limit.settle(told),
            }
            if let Poll::Ready(Err(_broken)) = writes.drain(cx) {
                return Poll::Ready(Ok(()));
            }
            if limit.is_idle() {
                writes.release();
            }
            // Nobody begins a stream any more, but those that are open still have something to say.
            match ended.take_if(|_| writes.is_last()) {
                Some(how) => Poll::Ready(how),
                None => Poll::Pending,
            }
        });
        if let Err(error) = ended.await {
            tracing::debug!(error = %error, "HTTP/2 connection to an endpoint has ended");
        }
    });
    let shared = Http2 { sender, endpoint: Arc::clone(endpoint), address, load };
    let kept = shared.lease();
    pool::share(shared);
    Ok(kept)
}

/// Polls a handshake and writes what it has to say.
async fn drained<T: AsyncWrite + Unpin, R>(handshake: impl Future<Output = R>, writes: &Writes<T>) -> R {
    let mut handshake = pin!(handshake);
    poll_fn(|cx| {
        let polled = handshake.as_mut().poll(cx);
        // A broken stream shows at the next poll of the connection.
        let _broken = writes.drain(cx);
        polled
    })
    .await
}

pub(crate) fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Names as Traefik writes them: some backends compare them byte by byte.
    builder.max_headers(HEADERS).max_buf_size(BUFFER).title_case_headers(true);
    builder
}

fn http2_builder(endpoint: &Endpoint) -> http2::Builder<LocalExecutor> {
    let transport = endpoint.transport();
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(UNTOLD)
        .max_header_list_size(u32::try_from(BUFFER).unwrap_or(u32::MAX));
    if let Some(interval) = transport.ping_interval {
        // As in Go, also between exchanges: a kept connection that leads nowhere would cost the next one its time.
        builder
            .keep_alive_interval(interval)
            .keep_alive_timeout(transport.ping_timeout)
            .keep_alive_while_idle(true);
    }
    builder
}

pub(crate) fn refused(error: hyper::Error) -> Error {
    Error::upstream(Kind::UpstreamClosed, Retry::Safe).because(error)
}
