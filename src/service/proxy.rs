//! Forward proxies between the gateway and its endpoints: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, upper or lower
//! case, by the rules of Go's `http.ProxyFromEnvironment`, which Traefik uses.
//!
//! - [`exempt`] what `NO_PROXY` says · [`tunnel`] a connection through a proxy · [`socks`] SOCKS 5
//!
//! An `http` endpoint is asked for in absolute form, an `https` one reached by a tunnel with TLS inside; an `h2c` one is
//! dialled directly, as in Traefik. Invariant: what a URL says before its `@` is never printed.

mod exempt;
mod socks;
mod tunnel;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchange::{Error, Kind};
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::endpoint::Protocol;
use crate::forward::Outgoing;
use exempt::Exempt;

/// The proxies of the process. The default is to have none.
#[derive(Debug, Default)]
pub struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    exempt: Exempt,
}

/// One proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    kind: ProxyKind,
    /// Lower case, without brackets.
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

/// What is spoken to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyKind {
    Http,
    /// The same over TLS.
    Https,
    Socks5,
}

/// User and password of a proxy.
struct Credentials {
    user: String,
    password: String,
    /// As `Proxy-Authorization` has them.
    basic: HeaderValue,
}

/// The way to one endpoint through a proxy.
#[derive(Debug)]
pub(crate) struct Via {
    proxy: Arc<Proxy>,
    /// The endpoint's host, without brackets.
    host: String,
    port: u16,
    /// Are requests sent to the proxy itself, in absolute form?
    asks_proxy: bool,
}

// === impl Proxies ===

impl Proxies {
    /// Reads them, once, when the process starts. `variable` gives a variable's value.
    #[must_use]
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let any = |names: [&'static str; 2]| {
            let set = |name| variable(name).filter(|value| !value.is_empty()).map(|value| (name, value));
            names.into_iter().find_map(set)
        };
        let proxy = |names| {
            let (name, url) = any(names)?;
            let proxy = Proxy::parse(&url);
            if proxy.is_none() {
                // Traefik: is silent about it.
                tracing::warn!(
                    variable = name,
                    "the variable names no usable proxy, endpoints are dialled directly"
                );
            }
            proxy.map(Arc::new)
        };
        let mut http = proxy(["HTTP_PROXY", "http_proxy"]);
        if http.is_some() && variable("REQUEST_METHOD").is_some_and(|method| !method.is_empty()) {
            // A CGI server makes HTTP_PROXY of a client's header `Proxy`. Traefik: fails such requests.
            tracing::warn!("HTTP_PROXY is ignored, since REQUEST_METHOD is set");
            http = None;
        }
        let https = proxy(["HTTPS_PROXY", "https_proxy"]);
        let exempt = any(["NO_PROXY", "no_proxy"]).map(|(_, list)| Exempt::parse(&list)).unwrap_or_default();
        for (scheme, proxy) in [("http", &http), ("https", &https)] {
            if let Some(proxy) = proxy {
                tracing::info!(scheme, proxy = %proxy, "endpoints are reached through a proxy");
            }
        }
        Self { http, https, exempt }
    }

    /// The way to an endpoint, where it leads through a proxy.
    pub(crate) fn via(&self, protocol: Protocol, host: &str, port: u16) -> Option<Via> {
        let proxy = match protocol {
            Protocol::Http => self.http.as_ref()?,
            Protocol::Https => self.https.as_ref()?,
            Protocol::H2c => return None,
        };
        if self.exempt.has(host, port) {
            return None;
        }
        let asks_proxy = protocol == Protocol::Http && proxy.kind != ProxyKind::Socks5;
        Some(Via { proxy: Arc::clone(proxy), host: host.to_owned(), port, asks_proxy })
    }
}

// === impl Proxy ===

impl Proxy {
    /// `None`: it is no URL of a proxy. Without a scheme it is `http`.
    fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            // The proxy looks the endpoint's name up, with either.
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, authority),
        };
        let (host, written) = exchange::canonical::host(address).ok()?;
        if host.is_empty() {
            return None;
        }
        let credentials = match user_info {
            Some(user_info) => Some(Credentials::parse(user_info)?),
            None => None,
        };
        Some(Self { kind, host: host.into_owned(), port: written.unwrap_or(port), credentials })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// Without its credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Https => "https",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", address(&self.host, self.port))
    }
}

// === impl Credentials ===

impl Credentials {
    fn parse(user_info: &str) -> Option<Self> {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let (user, password) = (unescaped(user)?, unescaped(password)?);
        let basic = STANDARD.encode(format!("{user}:{password}"));
        let mut basic = HeaderValue::from_str(&format!("Basic {basic}")).ok()?;
        basic.set_sensitive(true);
        Some(Self { user, password, basic })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Text without its percent-encoding.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).ok()
}

// === impl Via ===

impl Via {
    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The endpoint with its port, as a tunnel is asked for.
    fn destination(&self) -> String {
        address(&self.host, self.port)
    }

    /// Turns a request for the endpoint into one for the proxy, where that one is asked and not only passed through.
    ///
    /// A proxy goes by the target and makes `Host` the same (RFC 9112 3.2.2), so that a client's `Host` cannot be
    /// passed on. Traefik: names the client's host in the target, and the proxy goes there instead of to the server.
    ///
    /// # Errors
    /// When the request has no target, which is a bug.
    pub(crate) fn address(&self, req: &mut Outgoing, authority: &Authority) -> Result<(), Error> {
        if !self.asks_proxy {
            return Ok(());
        }
        let internal = |error: http::Error| Error::internal(Kind::Internal).because(error);
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| internal(error.into()))?;
        let mut parts = std::mem::take(req.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(authority.clone());
        if parts.path_and_query.as_ref().is_some_and(|target| target == "*") {
            // It would have to be an empty path (RFC 9112 3.2.4), which hyper cannot write.
            parts.path_and_query = Some(PathAndQuery::from_static("/"));
        }
        *req.uri_mut() = Uri::from_parts(parts).map_err(|error| internal(error.into()))?;
        req.headers_mut().insert(HOST, host);
        if let Some(credentials) = &self.proxy.credentials {
            req.headers_mut().insert(PROXY_AUTHORIZATION, credentials.basic.clone());
        }
        Ok(())
    }
}

/// `host:port`, an IPv6 address in brackets.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests;
