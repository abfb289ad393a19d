//! What a worker hands over for one line: shared parts by their counts, nothing formatted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use exchange::record::{Record, RouteName, Seen, SeenHeaders};
use exchange::{Connection, Kind};
use http::{HeaderName, HeaderValue, Method, Uri, Version};

use crate::access_log::fields::{HeaderModes, Kept};

/// One exchange, at its end.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) count: u64,
    pub(super) started: SystemTime,
    pub(super) elapsed: Duration,
    pub(super) entry_point: Arc<str>,
    pub(super) peer: SocketAddr,
    /// Version and cipher.
    pub(super) tls: Option<(&'static str, &'static str)>,
    /// `None`: the request could not be read.
    pub(super) request: Option<Head>,
    pub(super) request_size: u64,
    pub(super) status: u16,
    pub(super) response_size: u64,
    pub(super) route: Option<Arc<RouteName>>,
    pub(super) origin: Option<Origin>,
    pub(super) retries: u32,
    pub(super) user: Option<Box<str>>,
    pub(super) reason: Option<&'static str>,
    pub(super) headers: Option<Box<Headers>>,
}

/// The headers that are kept.
#[derive(Debug)]
pub(super) struct Headers {
    pub(super) request: Vec<(HeaderName, HeaderValue)>,
    pub(super) origin: Vec<(HeaderName, HeaderValue)>,
    pub(super) downstream: Vec<(HeaderName, HeaderValue)>,
}

/// The request as it came.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) version: Version,
    pub(super) host: Option<HeaderValue>,
    pub(super) referer: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
    /// `X-Forwarded-For`, from a peer whose word counts.
    pub(super) forwarded_for: Option<HeaderValue>,
}

/// The endpoint that was tried last, and its answer.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) service: Arc<str>,
    pub(super) url: Arc<str>,
    pub(super) duration: Duration,
    pub(super) status: u16,
    pub(super) size: u64,
}

// === impl Entry ===

impl Entry {
    pub(super) fn of(record: &Record, status: u16, elapsed: Duration, count: u64, kept: &Kept) -> Self {
        let connection = &record.connection;
        let seen = record.seen.as_deref();
        let route = record.route.borrow().clone();
        let origin = record.endpoint.borrow().as_ref().map(|url| Origin {
            service: record
                .service
                .borrow()
                .clone()
                .or_else(|| route.as_ref().map(|route| Arc::clone(&route.service)))
                .unwrap_or_default(),
            url: Arc::clone(url),
            duration: record.origin_duration.get().unwrap_or_default(),
            // An endpoint that gave no answer has ours: Traefik writes the 502 or 504 that its proxy made of it.
            status: record.origin_status.get().map_or(status, |status| status.as_u16()),
            // Nobody notes a size of its own where nothing on the way changes the body.
            size: Some(record.origin_size.get())
                .filter(|size| *size > 0)
                .unwrap_or(record.response_size.get()),
        });
        Self {
            count,
            started: seen.map_or_else(|| SystemTime::now() - elapsed, |seen| seen.at),
            elapsed,
            entry_point: Arc::clone(&connection.entry_point),
            peer: connection.peer,
            tls: connection.tls.as_ref().map(|tls| (tls.version, tls.cipher)),
            request: seen.map(|seen| Head::of(&record.method, seen, connection.trusted)),
            request_size: record.request_size.get(),
            status,
            response_size: record.response_size.get(),
            route,
            origin,
            retries: record.retries.get(),
            user: record.user.borrow().clone(),
            reason: record.reason.get(),
            headers: seen
                .and_then(|seen| seen.headers.as_deref())
                .zip(kept.headers.as_ref())
                .map(|(seen, modes)| Box::new(Headers::of(seen, modes))),
        }
    }

    pub(super) fn refused(connection: &Connection, kind: Kind, count: u64) -> Self {
        Self {
            count,
            started: SystemTime::now(),
            elapsed: Duration::ZERO,
            entry_point: Arc::clone(&connection.entry_point),
            peer: connection.peer,
            tls: connection.tls.as_ref().map(|tls| (tls.version, tls.cipher)),
            request: None,
            request_size: 0,
            status: kind.status().as_u16(),
            response_size: 0,
            route: None,
            origin: None,
            retries: 0,
            user: None,
            reason: Some(kind.reason()),
            headers: None,
        }
    }

    /// Who asks: what a trusted peer says in `X-Forwarded-For`, whole, or the peer.
    pub(super) fn forwarded_for(&self) -> Option<&[u8]> {
        self.request
            .as_ref()?
            .forwarded_for
            .as_ref()
            .map(HeaderValue::as_bytes)
            .filter(|value| !value.is_empty())
    }
}

// === impl Headers ===

impl Headers {
    fn of(seen: &SeenHeaders, modes: &HeaderModes) -> Self {
        Self {
            request: modes.kept(&seen.request.borrow()),
            origin: modes.kept(&seen.origin.borrow()),
            downstream: modes.kept(&seen.response.borrow()),
        }
    }
}

// === impl Head ===

impl Head {
    fn of(method: &Method, seen: &Seen, is_trusted: bool) -> Self {
        Self {
            method: method.clone(),
            target: seen.target.borrow().clone(),
            version: seen.version,
            host: seen.host.clone(),
            referer: seen.referer.clone(),
            user_agent: seen.user_agent.clone(),
            forwarded_for: seen.forwarded_for.clone().filter(|_| is_trusted),
        }
    }

    /// Path and query; the path alone where queries are not to be kept.
    pub(super) fn path(&self, with_query: bool) -> &str {
        match self.target.path_and_query() {
            Some(target) if with_query => target.as_str(),
            _ => self.target.path(),
        }
    }

    pub(super) fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "HTTP/0.9",
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_3 => "HTTP/3.0",
            _ => "HTTP/1.1",
        }
    }
}

// === impl Origin ===

impl Origin {
    /// Host and port of the URL.
    pub(super) fn address(&self) -> &str {
        let after_scheme = self.url.split_once("://").map_or(&*self.url, |(_, rest)| rest);
        after_scheme.split(['/', '?']).next().unwrap_or(after_scheme)
    }
}
