//! One address of a service: where it is, how much of the traffic it gets, and what is known of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use document::problem::Problem;
use exchange::Response;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use serde::Serialize;

use crate::proxy::{Proxies, Via};
use crate::resolve::{Name, Resolver};
use crate::server_url;
use crate::transport::Transport;

/// One endpoint. Shared by every snapshot in which it is the same, so that its state and its pools live on.
#[derive(Debug)]
pub struct Endpoint {
    /// Names this endpoint's pool in each worker; unique while the process lives.
    id: EndpointId,
    /// Without user information.
    url: Arc<str>,
    protocol: Protocol,
    /// What is dialled: the endpoint, or the proxy in front of it.
    target: Target,
    via: Option<Via>,
    authority: Authority,
    /// `Host` for requests that do not pass the client's on.
    host: HeaderValue,
    /// Put before the request's path where the server says `preservePath`.
    base_path: Option<String>,
    preserve_path: bool,
    transport: Arc<Transport>,
    is_up: AtomicBool,
    /// Did the last connection speak HTTP/2, so that exchanges share it?
    shares: AtomicBool,
    in_flight: AtomicU32,
}

/// A number for an endpoint that is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(u64);

/// What is spoken to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    /// TLS; HTTP/2 where ALPN agrees on it.
    Https,
    /// HTTP/2 without TLS, with prior knowledge.
    H2c,
}

/// Where connections to an endpoint go.
#[derive(Debug)]
pub enum Target {
    Address(SocketAddr),
    Name(Arc<Name>),
}

/// What the API and `explain` say about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointStatus {
    pub url: Arc<str>,
    pub weight: i64,
    pub up: bool,
}

// === impl Endpoint ===

impl Endpoint {
    /// Reads a server's URL.
    ///
    /// # Errors
    /// When it is no absolute URL with the scheme `http`, `https` or `h2c`.
    pub fn new(
        url: &str,
        preserve_path: bool,
        transport: Arc<Transport>,
        resolver: &Resolver,
        proxies: &Proxies,
    ) -> Result<Self, Problem> {
        let refused = |why: &str| {
            Problem::field("url", format_args!("`{}` is no URL of a server: {why}", server_url::shown(url)))
                .with_code("server_url")
                .hint("for example `http://10.0.0.1:8080`")
        };
        let served = server_url::without_user(url);
        let parsed: Uri = served.parse().map_err(|error| refused(&format!("{error}")))?;
        let scheme = parsed.scheme().ok_or_else(|| refused("it has no scheme"))?;
        let (protocol, default_port) = match scheme.as_str() {
            "http" => (Protocol::Http, 80),
            "https" => (Protocol::Https, 443),
            "h2c" => (Protocol::H2c, 80),
            other => return Err(refused(&format!("the scheme `{other}` is not served"))),
        };
        let authority = parsed.authority().cloned().ok_or_else(|| refused("it has no host"))?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("" | ":") => default_port,
            _ => authority.port_u16().ok_or_else(|| refused("its port is no number below 65536"))?,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(refused("it has no host"));
        }
        let via = proxies.via(protocol, host, port);
        let (host, port) = via.as_ref().map_or((host, port), |via| (via.proxy().host(), via.proxy().port()));
        let target = match host.parse::<IpAddr>() {
            Ok(ip) => Target::Address(SocketAddr::new(ip, port)),
            Err(_) => Target::Name(resolver.name(host, port)),
        };
        let base_path = preserve_path
            .then(|| parsed.path().trim_end_matches('/').to_owned())
            .filter(|path| !path.is_empty());
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_invalid| refused("the host is malformed"))?;
        Ok(Self {
            id: EndpointId::next(),
            url: (*served).into(),
            protocol,
            target,
            via,
            authority,
            host,
            base_path,
            preserve_path,
            transport,
            is_up: AtomicBool::new(true),
            shares: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
        })
    }

    #[must_use]
    pub fn id(&self) -> EndpointId {
        self.id
    }

    #[must_use]
    pub fn url(&self) -> &Arc<str> {
        &self.url
    }

    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The way to it, where that leads through a proxy.
    pub(crate) fn via(&self) -> Option<&Via> {
        self.via.as_ref()
    }

    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    #[must_use]
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    #[must_use]
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Are exchanges expected to share a connection?
    pub(crate) fn shares(&self) -> bool {
        self.protocol == Protocol::H2c || self.shares.load(Ordering::Relaxed)
    }

    /// Notes what its last connection spoke.
    pub(crate) fn spoke(&self, http2: bool) {
        self.shares.store(http2, Ordering::Relaxed);
    }

    /// Is this still one of its addresses?
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        match &self.target {
            Target::Address(_) => true,
            Target::Name(name) => name.has(address),
        }
    }

    /// Has its name looked up again when the answer is old; kept connections would go on for ever otherwise.
    pub(crate) fn refresh(&self) {
        if let Target::Name(name) = &self.target {
            name.refresh_when_stale();
        }
    }

    /// May new requests go here?
    #[must_use]
    pub fn may_serve(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub fn set_up(&self, up: bool) {
        self.is_up.store(up, Ordering::Relaxed);
    }

    /// Exchanges under way on all workers.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn status(&self) -> EndpointStatus {
        EndpointStatus { url: Arc::clone(&self.url), weight: 1, up: self.may_serve() }
    }

    /// The target of a request with this path and query, at this endpoint.
    /// Traefik: the path of a server's URL counts only with `preservePath`.
    ///
    /// # Errors
    /// A response, when the joined path is no target.
    pub(crate) fn target_of(&self, uri: &Uri) -> Result<PathAndQuery, Box<Response>> {
        let malformed = || Box::new(exchange::Error::downstream(exchange::Kind::Malformed).into_response());
        match &self.base_path {
            None => uri.path_and_query().cloned().ok_or_else(malformed),
            Some(base) => {
                let mut joined = base.clone();
                joined.push_str(uri.path());
                if let Some(query) = uri.query() {
                    joined.push('?');
                    joined.push_str(query);
                }
                PathAndQuery::try_from(joined).map_err(|_invalid| malformed())
            }
        }
    }

    pub(crate) fn is_like(&self, url: &str, preserve_path: bool, transport: &Arc<Transport>) -> bool {
        *self.url == *server_url::without_user(url)
            && self.preserve_path == preserve_path
            && Arc::ptr_eq(&self.transport, transport)
    }
}

impl EndpointId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
