//! What became of one object, kept until the object or something that was looked at on its behalf changes: a change
//! costs what it touches, however many objects there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use document::Problem;
use dynamic::http::Router;
use dynamic::layer4::{tcp, udp};
use dynamic::{Configuration, Element, Map};
use k8s_openapi::api::core::v1::Secret;

use super::backend::secret;
use super::object::{Key, Stored};
use super::view::{Changed, Look, Sight, View};

/// All fragments of a document, in the order in which their objects are translated.
#[derive(Debug)]
pub(crate) struct Fragments<P> {
    all: BTreeMap<P, Fragment>,
    certificates: BTreeMap<Key, Certificate>,
    /// The last document, and how many of its problems do not come from fragments.
    last: Option<(Arc<Configuration>, usize)>,
}

/// What became of one object.
#[derive(Debug)]
pub(crate) struct Fragment {
    seen: Box<[Sight]>,
    parts: Box<[Part]>,
}

/// A Secret with the certificate that it holds, made once for all who name it.
#[derive(Debug)]
struct Certificate {
    secret: Arc<Stored<Secret>>,
    element: Arc<Element<tls::CertificateConfig>>,
}

/// One object of a document by its name. Of two of one name the later stays.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Router(Arc<str>, Arc<Element<Router>>),
    Service(Arc<str>, Arc<Element<service::Config>>),
    /// Of two of one name the earlier stays.
    FirstService(Arc<str>, Arc<Element<service::Config>>),
    Middleware(Arc<str>, Arc<Element<middleware::Config>>),
    ServersTransport(Arc<str>, Arc<Element<service::transport::Config>>),
    TcpRouter(Arc<str>, Arc<Element<tcp::Router>>),
    TcpService(Arc<str>, Arc<Element<tcp::Service>>),
    TcpMiddleware(Arc<str>, Arc<Element<tcp::Middleware>>),
    TcpTransport(Arc<str>, Arc<Element<tcp::ServersTransport>>),
    UdpRouter(Arc<str>, Arc<Element<udp::Router>>),
    UdpService(Arc<str>, Arc<Element<udp::Service>>),
    TlsOptions(Arc<str>, Arc<Element<tls::OptionsConfig>>),
    TlsStore(Arc<str>, Arc<Element<tls::StoreConfig>>),
    /// The one that this Secret holds.
    Certificate(Key),
    /// What takes the requests that nothing else takes: there is one for all, and the first has it.
    Default(Box<Default>),
    Problem(Box<Problem>),
}

#[derive(Clone, Debug)]
pub(crate) struct Default {
    pub(crate) router: Arc<Element<Router>>,
    pub(crate) service: Arc<Element<service::Config>>,
    /// What there is to say where another one has it.
    pub(crate) conflict: Problem,
}

// === impl Fragment ===

impl Fragment {
    pub(crate) fn new(seen: Vec<Sight>, parts: Vec<Part>) -> Self {
        Self { seen: seen.into(), parts: parts.into() }
    }

    /// Replaces each part by its like in `old`.
    fn keep(&mut self, old: &Self) {
        for part in &mut self.parts {
            old.parts.iter().for_each(|old| part.keep(old));
        }
    }
}

/// The parts of a document that one object became.
pub(crate) fn parts(out: Configuration, certificates: Vec<Key>) -> Vec<Part> {
    let mut parts: Vec<Part> = certificates.into_iter().map(Part::Certificate).collect();
    parts.extend(out.problems.into_iter().map(|problem| Part::Problem(Box::new(problem))));
    parts.extend(out.http.routers.into_iter().map(|(name, part)| Part::Router(name, part)));
    parts.extend(out.http.services.into_iter().map(|(name, part)| Part::Service(name, part)));
    parts.extend(out.http.middlewares.into_iter().map(|(name, part)| Part::Middleware(name, part)));
    let transports = out.http.servers_transports.into_iter();
    parts.extend(transports.map(|(name, part)| Part::ServersTransport(name, part)));
    parts.extend(out.tcp.routers.into_iter().map(|(name, part)| Part::TcpRouter(name, part)));
    parts.extend(out.tcp.services.into_iter().map(|(name, part)| Part::TcpService(name, part)));
    parts.extend(out.tcp.middlewares.into_iter().map(|(name, part)| Part::TcpMiddleware(name, part)));
    let transports = out.tcp.servers_transports.into_iter();
    parts.extend(transports.map(|(name, part)| Part::TcpTransport(name, part)));
    parts.extend(out.udp.routers.into_iter().map(|(name, part)| Part::UdpRouter(name, part)));
    parts.extend(out.udp.services.into_iter().map(|(name, part)| Part::UdpService(name, part)));
    parts.extend(out.tls.options.into_iter().map(|(name, part)| Part::TlsOptions(name, part)));
    parts.extend(out.tls.stores.into_iter().map(|(name, part)| Part::TlsStore(name, part)));
    parts
}

