//! What flows: one request and its response, in the one form that everybody reads.
//!
//! - [`body`] bytes on their way, without copying · [`record`] what is known of one exchange
//! - [`connection`] what is known of the connection it came on · [`canonical`] a request target in its one form
//! - [`admission`] what an entry point lets in
//! - [`error`] what can go wrong, and the only mapping from that to our own statuses
//! - [`upgrade`] the bare stream after a `101` · [`headers`] names that are not in `http`
//! - [`present`] which headers there are, in one pass
//!
//! Used by every crate a request passes. Reads nothing, awaits nothing.
//!
//! Invariants: a [`Request`] is canonical from the moment it exists: its URI is an origin-form target whose
//! path has been normalised, and `Host` holds what routing read. Whoever rewrites it writes the canonical form.
//! A request stays on the worker thread that accepted it, so nothing here is `Send`.

pub mod admission;
pub mod body;
pub mod canonical;
pub mod connection;
pub mod error;
pub mod headers;
pub mod present;
pub mod record;
pub mod upgrade;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri};

pub use crate::body::Body;
pub use crate::connection::Connection;
pub use crate::error::{Error, Kind};
pub use crate::record::Record;

/// One request on its way to a service.
#[derive(Debug)]
pub struct Request {
    /// Method, origin-form canonical URI, version as received, headers. `Host` is among the headers.
    pub head: http::request::Parts,
    pub body: Body,
    /// The host that routing reads: lower case, without port and brackets. Empty when there was none.
    pub host: Rc<str>,
    /// What is known of the connection the request came on.
    pub connection: Rc<Connection>,
    /// The client after the entry point's trust rules: the peer, or what a trusted peer said.
    pub client: IpAddr,
    pub record: Rc<Record>,
    /// Put the peer at the end of `X-Forwarded-For`. Off by the entry point, or by a `headers` middleware.
    pub append_forwarded_for: bool,
    /// The downstream half of an upgrade, when the client asked for one.
    pub upgrade: Option<upgrade::Downstream>,
}

/// One response on its way to the client.
#[derive(Debug)]
pub struct Response {
    pub head: http::response::Parts,
    pub body: Body,
    /// The failure this response stands for, when it was made from one: retry, breaker and record ask it.
    pub failure: Option<Box<Error>>,
}

/// A handler's answer in the making; it stays on its worker thread.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;

/// Answers requests itself: the API, `ping`, metrics, challenges.
pub trait Handler: Send + Sync {
    /// Answers one request. A handler that needs the control runtime hands the work over and waits with a deadline.
    fn handle(&self, req: Request) -> Answer<'_>;
}

// === impl Request ===

impl Request {
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    #[must_use]
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// The escaped canonical path, with its leading slash (`*` for `OPTIONS *`).
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The raw query, without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// Puts another escaped path in place and keeps the query.
    /// The path is made canonical again, so what a rewrite produced is what later readers see.
    ///
    /// # Errors
    /// When the result is no path a request may have.
    pub fn set_path(&mut self, path: &str) -> Result<(), canonical::Refused> {
        let mut target = canonical::escaped_path(path)?.into_owned();
        if let Some(query) = self.query() {
            target.push('?');
            target.push_str(query);
        }
        self.set_target(target)
    }

    /// Puts another path and query in place, both escaped.
    ///
    /// # Errors
    /// When it is no origin-form target.
    pub fn set_target(&mut self, target: String) -> Result<(), canonical::Refused> {
        let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(target))
            .map_err(|_invalid| canonical::Refused::Malformed)?;
        self.head.uri = Uri::from(target);
        Ok(())
    }
}

// === impl Response ===

impl Response {
    #[must_use]
    pub fn new(status: StatusCode, body: Body) -> Self {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = status;
        Self { head, body, failure: None }
    }

    /// A short text, as Go's `http.Error` writes it: with a line end and `nosniff`.
    #[must_use]
    pub fn text_error(status: StatusCode, text: &'static str) -> Self {
        let mut res = Self::new(status, Body::from_static(text));
        res.head.headers.insert(http::header::CONTENT_TYPE, headers::TEXT_PLAIN);
        res.head.headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, headers::NOSNIFF);
        res
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    #[must_use]
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }
}

impl From<Error> for Response {
    fn from(error: Error) -> Self {
        error.into_response()
    }
}
