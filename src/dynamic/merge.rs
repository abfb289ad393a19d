//! All providers' documents → one: names and references get their provider, routers get what their entry
//! points say. Traefik, `pkg/server/aggregator.go`.
//!
//! What became of an object is remembered, so that an unchanged one is the same pointer in the next merge.

mod models;
mod references;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use document::problem::Problem;

use crate::element::Element;
use crate::http::{self, Observability, RouterTls};
use crate::layer4::{Tcp, Tls, Udp, tcp, udp};
use crate::name::{self, Name};
use crate::{Configuration, Map};

/// What routers inherit from an entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryPoint {
    pub name: Arc<str>,
    /// Routers that name no entry point are attached to it.
    pub is_default: bool,
    pub is_udp: bool,
    pub model: Model,
}

/// Settings of an entry point that act as defaults of its routers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Run before the router's own.
    pub middlewares: Vec<String>,
    /// For routers without any `tls`.
    pub tls: Option<Box<RouterTls>>,
    /// Field by field, where the router says nothing.
    pub observability: Observability,
}

/// Merges again and again, and keeps what did not change.
#[derive(Debug, Default)]
pub struct Merger {
    entry_points: Vec<EntryPoint>,
    http_routers: Memo<http::Router>,
    services: Memo<service::Config>,
    middlewares: Memo<middleware::Config>,
    tcp_routers: Memo<tcp::Router>,
    tcp_services: Memo<tcp::Service>,
    udp_routers: Memo<udp::Router>,
    udp_services: Memo<udp::Service>,
}

/// By full name: the element a provider published, and what the merge made of it.
type Memo<T> = HashMap<Arc<str>, Made<T>>;

#[derive(Clone, Debug)]
struct Made<T> {
    from: Arc<Element<T>>,
    into: Vec<(Arc<str>, Arc<Element<T>>)>,
}

/// Merges once. Documents go by the name of their provider.
#[must_use]
pub fn merge(
    documents: &BTreeMap<Arc<str>, Arc<Configuration>>,
    entry_points: &[EntryPoint],
) -> Configuration {
    Merger::new(entry_points.to_vec()).merge(documents)
}

// === impl Merger ===

impl Merger {
    #[must_use]
    pub fn new(entry_points: Vec<EntryPoint>) -> Self {
        Self { entry_points, ..Self::default() }
    }

    /// One document of all, by the names of their providers.
    pub fn merge(&mut self, documents: &BTreeMap<Arc<str>, Arc<Configuration>>) -> Configuration {
        let mut merged = Configuration::default();
        self.merge_http(documents, &mut merged.http);
        self.merge_tcp(documents, &mut merged.tcp);
        self.merge_udp(documents, &mut merged.udp);
        merge_tls(documents, &mut merged.tls);
        merged.problems = documents.values().flat_map(|document| document.problems.iter().cloned()).collect();
        merged
    }

    fn merge_http(&mut self, documents: &BTreeMap<Arc<str>, Arc<Configuration>>, merged: &mut http::Http) {
        let entry_points = &self.entry_points;
        merged.routers = remake(
            &mut self.http_routers,
            each(documents, |document| &document.http.routers),
            |full, provider, element| models::apply(full, provider, element, entry_points),
        );
        models::follow_parents(&mut merged.routers, &self.http_routers);
        merged.services = remake(
            &mut self.services,
            each(documents, |document| &document.http.services),
            |full, provider, element| alone(full, element, |config| references::service(config, provider)),
        );
        merged.middlewares = remake(
            &mut self.middlewares,
            each(documents, |document| &document.http.middlewares),
            |full, provider, element| alone(full, element, |config| references::middleware(config, provider)),
        );
        merged.servers_transports = unchanged(each(documents, |document| &document.http.servers_transports));
    }

    fn merge_tcp(&mut self, documents: &BTreeMap<Arc<str>, Arc<Configuration>>, merged: &mut Tcp) {
        let defaults = models::default_entry_points(&self.entry_points, false);
        merged.routers = remake(
            &mut self.tcp_routers,
            each(documents, |document| &document.tcp.routers),
            |full, provider, element| {
                alone(full, element, |router| {
                    models::fill(&mut router.entry_points, &defaults);
                    references::tcp_router(router, provider);
                })
            },
        );
        merged.services = remake(
            &mut self.tcp_services,
            each(documents, |document| &document.tcp.services),
            |full, provider, element| {
                alone(full, element, |config| references::tcp_service(config, provider))
            },
        );
        merged.middlewares = unchanged(each(documents, |document| &document.tcp.middlewares));
        merged.servers_transports = unchanged(each(documents, |document| &document.tcp.servers_transports));
    }

