//! Upstream connections kept by this worker: for each endpoint a stack of idle HTTP/1 connections (the hottest
//! on top) and HTTP/2 connections that are shared while they last.
//!
//! An HTTP/1 connection makes progress only while its exchange polls it; between exchanges it lies here unpolled.
//! Invariant: what is given out was alive a moment ago, which is all that can be known.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use exchange::body::Drive;
use exchange::{Body, Kind};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use crate::dial::Stream;
use crate::endpoint::{Endpoint, EndpointId};

/// How long an endpoint may take to say how many streams it allows, and what counts when it does not.
const SETTLING: Duration = Duration::from_secs(1);
const UNSAID: usize = 100;

/// An HTTP/1 connection of ours, in an exchange or idle.
pub struct Http1 {
    pub(crate) sender: http1::SendRequest<Body>,
    pub(crate) connection: http1::Connection<TokioIo<Stream>, Body>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) address: SocketAddr,
    /// Has the connection ended?
    pub(crate) ended: bool,
    /// Has it served an exchange before?
    pub(crate) reused: bool,
    /// The last request was sent whole, and the answer says that the connection stays.
    pub(crate) persists: bool,
    /// The first sweep that found it idle: exact enough, and an exchange need not look at the clock.
    idle_since: Option<Instant>,
}

/// A shared HTTP/2 connection.
#[derive(Clone)]
pub struct Http2 {
    pub(crate) sender: http2::SendRequest<Body>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) address: SocketAddr,
    pub(crate) load: Rc<Load>,
}

/// How busy a shared connection is.
#[derive(Debug)]
pub(crate) struct Load {
    streams: Cell<usize>,
    /// How many streams the endpoint allows at once.
    limit: Cell<usize>,
    settled: Cell<bool>,
    told: Notify,
    idle_since: Cell<Instant>,
}

/// One stream of a shared connection; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease(Rc<Load>);

/// What a pool has to give.
pub(crate) enum Kept {
    Http1(Box<Http1>),
    Http2(Http2, Lease),
}

/// Held while one exchange dials an HTTP/2 endpoint, so that the others wait for its connection.
#[derive(Debug, Default)]
pub(crate) struct Dialling {
    pub(crate) turn: Mutex<()>,
    failed: Cell<Option<(Instant, Kind)>>,
}

#[derive(Default)]
struct Pool {
    #[expect(
        clippy::vec_box,
        reason = "they are handed out boxed, and moving them is a copy of hyper's whole state"
    )]
    idle: Vec<Box<Http1>>,
    /// More than one only where an endpoint allows few streams.
    shared: Vec<Http2>,
    dialling: Option<Rc<Dialling>>,
}

thread_local! {
    static POOLS: RefCell<AHashMap<EndpointId, Pool>> = RefCell::default();
}

