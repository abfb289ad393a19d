//! The document that providers publish: what is wanted, before it is compiled.
//!
//! - [`element`] one named object with its origin and its mistakes
//! - [`http`] routers, services, middlewares, servers transports · [`layer4`] TCP and UDP, TLS
//! - [`name`] `auth@file`: names and whom they belong to
//! - [`merge`] all providers' documents → one, with defaults and models applied
//!
//! Used by `provider` (fills it), `snapshot` (compiles it), `api` (shows it).
//!
//! Invariants: an object that could not be read is still here by its name, with its problems, so that whoever
//! refers to it answers 503 instead of falling through to something else. Elements are shared by `Arc`: an
//! unchanged one is the same pointer in the next document.

pub mod element;
pub mod http;
pub mod layer4;
pub mod merge;
pub mod name;

use std::collections::BTreeMap;
use std::sync::Arc;

use document::problem::Problem;

pub use crate::element::{Element, Source};
pub use crate::name::Name;

/// Objects by name. In a provider's document names are as written; in a merged one they carry `@provider`.
pub type Map<T> = BTreeMap<Arc<str>, Arc<Element<T>>>;

/// One provider's document, or, after [`merge`], that of all.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    pub http: http::Http,
    pub tcp: layer4::Tcp,
    pub udp: layer4::Udp,
    pub tls: layer4::Tls,
    /// Mistakes that belong to no single object, such as a file that cannot be read.
    pub problems: Vec<Problem>,
}

// === impl Configuration ===

impl Configuration {
    /// Every mistake in it: those of the whole and those of single objects.
    pub fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let http = of(&self.http.routers)
            .chain(of(&self.http.services))
            .chain(of(&self.http.middlewares))
            .chain(of(&self.http.servers_transports));
        let tcp = of(&self.tcp.routers)
            .chain(of(&self.tcp.services))
            .chain(of(&self.tcp.middlewares))
            .chain(of(&self.tcp.servers_transports));
        let udp = of(&self.udp.routers).chain(of(&self.udp.services));
        let certificates = self.tls.certificates.iter().flat_map(|certificate| &certificate.problems);
        let tls = certificates.chain(of(&self.tls.options)).chain(of(&self.tls.stores));
        self.problems.iter().chain(http).chain(tcp).chain(udp).chain(tls)
    }
}

impl PartialEq for Configuration {
    /// Of thousands of objects most are the same pointer in two documents that follow each other.
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.http.routers, &other.http.routers)
            && is_same(&self.http.services, &other.http.services)
            && is_same(&self.http.middlewares, &other.http.middlewares)
            && is_same(&self.http.servers_transports, &other.http.servers_transports)
            && self.tcp == other.tcp
            && self.udp == other.udp
            && self.tls == other.tls
            && self.problems == other.problems
    }
}

fn is_same<T: PartialEq>(one: &Map<T>, other: &Map<T>) -> bool {
    let is_like = |one: &Arc<Element<T>>, other: &Arc<Element<T>>| Arc::ptr_eq(one, other) || one == other;
    one.len() == other.len()
        && one.iter().zip(other).all(|((a, x), (b, y))| (Arc::ptr_eq(a, b) || a == b) && is_like(x, y))
}

fn of<T>(objects: &Map<T>) -> impl Iterator<Item = &Problem> {
    objects.values().flat_map(|element| &element.problems)
}
