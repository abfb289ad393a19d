//! What a compile needs besides the documents: the entry points, and what the process has one of.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynamic::Element;
use dynamic::merge::EntryPoint;
use exchange::admission::Admission;
use exchange::{Answer, Body, Error, Handler, Kind, Request, Response};
use http::StatusCode;
use service::Service;

/// The name of the transport of services that name none.
pub const DEFAULT_TRANSPORT: &str = "default@internal";

/// The order of providers for a tie, where the install configuration gives none.
const PRECEDENCE: [&str; 6] =
    ["kubernetesgateway", "kubernetescrd", "kubernetes", "kubernetesingressnginx", "file", "redis"];

/// Fixed for the life of the process.
pub struct Context {
    pub entry_points: Vec<EntryPoint>,
    /// Services of our own by full name, such as `api@internal`.
    pub services: BTreeMap<Arc<str>, Arc<Service>>,
    /// Whose router goes first at equal priority; who is not listed goes last.
    pub precedence: Vec<String>,
    /// What each entry point lets in; one that is missing, what is let in by default.
    pub admissions: Arc<BTreeMap<Arc<str>, Admission>>,
    /// The transport of services that name none.
    pub transport: Arc<Element<service::transport::Config>>,
    pub resolver: service::resolve::Resolver,
    /// Proxies between us and endpoints; none unless they are put here.
    pub proxies: service::proxy::Proxies,
    /// How many workers serve: each keeps connections of its own.
    pub workers: usize,
    /// What the routes of disabled routers lead to.
    pub(crate) disabled: Arc<Service>,
    /// A middleware or router whose build panics, to see that nothing else suffers.
    #[cfg(test)]
    pub(crate) trap: Option<&'static str>,
}

/// `noop@internal`, which redirections of whole entry points end in.
struct Noop;

struct Disabled;

// === impl Context ===

impl Context {
    #[must_use]
    pub fn new(
        entry_points: Vec<EntryPoint>,
        transport: service::transport::Config,
        resolver: service::resolve::Resolver,
        workers: usize,
    ) -> Self {
        let mut cx = Self {
            entry_points,
            services: BTreeMap::new(),
            precedence: PRECEDENCE.map(str::to_owned).to_vec(),
            admissions: Arc::default(),
            transport: Arc::new(Element::new(transport, dynamic::Source::default())),
            resolver,
            proxies: service::proxy::Proxies::default(),
            workers,
            disabled: Arc::new(Service::handler(Arc::new(Disabled))),
            #[cfg(test)]
            trap: None,
        };
        cx.add_handler("noop@internal", Arc::new(Noop));
        cx
    }

    /// Makes a handler a service that routers can name.
    pub fn add_handler(&mut self, name: &str, handler: Arc<dyn Handler>) {
        self.services.insert(name.into(), Arc::new(Service::handler(handler)));
    }

    /// Where a provider stands in the order; lower goes first.
    pub(crate) fn precedence_of(&self, provider: &str) -> usize {
        self.precedence.iter().position(|name| name == provider).unwrap_or(usize::MAX)
    }

    /// Is there an entry point of this name for HTTP and TCP?
    pub(crate) fn has_entry_point(&self, name: &str) -> bool {
        self.entry_point(name).is_some()
    }

    /// The name of an entry point for HTTP and TCP, as all share it.
    pub(crate) fn entry_point(&self, name: &str) -> Option<&Arc<str>> {
        self.entry_points.iter().find(|ep| &*ep.name == name && !ep.is_udp).map(|ep| &ep.name)
    }
}

// === impl Noop ===

impl Handler for Noop {
    fn handle(&self, _req: Request) -> Answer<'_> {
        Box::pin(async { Response::new(StatusCode::IM_A_TEAPOT, Body::Empty) })
    }
}

// === impl Disabled ===

impl Handler for Disabled {
    fn handle(&self, _req: Request) -> Answer<'_> {
        Box::pin(async { Error::internal(Kind::RouterDisabled).into_response() })
    }
}