    fn merge_udp(&mut self, documents: &BTreeMap<Arc<str>, Arc<Configuration>>, merged: &mut Udp) {
        let defaults = models::default_entry_points(&self.entry_points, true);
        merged.routers = remake(
            &mut self.udp_routers,
            each(documents, |document| &document.udp.routers),
            |full, provider, element| {
                alone(full, element, |router| {
                    models::fill(&mut router.entry_points, &defaults);
                    name::qualify(&mut router.service, provider);
                })
            },
        );
        merged.services = remake(
            &mut self.udp_services,
            each(documents, |document| &document.udp.services),
            |full, provider, element| {
                alone(full, element, |config| references::udp_service(config, provider))
            },
        );
    }
}

/// All objects of one kind with their providers.
fn each<'a, T: 'a>(
    documents: &'a BTreeMap<Arc<str>, Arc<Configuration>>,
    kind: impl Fn(&'a Configuration) -> &'a Map<T> + 'a,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Arc<Element<T>>)> {
    documents.iter().flat_map(move |(provider, document)| {
        kind(document).iter().map(move |(local, element)| (&**provider, &**local, element))
    })
}

/// Qualifies names, and makes an element anew only where it is not the one of the last merge.
fn remake<'a, T: 'a>(
    memo: &mut Memo<T>,
    elements: impl Iterator<Item = (&'a str, &'a str, &'a Arc<Element<T>>)>,
    make: impl Fn(Arc<str>, &str, &Arc<Element<T>>) -> Vec<(Arc<str>, Arc<Element<T>>)>,
) -> Map<T> {
    let mut last = std::mem::take(memo);
    let mut merged = Map::new();
    for (provider, local, element) in elements {
        let full = Name::new(local, provider).to_string();
        let (full, made) = match last.remove_entry(full.as_str()) {
            Some((full, made)) if Arc::ptr_eq(&made.from, element) => (full, made),
            _ => {
                let full: Arc<str> = full.into();
                let into = make(Arc::clone(&full), provider, element);
                (full, Made { from: Arc::clone(element), into })
            }
        };
        merged.extend(made.into.iter().cloned());
        memo.insert(full, made);
    }
    merged
}

/// An element that stays one, with its configuration changed. It stays the same pointer if nothing was to be changed.
fn alone<T: Clone + PartialEq>(
    full: Arc<str>,
    element: &Arc<Element<T>>,
    change: impl Fn(&mut T),
) -> Vec<(Arc<str>, Arc<Element<T>>)> {
    let changed = element.config.as_ref().and_then(|config| {
        let mut changed = config.clone();
        change(&mut changed);
        (changed != *config).then_some(changed)
    });
    let element = match changed {
        Some(config) => Arc::new(element.with_config(config)),
        None => Arc::clone(element),
    };
    vec![(full, element)]
}

/// Objects that refer to nothing.
fn unchanged<'a, T: 'a>(elements: impl Iterator<Item = (&'a str, &'a str, &'a Arc<Element<T>>)>) -> Map<T> {
    elements
        .map(|(provider, local, element)| (Name::new(local, provider).to_arc(), Arc::clone(element)))
        .collect()
}

fn merge_tls(documents: &BTreeMap<Arc<str>, Arc<Configuration>>, merged: &mut Tls) {
    merged.certificates =
        documents.values().flat_map(|document| document.tls.certificates.iter().cloned()).collect();
    merged.options = global(each(documents, |document| &document.tls.options), "TLS options");
    merged.stores = global(each(documents, |document| &document.tls.stores), "TLS store");
}

/// TLS options or stores: `default` is one for all providers. Where two define it nobody can say which was
/// meant, so it is broken, and what relies on it is refused rather than served with other options.
fn global<'a, T: 'a>(
    elements: impl Iterator<Item = (&'a str, &'a str, &'a Arc<Element<T>>)>,
    what: &str,
) -> Map<T> {
    let mut merged = Map::new();
    let mut owner: Option<&str> = None;
    for (provider, local, element) in elements {
        let full = name::qualified_tls(local, provider);
        let element = match owner {
            Some(first) if local == tls::config::DEFAULT => {
                Arc::new(conflict(element, what, first, provider))
            }
            _ => Arc::clone(element),
        };
        if local == tls::config::DEFAULT {
            owner.get_or_insert(provider);
        }
        merged.insert(full, element);
    }
    merged
}

fn conflict<T>(element: &Element<T>, what: &str, first: &str, second: &str) -> Element<T> {
    let problem = Problem::error(
        "conflicting_default",
        format_args!(
            "the {what} `default` exists once, but the providers `{first}` and `{second}` both define it"
        ),
    )
    .in_object(format!("{what} `default`"))
    .hint("give one of them another name");
    let mut problems = element.problems.clone();
    problems.push(problem);
    Element::broken(problems, element.source.clone())
}

#[cfg(test)]
mod tests;
