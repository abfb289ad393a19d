//! The request that is asked about.

use std::net::{IpAddr, Ipv4Addr};

use exchange::canonical::{self, Rules};
use http::uri::Scheme;
use http::{HeaderMap, Method, Uri};
use router::View;

/// A request that nobody has sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// `None`: the first entry point that has a route for it.
    pub entry_point: Option<String>,
    pub method: Method,
    /// Over TLS?
    pub secure: bool,
    /// As in the `Host` header.
    pub host: String,
    /// Path and query as sent.
    pub target: String,
    pub headers: HeaderMap,
    pub client: IpAddr,
    /// What the handshake asks for; `None` means the host, where that is a name.
    pub sni: Option<String>,
}

/// The same in the form that routing reads.
pub(super) struct Canonical {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) sni: Option<String>,
}

// === impl Question ===

impl Question {
    /// `GET` of a URL, from this machine.
    ///
    /// # Errors
    /// When it is no URL with the scheme `http` or `https`.
    pub fn of_url(url: &str) -> Result<Self, String> {
        let refused = |why: &str| format!("`{url}` is no URL to ask about: {why}");
        let uri: Uri = url.parse().map_err(|error| refused(&format!("{error}")))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) => return Err(refused(&format!("the scheme `{scheme}` is not served"))),
            None => return Err(refused("write it with `http://` or `https://`")),
        };
        let host = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok(Self {
            entry_point: None,
            method: Method::GET,
            secure,
            host,
            target,
            headers: HeaderMap::new(),
            client: Ipv4Addr::LOCALHOST.into(),
            sni: None,
        })
    }

    pub(super) fn canonical(&self) -> Result<Canonical, String> {
        let (host, _port) = canonical::host(&self.host).map_err(|error| error.to_string())?;
        let (path, query) = self.target.split_once('?').map_or((&*self.target, None), |(p, q)| (p, Some(q)));
        let target = canonical::target(path, query, Rules::default()).map_err(|error| error.to_string())?;
        let target = target.unwrap_or_else(|| self.target.clone());
        let (path, query) = target.split_once('?').map_or((&*target, None), |(p, q)| (p, Some(q)));
        let implied = (host.parse::<IpAddr>().is_err() && !host.is_empty()).then(|| host.to_string());
        let sni = self.sni.as_ref().map(|sni| sni.to_lowercase()).or(implied).filter(|_| self.secure);
        Ok(Canonical {
            host: host.into_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            sni: sni.filter(|sni| !sni.is_empty()),
        })
    }
}

// === impl Canonical ===

impl Canonical {
    pub(super) fn view<'a>(&'a self, question: &'a Question, path: &'a str) -> View<'a> {
        View {
            method: &question.method,
            host: &self.host,
            path,
            query: self.query.as_deref(),
            headers: &question.headers,
            client: question.client,
        }
    }
}