// === impl Part ===

impl Part {
    /// Becomes `old` where it is like that one.
    fn keep(&mut self, old: &Self) {
        match (self, old) {
            (Self::Router(a, new), Self::Router(b, old)) if a == b => keep(new, old),
            (Self::Service(a, new), Self::Service(b, old)) if a == b => keep(new, old),
            (Self::FirstService(a, new), Self::FirstService(b, old)) if a == b => keep(new, old),
            (Self::Middleware(a, new), Self::Middleware(b, old)) if a == b => keep(new, old),
            (Self::ServersTransport(a, new), Self::ServersTransport(b, old)) if a == b => keep(new, old),
            (Self::TcpRouter(a, new), Self::TcpRouter(b, old)) if a == b => keep(new, old),
            (Self::TcpService(a, new), Self::TcpService(b, old)) if a == b => keep(new, old),
            (Self::TcpMiddleware(a, new), Self::TcpMiddleware(b, old)) if a == b => keep(new, old),
            (Self::TcpTransport(a, new), Self::TcpTransport(b, old)) if a == b => keep(new, old),
            (Self::UdpRouter(a, new), Self::UdpRouter(b, old)) if a == b => keep(new, old),
            (Self::UdpService(a, new), Self::UdpService(b, old)) if a == b => keep(new, old),
            (Self::TlsOptions(a, new), Self::TlsOptions(b, old)) if a == b => keep(new, old),
            (Self::TlsStore(a, new), Self::TlsStore(b, old)) if a == b => keep(new, old),
            (Self::Default(new), Self::Default(old)) => {
                keep(&mut new.router, &old.router);
                keep(&mut new.service, &old.service);
            }
            _ => {}
        }
    }
}

