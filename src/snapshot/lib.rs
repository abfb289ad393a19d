//! The dynamic configuration, compiled: everything that traffic reads, in one value that is swapped whole.
//!
//! - [`compile`](mod@compile) documents → [`Snapshot`] and [`Report`]; never fails · [`context`] what it needs besides
//! - `http` routers → tables · `layer4` the same for TCP · `sni` which TLS options a connection gets
//! - `resolve` names → middlewares, services, transports, each built once · `reuse` what lives on from the last one
//! - [`report`] what became of each object · [`lint`] what is allowed but seldom meant
//! - [`explain`](mod@explain) what this snapshot does with a given request, and why
//!
//! Used by `entrypoint` (once per request and per handshake), `api`, `actors`, and the commands `check` and `explain`.
//!
//! Invariants:
//! - A snapshot is immutable and holds nothing of the one before it but the parts that did not change.
//! - A broken object breaks itself and what refers to it. A router whose rule is sound stays in its table
//!   whatever else is wrong with it: it answers 503, and nothing falls through to another router.
//! - Two compiles of the same documents give the same tables.

pub mod compile;
pub mod context;
pub mod explain;
pub mod lint;
pub mod report;

mod http;
mod layer4;
mod resolve;
mod reuse;
mod sni;

#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;
use arc_swap::{ArcSwap, Guard};
use dynamic::Source;
use exchange::admission::Admission;
use exchange::record::RouteName;
use exchange::{Request, Response};
use middleware::Step;
use router::{BadEscape, Table, TcpTable, View, routing_path};
use service::Service;

pub use crate::compile::compile;
pub use crate::context::Context;
pub use crate::explain::explain;
pub use crate::layer4::TcpRoute;
pub use crate::report::{Report, Status};
pub use crate::sni::SniOptions;

/// Everything traffic reads.
pub struct Snapshot {
    /// Counts compiles from 1; 0 is the empty one of the start.
    pub generation: u64,
    pub entry_points: AHashMap<Arc<str>, Arc<EntryPoint>>,
    pub certificates: Arc<tls::Certificates>,
    /// Has every provider delivered? If not, a request without a route gets 503 instead of 404.
    pub complete: bool,
    /// What each entry point lets in, for whoever explains: traffic has it in its settings.
    admissions: Arc<BTreeMap<Arc<str>, Admission>>,
    /// What the next compile looks into.
    parts: reuse::Parts,
}

/// The routes of one entry point.
pub struct EntryPoint {
    /// For connections without TLS.
    pub http: Arc<Table<Arc<Route>>>,
    /// For connections with TLS.
    pub https: Arc<Table<Arc<Route>>>,
    pub tcp: TcpTable<Arc<TcpRoute>>,
    /// For connections that begin with a ClientHello.
    pub tcp_tls: TcpTable<Arc<TcpRoute>>,
    /// Which TLS options a server name gets.
    pub sni_options: SniOptions,
}

/// Where a request goes.
pub struct Route {
    pub name: Arc<RouteName>,
    /// The rule as it was written.
    pub text: Arc<str>,
    pub priority: i64,
    /// The router's middlewares, then the service's own.
    pub steps: Box<[Step]>,
    /// Of a disabled router one that answers 503.
    pub service: Arc<Service>,
    pub disabled: Option<Disabled>,
    /// Of a router for TLS connections: the options its connections must have been accepted with, or 421.
    pub tls_options: Option<Arc<str>>,
    pub source: Source,
    /// Of a router with routers below it: these, which its service asks.
    layer: Option<Arc<Table<Arc<Self>>>>,
}

/// Why a router serves nothing: one sentence.
pub type Disabled = Arc<str>;

/// The cell that traffic reads: one writer, many readers, no lock.
pub struct Published(ArcSwap<Snapshot>);

// === impl Snapshot ===

impl Snapshot {
    /// Before the first compile: every entry point, and nothing behind it.
    #[must_use]
    pub fn starting(cx: &Context) -> Self {
        let (mut empty, _) = compile(&dynamic::Configuration::default(), None, cx);
        empty.generation = 0;
        empty.complete = false;
        empty
    }

    /// The entry point of this name; every one of the install configuration is there after the first compile.
    #[must_use]
    pub fn entry_point(&self, name: &str) -> Option<&Arc<EntryPoint>> {
        self.entry_points.get(name)
    }

    /// What the entry point of this name lets in.
    fn admission(&self, entry_point: &str) -> Admission {
        self.admissions.get(entry_point).cloned().unwrap_or_default()
    }
}

impl EntryPoint {
    /// The table for connections with or without TLS.
    #[must_use]
    pub fn table(&self, is_tls: bool) -> &Table<Arc<Route>> {
        if is_tls { &self.https } else { &self.http }
    }
}

impl Default for EntryPoint {
    fn default() -> Self {
        Self {
            http: Arc::new(Table::build(Vec::new())),
            https: Arc::new(Table::build(Vec::new())),
            tcp: TcpTable::build(Vec::new()),
            tcp_tls: TcpTable::build(Vec::new()),
            sni_options: SniOptions::default(),
        }
    }
}

/// The route of a request: the first in order whose rule holds.
///
/// # Errors
/// When the path ends in the middle of an escape.
pub fn find<'t>(table: &'t Table<Arc<Route>>, req: &Request) -> Result<Option<&'t Arc<Route>>, BadEscape> {
    let path = routing_path(req.path())?;
    Ok(table.find(&View {
        method: req.method(),
        host: &req.host,
        path: &path,
        query: req.query(),
        headers: req.headers(),
        client: req.connection.peer.ip(),
    }))
}

// === impl Route ===

impl Route {
    pub(crate) fn new(core: &http::core::Core, tls_options: Option<Arc<str>>, source: &Source) -> Self {
        Self {
            name: Arc::clone(&core.name),
            text: Arc::clone(&core.text),
            priority: core.priority,
            steps: core.steps.clone().into_boxed_slice(),
            service: Arc::clone(&core.service),
            disabled: core.disabled.clone(),
            tls_options,
            source: source.clone(),
            layer: core.layer.clone(),
        }
    }

    /// Answers a request that was found to belong here: middlewares, then the service.
    pub async fn serve(&self, req: Request) -> Response {
        *req.record.route.borrow_mut() = Some(Arc::clone(&self.name));
        middleware::run(&self.steps, Box::new(req), &self.service).await
    }
}

// === impl Published ===

impl Published {
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self(ArcSwap::new(snapshot))
    }

    /// The snapshot of this moment. Whoever awaits afterwards keeps the `Arc<Route>` instead.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    #[must_use]
    pub fn load_full(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Puts a snapshot in place and gives the last one back: dropping it takes a while, so that is for a thread
    /// that serves nobody.
    pub fn store(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.swap(snapshot)
    }
}
