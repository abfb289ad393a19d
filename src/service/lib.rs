//! Who answers: services, their endpoints, and the way to them.
//!
//! - [`load_balancer`] servers behind one name · [`balancer`] strategies, one file each · [`group`] services made of services
//! - [`endpoint`] one address with what is known of it · `server_url` where it is said · [`resolve`] names → addresses
//! - [`transport`] how to reach endpoints · `dial`, [`handshake`] one connection · [`pool`] connections kept by this worker
//! - [`proxy`] forward proxies on the way to them
//! - `forward` an exchange upstream and back · `failure` what went wrong · `watch` its timeout · `spare` what is sent twice · `expect` `100-continue` · `upgrade` WebSocket and its kin
//! - [`hop_by_hop`] headers that belong to one connection · [`coalesce`] fewer, larger writes for HTTP/2 · [`gather`] for HTTP/1
//!
//! Used by `middleware` (ends each chain here), `snapshot` (builds), `entrypoint` (sweeps the pools).
//!
//! Invariants: a [`Service`] is `Send + Sync`, immutable, and knows endpoints only; connections are the
//! worker's own and never cross threads. What may be counted across workers is one atomic.

pub mod balancer;
pub mod coalesce;
mod dial;
pub mod endpoint;
mod expect;
mod failure;
mod forward;
pub mod gather;
pub mod group;
pub mod handshake;
pub mod hop_by_hop;
pub mod load_balancer;
pub mod pool;
pub mod proxy;
pub mod resolve;
mod server_url;
mod spare;
pub mod transport;
mod upgrade;
mod watch;

use std::fmt;
use std::sync::Arc;

use document::problem::Problem;
use exchange::{Error, Handler, Kind, Request, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::endpoint::{Endpoint, EndpointStatus};
pub use crate::load_balancer::LoadBalancer;
pub use crate::transport::Transport;

/// A service as a document has it: exactly one kind, and middlewares of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
// What is seldom written is boxed: most of thousands of services are load balancers, and little else.
pub struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<load_balancer::Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Box<group::Weighted>>,
    /// Read, so that its mistakes are named; not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_random_weight: Option<Box<serde_json::Value>>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirroring: Option<Box<serde_json::Value>>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover: Option<Box<serde_json::Value>>,
    /// Run after the router's own, for every router that uses the service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
}

/// A built service.
pub struct Service {
    kind: ServiceKind,
}

enum ServiceKind {
    LoadBalancer(LoadBalancer),
    Weighted(group::Group),
    Handler(Arc<dyn Handler>),
}

/// Resolves the names a service's configuration holds, and gives what the process has one of.
pub trait Context {
    /// # Errors
    /// When there is no such service, or it is broken, or it refers back to the one being built.
    fn service(&self, name: &str) -> Result<Arc<Service>, Problem>;
    /// # Errors
    /// When there is no such transport, or it is broken.
    fn transport(&self, name: &str) -> Result<Arc<Transport>, Problem>;
    /// The service of this name in the previous snapshot.
    fn previous(&self, name: &str) -> Option<Arc<Service>>;
    fn resolver(&self) -> &resolve::Resolver;
    fn proxies(&self) -> &proxy::Proxies;
}

// === impl Config ===

