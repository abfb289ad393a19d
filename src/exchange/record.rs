//! What is known of one exchange: written along the way, read once at its end by metrics and access log.
//!
//! Cells, because request, response and body are with different owners at the same time; all on one thread.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::{Connection, Kind};

/// The record of one exchange.
#[derive(Debug)]
pub struct Record {
    pub connection: Rc<Connection>,
    pub started: Instant,
    pub method: Method,
    /// The head as the client sent it; only kept when somebody will write it down.
    pub seen: Option<Box<Seen>>,
    pub kind: Cell<Protocol>,
    pub client: Cell<IpAddr>,
    pub route: RefCell<Option<Arc<RouteName>>>,
    /// `name@provider` of the load balancer that was asked last. Unset: none, or the service that the router names.
    pub service: RefCell<Option<Arc<str>>>,
    /// URL of the endpoint that was tried last.
    pub endpoint: RefCell<Option<Arc<str>>>,
    pub endpoint_address: Cell<Option<SocketAddr>>,
    /// From sending upstream to the head of the answer.
    pub origin_duration: Cell<Option<Duration>>,
    pub origin_status: Cell<Option<StatusCode>>,
    pub origin_size: Cell<u64>,
    pub status: Cell<Option<StatusCode>>,
    /// Bytes of the request body that were read.
    pub request_size: Cell<u64>,
    /// Bytes of the response body that went towards the client.
    pub response_size: Cell<u64>,
    pub retries: Cell<u32>,
    /// Why the request's body could not be read to its end.
    pub request_failure: Cell<Option<Kind>>,
    pub user: RefCell<Option<Box<str>>>,
    /// Why we answered ourselves.
    pub reason: Cell<Option<&'static str>>,
    /// `grpc-status` of the trailers, or of the head.
    pub grpc_status: Cell<Option<u16>>,
    /// The number that metrics gave to the headers which are labels of theirs; 0 where there are none.
    pub header_labels: Cell<u16>,
}

/// The request head as received, for the access log.
#[derive(Debug)]
pub struct Seen {
    pub at: SystemTime,
    /// The target in its canonical form, before a middleware changed it.
    pub target: RefCell<Uri>,
    pub version: Version,
    pub host: Option<HeaderValue>,
    pub referer: Option<HeaderValue>,
    pub user_agent: Option<HeaderValue>,
    /// `X-Forwarded-For` as the client sent it.
    pub forwarded_for: Option<HeaderValue>,
    /// Only kept when all of them may be written down.
    pub headers: Option<Box<SeenHeaders>>,
}

/// Whole heads on their way. Each is empty until it has passed.
#[derive(Debug, Default)]
pub struct SeenHeaders {
    /// Before the first middleware.
    pub request: RefCell<HeaderMap>,
    /// What the endpoint answered.
    pub origin: RefCell<HeaderMap>,
    /// What the client was answered.
    pub response: RefCell<HeaderMap>,
}

/// The `protocol` label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Http,
    Grpc,
    GrpcWeb,
    Sse,
    Websocket,
}

/// Names of a route as logs and metrics show them, made when the snapshot is built.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteName {
    /// `name@provider`.
    pub router: Arc<str>,
    /// `name@provider`; of composite services the one that the router names.
    pub service: Arc<str>,
    /// A number for this router and service, for metrics' shards; unique while the process lives.
    pub id: u32,
    pub access_logs: bool,
    pub metrics: bool,
    /// Is it one of our own (`@internal`)?
    pub internal: bool,
}

// === impl Record ===

impl Record {
    #[must_use]
    pub fn new(connection: Rc<Connection>, method: Method, started: Instant) -> Self {
        let client = connection.peer.ip();
        Self {
            connection,
            started,
            method,
            seen: None,
            kind: Cell::new(Protocol::Http),
            client: Cell::new(client),
            route: RefCell::new(None),
            service: RefCell::new(None),
            endpoint: RefCell::new(None),
            endpoint_address: Cell::new(None),
            origin_duration: Cell::new(None),
            origin_status: Cell::new(None),
            origin_size: Cell::new(0),
            status: Cell::new(None),
            request_size: Cell::new(0),
            response_size: Cell::new(0),
            retries: Cell::new(0),
            request_failure: Cell::new(None),
            user: RefCell::new(None),
            reason: Cell::new(None),
            grpc_status: Cell::new(None),
            header_labels: Cell::new(0),
        }
    }

    /// Notes the canonical target, for whoever writes it down.
    pub fn note_target(&self, target: &Uri) {
        if let Some(seen) = &self.seen {
            *seen.target.borrow_mut() = target.clone();
        }
    }

    /// Notes a head, where all headers may be written down.
    pub fn note_headers(&self, headers: &HeaderMap, place: fn(&SeenHeaders) -> &RefCell<HeaderMap>) {
        if let Some(seen) = self.seen.as_ref().and_then(|seen| seen.headers.as_ref()) {
            place(seen).borrow_mut().clone_from(headers);
        }
    }

    /// Notes who authenticated.
    pub fn set_user(&self, user: &str) {
        *self.user.borrow_mut() = Some(user.into());
    }
}

impl Protocol {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Sse => "sse",
            Self::Websocket => "websocket",
        }
    }
}
