//! What an entry point's configuration comes to: no option left to interpret on the traffic path.

use std::net::IpAddr;
use std::time::Duration;

use exchange::admission::Admission;
use ipnet::IpNet;

/// At most so many header fields where `maxHeaderBytes` is not written.
/// Traefik: 1 MiB and no limit on their number, which is a memory amplification.
pub const HEADER_FIELDS: usize = 256;
/// At most so many bytes of headers where `maxHeaderBytes` is not written.
pub const HEADER_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct Settings {
    /// A whole request, its body included. Also a ClientHello.
    pub read_timeout: Option<Duration>,
    /// From the end of a request's head to the end of its response.
    pub write_timeout: Option<Duration>,
    /// Between two requests.
    pub idle_timeout: Option<Duration>,
    /// Requests on one connection; 0 means no limit.
    pub keep_alive_max_requests: u64,
    pub keep_alive_max_time: Option<Duration>,
    /// How long connections are still accepted after a drain has begun.
    pub request_accept_grace: Duration,
    /// How long exchanges may take to end after that.
    pub grace: Duration,
    pub max_header_bytes: usize,
    pub max_header_fields: usize,
    pub admission: Admission,
    pub forwarded: Forwarded,
    pub http2: Http2,
}

/// Whose forwarding headers are believed, and what is made of them.
#[derive(Clone, Debug, Default)]
pub struct Forwarded {
    pub insecure: bool,
    pub trusted: Vec<IpNet>,
    /// Headers that may be named in `Connection` and stay.
    pub connection: Vec<http::HeaderName>,
    pub not_append_for: bool,
    /// `X-Forwarded-Scheme` and `X-Scheme` say what `X-Forwarded-Proto` says.
    pub add_scheme: bool,
}

#[derive(Clone, Debug)]
pub struct Http2 {
    pub max_concurrent_streams: u32,
    pub max_decoder_header_table_size: u32,
    /// Offer WebSockets over HTTP/2 (RFC 8441).
    pub extended_connect: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            read_timeout: Some(Duration::from_secs(60)),
            write_timeout: None,
            idle_timeout: Some(Duration::from_secs(180)),
            keep_alive_max_requests: 0,
            keep_alive_max_time: None,
            request_accept_grace: Duration::ZERO,
            grace: Duration::from_secs(10),
            max_header_bytes: HEADER_BYTES,
            max_header_fields: HEADER_FIELDS,
            admission: Admission::default(),
            forwarded: Forwarded::default(),
            http2: Http2::default(),
        }
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Self { max_concurrent_streams: 250, max_decoder_header_table_size: 4096, extended_connect: false }
    }
}

impl Forwarded {
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.insecure || self.trusted.iter().any(|net| net.contains(&peer))
    }
}
