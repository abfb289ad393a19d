//! Upstream connections kept by this worker: for each endpoint a stack of idle HTTP/1 connections (the hottest
//! on top) and HTTP/2 connections that are shared while they last.
//!
//! An HTTP/1 connection makes progress only while its exchange polls it; between exchanges it lies here unpolled.
//! Invariant: what is given out was alive a moment ago, which is all that can be known.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use exchange::Body;
use exchange::body::Drive;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;

use crate::dial::Stream;
use crate::endpoint::{Endpoint, EndpointId};

/// An HTTP/1 connection of ours, in an exchange or idle.
pub struct Http1 {
    pub(crate) sender: http1::SendRequest<Body>,
    pub(crate) connection: http1::Connection<TokioIo<Stream>, Body>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) address: std::net::SocketAddr,
    /// Has the connection ended?
    pub(crate) ended: bool,
    /// Has it served an exchange before?
    pub(crate) reused: bool,
    idle_since: Option<Instant>,
}

/// A shared HTTP/2 connection.
#[derive(Clone)]
pub struct Http2 {
    pub(crate) sender: http2::SendRequest<Body>,
    pub(crate) address: std::net::SocketAddr,
}

/// What a pool has to give.
pub(crate) enum Kept {
    Http1(Box<Http1>),
    Http2(Http2),
}

#[derive(Default)]
struct Pool {
    idle: Vec<Box<Http1>>,
    shared: Option<Http2>,
    /// Held while one exchange dials an HTTP/2 endpoint, so that the others wait for its connection.
    dialling: Option<std::rc::Rc<tokio::sync::Mutex<()>>>,
}

thread_local! {
    static POOLS: RefCell<AHashMap<EndpointId, Pool>> = RefCell::default();
}

/// Takes a connection that seems alive.
pub(crate) fn take(endpoint: &Endpoint) -> Option<Kept> {
    POOLS.with_borrow_mut(|pools| {
        let pool = pools.get_mut(&endpoint.id())?;
        if let Some(shared) = &pool.shared {
            if !shared.sender.is_closed() {
                return Some(Kept::Http2(shared.clone()));
            }
            pool.shared = None;
        }
        while let Some(mut idle) = pool.idle.pop() {
            idle.poll_idle();
            if idle.is_usable() {
                idle.idle_since = None;
                return Some(Kept::Http1(idle));
            }
        }
        None
    })
}

/// Shares a new HTTP/2 connection.
pub(crate) fn share(endpoint: &Endpoint, connection: Http2) {
    POOLS.with_borrow_mut(|pools| pools.entry(endpoint.id()).or_default().shared = Some(connection));
}

/// The lock under which this worker dials an HTTP/2 endpoint.
pub(crate) fn dialling(endpoint: &Endpoint) -> std::rc::Rc<tokio::sync::Mutex<()>> {
    POOLS.with_borrow_mut(|pools| {
        std::rc::Rc::clone(pools.entry(endpoint.id()).or_default().dialling.get_or_insert_default())
    })
}

/// Drops what has been idle for too long, and what its endpoint has closed. Called about once a second.
pub fn sweep() {
    let now = Instant::now();
    POOLS.with_borrow_mut(|pools| {
        pools.retain(|_, pool| {
            pool.idle.retain_mut(|idle| {
                idle.poll_idle();
                idle.is_usable() && !idle.has_been_idle(now)
            });
            if pool.shared.as_ref().is_some_and(|shared| shared.sender.is_closed()) {
                pool.shared = None;
            }
            !pool.idle.is_empty() || pool.shared.is_some()
        });
    });
}

/// Idle connections of this worker, for tests and metrics.
#[must_use]
pub fn idle_connections() -> usize {
    POOLS.with_borrow(|pools| pools.values().map(|pool| pool.idle.len()).sum())
}

// === impl Http1 ===

impl Http1 {
    pub(crate) fn new(
        sender: http1::SendRequest<Body>,
        connection: http1::Connection<TokioIo<Stream>, Body>,
        endpoint: Arc<Endpoint>,
        address: std::net::SocketAddr,
    ) -> Self {
        Self { sender, connection, endpoint, address, ended: false, reused: false, idle_since: None }
    }

    pub(crate) fn poll_once(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut self.connection).poll_without_shutdown(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Lets it finish its last message, or see that the endpoint has closed.
    fn poll_idle(&mut self) {
        self.poll_once(&mut Context::from_waker(Waker::noop()));
    }

    fn is_usable(&self) -> bool {
        !self.ended && self.sender.is_ready()
    }

    fn has_been_idle(&self, now: Instant) -> bool {
        let limit: Option<Duration> = self.endpoint.transport().idle_timeout;
        limit.zip(self.idle_since).is_some_and(|(limit, since)| now.duration_since(since) >= limit)
    }
}

impl Drive for Http1 {
    fn poll_drive(&mut self, cx: &mut Context<'_>) {
        self.poll_once(cx);
    }

    fn give_back(mut self: Box<Self>) {
        self.poll_idle();
        let limit = self.endpoint.transport().idle_per_worker;
        if limit == 0 || !self.is_usable() {
            return;
        }
        self.reused = true;
        self.idle_since = Some(Instant::now());
        POOLS.with_borrow_mut(|pools| {
            let pool = pools.entry(self.endpoint.id()).or_default();
            if pool.idle.len() >= limit {
                // The oldest lies at the bottom.
                pool.idle.remove(0);
            }
            pool.idle.push(self);
        });
    }
}

impl fmt::Debug for Http1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").field("address", &self.address).field("ended", &self.ended).finish_non_exhaustive()
    }
}
