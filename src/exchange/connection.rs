//! What is known of one accepted connection; made once, shared by all its exchanges.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;

/// One accepted connection.
#[derive(Debug)]
pub struct Connection {
    /// The entry point's name.
    pub entry_point: Arc<str>,
    /// The transport peer, after the PROXY protocol where that is trusted. IPv4-mapped addresses are IPv4.
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// The peer's address without port and zone, as a header value, made once.
    pub peer_value: HeaderValue,
    /// May this peer's forwarding headers be believed?
    pub trusted: bool,
    pub tls: Option<Tls>,
    /// Counts the connection as open for as long as anybody holds on to it.
    pub open: Open,
}

/// One open connection; counted until it is dropped.
#[derive(Debug)]
pub struct Open {
    counter: Arc<AtomicUsize>,
    /// Counts those of several entry points.
    all: Option<Arc<AtomicUsize>>,
}

/// What a handshake agreed on.
#[derive(Clone, Debug)]
pub struct Tls {
    /// As logs and metrics name it: `1.2`, `1.3`.
    pub version: &'static str,
    /// IANA name of the cipher suite.
    pub cipher: &'static str,
    /// The server name of the ClientHello, lower case.
    pub sni: Option<Arc<str>>,
    /// The name of the TLS options this connection was accepted with.
    pub options: Arc<str>,
    /// Certificates of the client, leaf first, DER.
    pub client_certificates: Arc<[Vec<u8>]>,
}

impl Open {
    #[must_use]
    pub fn count(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self { counter: Arc::clone(counter), all: None }
    }

    /// Counts it once more, among all.
    #[must_use]
    pub fn among(mut self, all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        self.all = Some(Arc::clone(all));
        self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
        if let Some(all) = &self.all {
            all.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Connection {
    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}