/// An equal element, written in the same text, so that its places still hold.
fn keep<T: PartialEq>(new: &mut Arc<Element<T>>, old: &Arc<Element<T>>) {
    let is_same_text = match (&new.source.text, &old.source.text) {
        (Some(new), Some(old)) => Arc::ptr_eq(new, old),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_same_text && new == old {
        *new = Arc::clone(old);
    }
}

// === impl Fragments ===

impl<P: Ord + Clone> Fragments<P> {
    pub(crate) fn new() -> Self {
        Self { all: BTreeMap::new(), certificates: BTreeMap::new(), last: None }
    }

    /// The document after a change of the view. `changed`: the places of the objects that went or came, and what else
    /// is to be made anew. `problems`: those that come from no fragment.
    pub(crate) fn update(
        &mut self,
        view: &View,
        sights: &Changed,
        changed: BTreeSet<P>,
        problems: Vec<Problem>,
        make: impl Fn(&P) -> Option<Fragment>,
    ) -> Arc<Configuration> {
        let mut places = changed;
        let is_stale = |fragment: &Fragment| fragment.seen.iter().any(|sight| sights.sights.contains(sight));
        places.extend(self.all.iter().filter(|(_, part)| is_stale(part)).map(|(place, _)| place.clone()));
        if let Some((last, outer)) = &self.last
            && places.is_empty()
            && last.problems.get(..*outer) == Some(problems.as_slice())
        {
            return Arc::clone(last);
        }
        for place in places {
            let old = self.all.remove(&place);
            if let Some(mut new) = make(&place) {
                old.iter().for_each(|old| new.keep(old));
                self.all.insert(place, new);
            }
        }
        let outer = problems.len();
        let document = Arc::new(self.document(view, problems));
        self.last = Some((Arc::clone(&document), outer));
        document
    }

    fn document(&mut self, view: &View, problems: Vec<Problem>) -> Configuration {
        let mut gathered = Gathered::default();
        gathered.out.problems = problems;
        let mut certificates = BTreeMap::new();
        for part in self.all.values().flat_map(|fragment| &fragment.parts) {
            let Part::Certificate(key) = part else {
                gathered.add(part);
                continue;
            };
            if !certificates.contains_key(key)
                && let Some(certificate) = certificate(view, key, self.certificates.remove(key))
            {
                gathered.out.tls.certificates.push(Arc::clone(&certificate.element));
                certificates.insert(key.clone(), certificate);
            }
        }
        self.certificates = certificates;
        gathered.into_document()
    }
}

fn certificate(view: &View, key: &Key, last: Option<Certificate>) -> Option<Certificate> {
    let look = Look::new(view);
    let secret = look.secret(&key.0, &key.1)?;
    if let Some(last) = last.filter(|last| Arc::ptr_eq(&last.secret, secret)) {
        return Some(last);
    }
    let config = secret::certificate(&look, &key.0, &key.1).ok()?;
    let element = Arc::new(Element::new(config, secret.source.clone()));
    Some(Certificate { secret: Arc::clone(secret), element })
}

/// A document on its way.
#[derive(Default)]
struct Gathered {
    routers: Vec<(Arc<str>, Arc<Element<Router>>)>,
    services: Vec<(Arc<str>, Arc<Element<service::Config>>)>,
    first_services: Vec<(Arc<str>, Arc<Element<service::Config>>)>,
    has_default: bool,
    out: Configuration,
}

// === impl Gathered ===

impl Gathered {
    fn add(&mut self, part: &Part) {
        let out = &mut self.out;
        match part {
            Part::Router(name, part) => self.routers.push((Arc::clone(name), Arc::clone(part))),
            Part::Service(name, part) => self.services.push((Arc::clone(name), Arc::clone(part))),
            Part::FirstService(name, part) => {
                self.first_services.push((Arc::clone(name), Arc::clone(part)));
            }
            Part::Middleware(name, part) => put(&mut out.http.middlewares, name, part),
            Part::ServersTransport(name, part) => put(&mut out.http.servers_transports, name, part),
            Part::TcpRouter(name, part) => put(&mut out.tcp.routers, name, part),
            Part::TcpService(name, part) => put(&mut out.tcp.services, name, part),
            Part::TcpMiddleware(name, part) => put(&mut out.tcp.middlewares, name, part),
            Part::TcpTransport(name, part) => put(&mut out.tcp.servers_transports, name, part),
            Part::UdpRouter(name, part) => put(&mut out.udp.routers, name, part),
            Part::UdpService(name, part) => put(&mut out.udp.services, name, part),
            Part::TlsOptions(name, part) => put(&mut out.tls.options, name, part),
            Part::TlsStore(name, part) => put(&mut out.tls.stores, name, part),
            Part::Problem(problem) => out.problems.push((**problem).clone()),
            Part::Default(default) if self.has_default => out.problems.push(default.conflict.clone()),
            Part::Default(default) => {
                self.has_default = true;
                self.routers.push(("default-router".into(), Arc::clone(&default.router)));
                self.services.push(("default-backend".into(), Arc::clone(&default.service)));
            }
            Part::Certificate(_) => {}
        }
    }

    fn into_document(self) -> Configuration {
        let Self { routers, mut services, mut first_services, mut out, .. } = self;
        let routes = routers.len();
        // Thousands in one go: they are nearly in order, and of two of one name the later stays.
        out.http.routers = routers.iter().cloned().collect();
        if out.http.routers.len() < routes {
            out.problems.extend(collisions(&routers, &out.http.routers));
        }
        first_services.reverse();
        first_services.append(&mut services);
        out.http.services = first_services.into_iter().collect();
        out
    }
}

fn put<T>(map: &mut Map<T>, name: &Arc<str>, part: &Arc<Element<T>>) {
    map.insert(Arc::clone(name), Arc::clone(part));
}

/// Routers of different objects whose names come to the same.
fn collisions<'a>(
    routers: &'a [(Arc<str>, Arc<Element<Router>>)],
    kept: &'a Map<Router>,
) -> impl Iterator<Item = Problem> + 'a {
    let is_lost = |name: &Arc<str>, element: &Arc<Element<Router>>| {
        kept.get(name).filter(|kept| !Arc::ptr_eq(kept, element))
    };
    routers.iter().filter_map(move |(name, element)| {
        let other = is_lost(name, element)?;
        let taker = other.source.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let message = format!("the router `{name}` of `{taker}` has the same name, and takes its place");
        Some(element.source.attach(Problem::warning("duplicate", message)))
    })
}
