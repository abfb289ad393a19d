//! The matchers of TCP rules, and what they look at.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::address;
use crate::host::{BadHost, HostPattern};
use crate::parser::{self, SyntaxError};
use crate::regexp::Regexp;
use crate::rule::{BadArgument, Matcher, PathKey, Rule, write_call};

/// Reads a TCP rule.
pub fn parse_tcp(text: &str) -> Result<Rule<TcpMatcher>, SyntaxError> {
    parser::parse(text)
}

/// What a TCP rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct TcpView<'a> {
    /// The name in the ClientHello, lower-case; empty without one, and on a plain connection.
    pub sni: &'a str,
    /// The protocols the client offered.
    pub alpn: &'a [&'a [u8]],
    pub client: IpAddr,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TcpMatcher {
    HostSni(HostPattern),
    HostSniRegexp(Regexp),
    ClientIp(IpNet),
    Alpn(Box<str>),
}

/// The protocol of ACME's TLS challenge, which is answered before any route is looked for.
const ACME_TLS: &str = "acme-tls/1";

// === impl Rule ===

impl Rule<TcpMatcher> {
    /// Whether it is ``HostSNI(`*`)`` and nothing else: on TLS, such a route yields to any HTTPS route,
    /// and its priority is the lowest unless one is written.
    pub fn is_catch_all(&self) -> bool {
        matches!(self, Self::Matcher(TcpMatcher::HostSni(HostPattern::Any)))
    }
}

// === impl TcpMatcher ===

impl Matcher for TcpMatcher {
    type View<'a> = TcpView<'a>;

    const FUNCTIONS: &'static [(&'static str, usize, usize)] =
        &[("HostSNI", 1, 1), ("HostSNIRegexp", 1, 1), ("ClientIP", 1, 1), ("ALPN", 1, 1)];

    fn build(name: &str, arguments: &[&str]) -> Result<Self, BadArgument> {
        let argument = arguments.first().copied().unwrap_or_default();
        match name {
            "HostSNI" => host(argument).map(Self::HostSni),
            "HostSNIRegexp" if !argument.is_ascii() => Err(BadArgument::bad_host(BadHost::NotAscii)),
            "HostSNIRegexp" => Regexp::parse(argument)
                .map(Self::HostSniRegexp)
                .map_err(|error| BadArgument::bad_pattern(&error)),
            "ClientIP" => {
                address::parse(argument).map(Self::ClientIp).ok_or_else(|| BadArgument::bad_address(argument))
            }
            "ALPN" if argument == ACME_TLS => {
                Err(BadArgument::new(format!("protocol `{ACME_TLS}` is reserved for certificate challenges")))
            }
            "ALPN" => Ok(Self::Alpn(argument.into())),
            _ => Err(BadArgument::new(format!("unknown matcher `{name}`"))),
        }
    }

    fn matches(&self, view: &TcpView<'_>) -> bool {
        match self {
            Self::HostSni(host) => host.matches(view.sni),
            Self::HostSniRegexp(pattern) => pattern.is_match(view.sni),
            Self::ClientIp(network) => address::contains(network, view.client),
            Self::Alpn(protocol) => view.alpn.contains(&protocol.as_bytes()),
        }
    }

    fn host(&self) -> Option<&HostPattern> {
        match self {
            Self::HostSni(host) => Some(host),
            _ => None,
        }
    }

    fn path(&self) -> PathKey<'_> {
        PathKey::Free
    }

    fn is_always(&self) -> bool {
        *self == Self::HostSni(HostPattern::Any)
    }

    fn cost(&self) -> u8 {
        match self {
            Self::HostSni(_) => 0,
            Self::ClientIp(_) | Self::Alpn(_) => 1,
            Self::HostSniRegexp(_) => 4,
        }
    }

    fn target<'v>(view: &'v TcpView<'_>) -> (&'v str, &'v str) {
        (view.sni, "")
    }
}

impl fmt::Display for TcpMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostSni(host) => write_call(f, "HostSNI", &[host.as_str()]),
            Self::HostSniRegexp(pattern) => write_call(f, "HostSNIRegexp", &[pattern.as_str()]),
            Self::ClientIp(network) => write_call(f, "ClientIP", &[&address::text(network)]),
            Self::Alpn(protocol) => write_call(f, "ALPN", &[protocol]),
        }
    }
}

/// A host name, or one after `*.`, of letters, digits and `_ . - :`.
fn host(text: &str) -> Result<HostPattern, BadArgument> {
    let pattern = HostPattern::parse(text).map_err(BadArgument::bad_host)?;
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':'));
    if pattern != HostPattern::Any && !is_name {
        return Err(BadArgument::new(format!("`{text}` is not a valid host name")));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests;
