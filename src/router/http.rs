//! The matchers of HTTP rules, and what they look at.

mod build;

use std::fmt;
use std::net::IpAddr;

use ::http::{HeaderMap, HeaderName, Method, header};
use ipnet::IpNet;

use crate::host::HostPattern;
use crate::parser::{self, SyntaxError};
use crate::regexp::Regexp;
use crate::rule::{BadArgument, Matcher, PathKey, Rule, write_call};
use crate::{address, query};

/// Reads an HTTP rule.
pub fn parse_http(text: &str) -> Result<Rule<HttpMatcher>, SyntaxError> {
    parser::parse(text)
}

/// What an HTTP rule looks at, all of it canonical already.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub method: &'a Method,
    /// Lower-case, without port and brackets; a final dot stays. Empty if the request names none.
    pub host: &'a str,
    /// The routing path, see [`routing_path`](crate::routing_path).
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    /// The peer of the connection, whatever the request says of itself.
    pub client: IpAddr,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HttpMatcher {
    Host(HostPattern),
    HostRegexp(HostRegexp),
    Path(Box<str>),
    PathPrefix(Box<str>),
    PathRegexp(Regexp),
    /// Upper-case, compared with the method as received.
    Method(Box<str>),
    Header(HeaderKey, Box<str>),
    HeaderRegexp(HeaderKey, Regexp),
    Query(Box<str>, Option<Box<str>>),
    QueryRegexp(Box<str>, Option<Regexp>),
    ClientIp(IpNet),
}

/// The pattern of a `HostRegexp`, and how much of it there is to test.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRegexp {
    pattern: Regexp,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It matches the empty string, which Traefik tries too: the place of a flattened name that is not there.
    Every,
    /// It matches each host that is not empty, as `^.+$` does: the pattern of redirections, met by each request.
    EveryName,
    Some,
}

/// A header's name in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderKey {
    text: Box<str>,
    /// None if no request can carry it.
    name: Option<HeaderName>,
}

// === impl HttpMatcher ===

impl Matcher for HttpMatcher {
    type View<'a> = View<'a>;

    const FUNCTIONS: &'static [(&'static str, usize, usize)] = &[
        ("Host", 1, 1),
        ("HostRegexp", 1, 1),
        ("Path", 1, 1),
        ("PathPrefix", 1, 1),
        ("PathRegexp", 1, 1),
        ("Method", 1, 1),
        ("Header", 2, 2),
        ("HeaderRegexp", 2, 2),
        ("Query", 1, 2),
        ("QueryRegexp", 1, 2),
        ("ClientIP", 1, 1),
    ];

    fn build(name: &str, arguments: &[&str]) -> Result<Self, BadArgument> {
        build::matcher(name, arguments)
    }

    fn matches(&self, view: &View<'_>) -> bool {
        match self {
            Self::Host(host) => host.matches(view.host),
            Self::HostRegexp(host) => host.matches(view.host),
            Self::Path(path) => **path == *view.path,
            Self::PathPrefix(prefix) => view.path.starts_with(&**prefix),
            Self::PathRegexp(pattern) => pattern.is_match(view.path),
            Self::Method(method) => view.method.as_str() == &**method,
            Self::Header(key, value) => key.values(view.headers).any(|v| v == value.as_bytes()),
            Self::HeaderRegexp(key, pattern) => key.values(view.headers).any(|v| pattern.is_match_bytes(v)),
            Self::Query(key, value) => has_value(view, key, value.as_deref()),
            Self::QueryRegexp(key, None) => has_value(view, key, None),
            Self::QueryRegexp(key, Some(pattern)) => query::values(view.query.unwrap_or_default(), key)
                .any(|value| pattern.is_match_bytes(&query::decode(value))),
            Self::ClientIp(network) => address::contains(network, view.client),
        }
    }

    fn host(&self) -> Option<&HostPattern> {
        match self {
            Self::Host(host) => Some(host),
            _ => None,
        }
    }

    fn path(&self) -> PathKey<'_> {
        match self {
            Self::Path(path) => PathKey::Exact(path),
            Self::PathPrefix(prefix) => PathKey::Prefix(prefix),
            Self::PathRegexp(pattern) => PathKey::Start(pattern.literal_start()),
            _ => PathKey::Free,
        }
    }

    fn is_always(&self) -> bool {
        match self {
            Self::Host(host) => *host == HostPattern::Any,
            Self::HostRegexp(host) => host.reach == Reach::Every,
            _ => false,
        }
    }

    fn cost(&self) -> u8 {
        match self {
            Self::Method(_) | Self::Path(_) | Self::PathPrefix(_) | Self::Host(_) => 0,
            Self::HostRegexp(host) if host.reach != Reach::Some => 0,
            Self::ClientIp(_) => 1,
            Self::Header(..) => 2,
            Self::Query(..) | Self::QueryRegexp(_, None) => 3,
            Self::HostRegexp(_) | Self::PathRegexp(_) | Self::HeaderRegexp(..) => 4,
            Self::QueryRegexp(..) => 5,
        }
    }

    fn target<'v>(view: &'v View<'_>) -> (&'v str, &'v str) {
        (view.host, view.path)
    }
}

impl fmt::Display for HttpMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write_call(f, "Host", &[host.as_str()]),
            Self::HostRegexp(host) => write_call(f, "HostRegexp", &[host.pattern.as_str()]),
            Self::Path(path) => write_call(f, "Path", &[path]),
            Self::PathPrefix(prefix) => write_call(f, "PathPrefix", &[prefix]),
            Self::PathRegexp(pattern) => write_call(f, "PathRegexp", &[pattern.as_str()]),
            Self::Method(method) => write_call(f, "Method", &[method]),
            Self::Header(key, value) => write_call(f, "Header", &[&key.text, value]),
            Self::HeaderRegexp(key, pattern) => write_call(f, "HeaderRegexp", &[&key.text, pattern.as_str()]),
            Self::Query(key, None) => write_call(f, "Query", &[key]),
            Self::Query(key, Some(value)) => write_call(f, "Query", &[key, value]),
            Self::QueryRegexp(key, None) => write_call(f, "QueryRegexp", &[key]),
            Self::QueryRegexp(key, Some(pattern)) => write_call(f, "QueryRegexp", &[key, pattern.as_str()]),
            Self::ClientIp(network) => write_call(f, "ClientIP", &[&address::text(network)]),
        }
    }
}

/// Without a value, the key is wanted with an empty one: `?k` and `?k=`, but not `?k=1`.
fn has_value(view: &View<'_>, key: &str, value: Option<&str>) -> bool {
    let value = value.unwrap_or_default();
    query::values(view.query.unwrap_or_default(), key).any(|escaped| query::equals(escaped, value))
}

// === impl HostRegexp ===

impl HostRegexp {
    fn matches(&self, host: &str) -> bool {
        match self.reach {
            Reach::Every => true,
            Reach::EveryName => !host.is_empty(),
            Reach::Some => self.pattern.is_match(host),
        }
    }
}

// === impl HeaderKey ===

impl HeaderKey {
    fn values<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h [u8]> {
        let lines = self.name.as_ref().map(|name| headers.get_all(name).into_iter());
        lines.into_iter().flatten().map(header::HeaderValue::as_bytes)
    }
}

#[cfg(test)]
mod tests;