impl Config {
    /// The kinds that are written, by Traefik's names.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        [
            ("loadBalancer", self.load_balancer.is_some()),
            ("weighted", self.weighted.is_some()),
            ("highestRandomWeight", self.highest_random_weight.is_some()),
            ("mirroring", self.mirroring.is_some()),
            ("failover", self.failover.is_some()),
        ]
        .into_iter()
        .filter_map(|(kind, written)| written.then_some(kind))
        .collect()
    }

    /// Names of the services this one is made of.
    #[must_use]
    pub fn children(&self) -> Vec<&str> {
        self.weighted
            .iter()
            .flat_map(|weighted| &weighted.services)
            .map(|child| child.name.as_str())
            .collect()
    }

    /// What is written and has no effect.
    pub fn warnings(&self) -> impl Iterator<Item = Problem> {
        let balancer = self.load_balancer.iter().flat_map(load_balancer::Config::without_effect);
        let unbuilt = balancer.chain(self.weighted.iter().flat_map(|weighted| weighted.without_effect()));
        let unbuilt =
            unbuilt.map(|(key, sentence)| Problem::warning("without_effect", sentence).with_path(key));
        unbuilt.chain(self.load_balancer.iter().flat_map(load_balancer::Config::user_information))
    }

    /// Builds the service called `name` (with its provider).
    ///
    /// # Errors
    /// When not exactly one kind is written, when that kind is not served yet, or what the kind itself refuses.
    pub fn build(&self, name: &str, cx: &dyn Context) -> Result<Service, Problem> {
        let kind = match self.kinds().as_slice() {
            [] => {
                return Err(Problem::error("no_service_kind", "the service has no kind")
                    .hint("write `loadBalancer` or `weighted`"));
            }
            ["loadBalancer"] => match &self.load_balancer {
                Some(config) => {
                    ServiceKind::LoadBalancer(config.build(name, cx).map_err(|p| p.under("loadBalancer"))?)
                }
                None => return Err(Problem::error("no_service_kind", "the service has no kind")),
            },
            ["weighted"] => match &self.weighted {
                Some(config) => ServiceKind::Weighted(config.build(cx).map_err(|p| p.under("weighted"))?),
                None => return Err(Problem::error("no_service_kind", "the service has no kind")),
            },
            [kind] => {
                return Err(Problem::error(
                    "unsupported_service",
                    format_args!("services of the kind `{kind}` are not served yet"),
                )
                .with_path(*kind));
            }
            kinds => {
                return Err(Problem::error(
                    "many_service_kinds",
                    format_args!("a service has one kind, this one has {}", kinds.join(", ")),
                ));
            }
        };
        Ok(Service { kind })
    }
}

// === impl Service ===

impl Service {
    /// A service of our own, such as the API.
    #[must_use]
    pub fn handler(handler: Arc<dyn Handler>) -> Self {
        Self { kind: ServiceKind::Handler(handler) }
    }

    /// Answers the request: chooses, forwards, and makes a response of a failure too.
    pub async fn call(&self, req: Box<Request>) -> Response {
        let mut service = self;
        // Composite services cannot refer to themselves: building them found every loop.
        loop {
            match &service.kind {
                ServiceKind::LoadBalancer(balancer) => return forward::forward(balancer, req).await,
                ServiceKind::Handler(handler) => return handler.handle(*req).await,
                ServiceKind::Weighted(group) => match group.choose() {
                    Some(child) => service = child,
                    None => return Error::internal(Kind::NoEndpoint).into_response(),
                },
            }
        }
    }

    /// Each endpoint below this service with what is known of it.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        match &self.kind {
            ServiceKind::LoadBalancer(balancer) => balancer.statuses(),
            ServiceKind::Weighted(group) => group.children().flat_map(|child| child.endpoints()).collect(),
            ServiceKind::Handler(_) => Vec::new(),
        }
    }

    /// The load balancer, where the service is one.
    #[must_use]
    pub fn load_balancer(&self) -> Option<&LoadBalancer> {
        match &self.kind {
            ServiceKind::LoadBalancer(balancer) => Some(balancer),
            ServiceKind::Weighted(_) | ServiceKind::Handler(_) => None,
        }
    }

    /// Does the gateway answer itself?
    #[must_use]
    pub fn is_handler(&self) -> bool {
        matches!(self.kind, ServiceKind::Handler(_))
    }

    /// May a request be served at all?
    #[must_use]
    pub fn is_available(&self) -> bool {
        match &self.kind {
            ServiceKind::LoadBalancer(balancer) => balancer.endpoints().iter().any(|e| e.may_serve()),
            ServiceKind::Weighted(group) => group.children().any(|child| child.is_available()),
            ServiceKind::Handler(_) => true,
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            ServiceKind::LoadBalancer(_) => "LoadBalancer",
            ServiceKind::Weighted(_) => "Weighted",
            ServiceKind::Handler(_) => "Handler",
        })
    }
}
