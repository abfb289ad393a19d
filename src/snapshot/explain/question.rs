//! The request that is asked about.

use std::net::{IpAddr, Ipv4Addr};

use exchange::Kind;
use exchange::admission::Admission;
use exchange::canonical;
use http::uri::Scheme;
use http::{HeaderMap, Method, Uri, Version};
use router::{View, routing_path};
use service::hop_by_hop;

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
    /// Compare a password that is given. Where strangers may ask, this would let them guess.
    pub compares_passwords: bool,
}

/// The same in the form that routing reads.
pub(super) struct Canonical {
    pub(super) host: String,
    pub(super) path: String,
    /// What `Path` and `PathPrefix` compare.
    pub(super) routing_path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
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
            compares_passwords: false,
        })
    }

    /// The steps of an entry point: see `entrypoint`, which takes them with a request that was received.
    pub(super) fn canonical(&self, admission: &Admission) -> Result<Canonical, Kind> {
        if self.method == Method::CONNECT {
            return Err(Kind::ConnectRefused);
        }
        let (host, _port) = canonical::host(&self.host).map_err(|_refused| Kind::Malformed)?;
        hop_by_hop::framing(&self.headers, Version::HTTP_11)?;
        let mut headers = self.headers.clone();
        admission.underscores.apply(&mut headers)?;
        let (path, query) = split(&self.target);
        let target = canonical::target(path, query, admission.target).map_err(|_refused| Kind::Malformed)?;
        let (path, query) = split(target.as_deref().unwrap_or(&self.target));
        Ok(Canonical {
            host: host.into_owned(),
            path: path.to_owned(),
            routing_path: routing_path(path).map_err(|_bad_escape| Kind::Malformed)?.into_owned(),
            query: query.map(str::to_owned),
            headers,
        })
    }

    /// As it was asked: what is shown of one that has no canonical form.
    pub(super) fn as_given(&self) -> Canonical {
        let (path, query) = split(&self.target);
        Canonical {
            host: self.host.clone(),
            path: path.to_owned(),
            routing_path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: self.headers.clone(),
        }
    }

    /// The name in the handshake, if there is one and it names something.
    pub(super) fn server_name(&self) -> Option<String> {
        let implied = || {
            let (host, _port) = canonical::host(&self.host).ok()?;
            host.parse::<IpAddr>().is_err().then(|| host.into_owned())
        };
        let name = self.sni.as_ref().map(|sni| sni.to_lowercase()).or_else(implied);
        name.filter(|name| self.secure && !name.is_empty())
    }
}

fn split(target: &str) -> (&str, Option<&str>) {
    target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
}

// === impl Canonical ===

impl Canonical {
    pub(super) fn view<'a>(&'a self, question: &'a Question) -> View<'a> {
        View {
            method: &question.method,
            host: &self.host,
            path: &self.routing_path,
            query: self.query.as_deref(),
            headers: &self.headers,
            client: question.client,
        }
    }
}