/// Takes a connection that seems alive and has room.
pub(crate) fn take(endpoint: &Endpoint) -> Option<Kept> {
    POOLS.with_borrow_mut(|pools| {
        let pool = pools.get_mut(&endpoint.id())?;
        if !pool.shared.is_empty() {
            pool.shared.retain(|shared| !shared.sender.is_closed());
            if let Some(shared) = pool.shared.iter().find(|shared| shared.load.has_room()) {
                return Some(shared.lease());
            }
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
pub(crate) fn share(connection: Http2) {
    POOLS.with_borrow_mut(|pools| {
        pools.entry(connection.endpoint.id()).or_default().shared.push(connection);
    });
}

/// Gives a shared connection to nobody any more; streams under way keep it.
pub(crate) fn retire(connection: &Http2) {
    POOLS.with_borrow_mut(|pools| {
        if let Some(pool) = pools.get_mut(&connection.endpoint.id()) {
            pool.shared.retain(|shared| !Rc::ptr_eq(&shared.load, &connection.load));
        }
    });
}

/// Waits until no connection of the endpoint is so new that it has not said how much it takes.
pub(crate) async fn settled(endpoint: &Endpoint) {
    let unsettled = POOLS.with_borrow(|pools| {
        let shared = &pools.get(&endpoint.id())?.shared;
        shared.iter().find(|shared| !shared.load.settled.get()).map(|shared| Rc::clone(&shared.load))
    });
    if let Some(load) = unsettled
        && timeout(SETTLING, load.told.notified()).await.is_err()
    {
        load.settle(UNSAID);
    }
}

/// The lock under which this worker dials an HTTP/2 endpoint.
pub(crate) fn dialling(endpoint: &Endpoint) -> Rc<Dialling> {
    POOLS.with_borrow_mut(|pools| {
        Rc::clone(pools.entry(endpoint.id()).or_default().dialling.get_or_insert_default())
    })
}

/// Drops what has been idle for too long, what its endpoint has closed, and what leads to an address that the
/// endpoint's name has left. Called about once a second.
pub fn sweep() {
    let now = Instant::now();
    POOLS.with_borrow_mut(|pools| pools.retain(|_, pool| pool.sweep(now)));
}

/// Idle connections of this worker, for tests and metrics.
#[must_use]
pub fn idle_connections() -> usize {
    POOLS.with_borrow(|pools| pools.values().map(|pool| pool.idle.len()).sum())
}

/// Connections of this worker that are shared, for tests and metrics.
#[must_use]
pub fn shared_connections() -> usize {
    POOLS.with_borrow(|pools| pools.values().map(|pool| pool.shared.len()).sum())
}

// === impl Pool ===

impl Pool {
    /// False: nothing is left of it.
    fn sweep(&mut self, now: Instant) -> bool {
        let endpoint = self.idle.first().map(|idle| &idle.endpoint);
        if let Some(endpoint) = endpoint.or_else(|| self.shared.first().map(|shared| &shared.endpoint)) {
            endpoint.refresh();
        }
        self.idle.retain_mut(|idle| {
            idle.poll_idle();
            let since = *idle.idle_since.get_or_insert(now);
            idle.is_usable()
                && !has_been_idle(&idle.endpoint, Some(since), now)
                && idle.endpoint.is_at(idle.address)
        });
        self.shared.retain(|shared| {
            // Streams under way keep their connection; it only gets no new ones.
            !shared.sender.is_closed()
                && !has_been_idle(&shared.endpoint, shared.load.idle_since(), now)
                && shared.endpoint.is_at(shared.address)
        });
        let dials = self.dialling.as_ref().is_some_and(|dialling| Rc::strong_count(dialling) > 1);
        dials || !self.idle.is_empty() || !self.shared.is_empty()
    }
}

fn has_been_idle(endpoint: &Endpoint, since: Option<Instant>, now: Instant) -> bool {
    let limit: Option<Duration> = endpoint.transport().idle_timeout;
    limit.zip(since).is_some_and(|(limit, since)| now.saturating_duration_since(since) >= limit)
}

// === impl Dialling ===

impl Dialling {
    /// Notes why nobody got a connection.
    pub(crate) fn fail(&self, kind: Kind) {
        self.failed.set(Some((Instant::now(), kind)));
    }

    /// The failure of a dial that ended after this moment: who waited for it need not try again.
    pub(crate) fn failed_since(&self, moment: Instant) -> Option<Kind> {
        self.failed.get().filter(|(at, _)| *at >= moment).map(|(_, kind)| kind)
    }
}

// === impl Http2 ===

impl Http2 {
    /// Takes one stream.
    pub(crate) fn lease(&self) -> Kept {
        Kept::Http2(self.clone(), Lease::take(&self.load))
    }
}

impl Load {
    /// Until the endpoint has said how many streams it allows, it gets one: it would refuse what is too many.
    pub(crate) fn new() -> Self {
        Self {
            streams: Cell::new(0),
            limit: Cell::new(1),
            settled: Cell::new(false),
            told: Notify::new(),
            idle_since: Cell::new(Instant::now()),
        }
    }

    /// The endpoint has said how many streams it allows.
    pub(crate) fn settle(&self, limit: usize) {
        self.limit.set(limit);
        if !self.settled.replace(true) {
            self.told.notify_waiters();
        }
    }

    fn has_room(&self) -> bool {
        self.streams.get() < self.limit.get().max(1)
    }

    /// Is no stream open?
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.get() == 0
    }

    fn idle_since(&self) -> Option<Instant> {
        self.is_idle().then(|| self.idle_since.get())
    }
}

impl Lease {
    fn take(load: &Rc<Load>) -> Self {
        load.streams.set(load.streams.get() + 1);
        Self(Rc::clone(load))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let left = self.0.streams.get().saturating_sub(1);
        self.0.streams.set(left);
        if left == 0 {
            self.0.idle_since.set(Instant::now());
        }
    }
}

/// The connection has a task that drives it; a response's body only holds its place.
impl Drive for Lease {
    fn poll_drive(&mut self, _: &mut Context<'_>) {}

    fn give_back(self: Box<Self>) {}
}

// === impl Http1 ===

impl Http1 {
    pub(crate) fn new(
        sender: http1::SendRequest<Body>,
        connection: http1::Connection<TokioIo<Stream>, Body>,
        endpoint: Arc<Endpoint>,
        address: SocketAddr,
    ) -> Self {
        Self {
            sender,
            connection,
            endpoint,
            address,
            ended: false,
            reused: false,
            persists: false,
            idle_since: None,
        }
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
}

impl Drive for Http1 {
    fn poll_drive(&mut self, cx: &mut Context<'_>) {
        self.poll_once(cx);
    }

    fn give_back(mut self: Box<Self>) {
        // Where nothing is left to do for the exchange, whoever takes it polls it first.
        if !self.persists {
            self.poll_idle();
            if !self.is_usable() {
                return;
            }
        }
        let limit = self.endpoint.transport().idle_per_worker;
        if limit == 0 || self.ended || !self.endpoint.is_at(self.address) {
            return;
        }
        self.reused = true;
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
        f.debug_struct("Http1")
            .field("address", &self.address)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
