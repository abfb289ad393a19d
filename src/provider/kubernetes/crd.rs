//! `traefik.io/v1alpha1` → configuration. Traefik, "Kubernetes CRD".
//!
//! - `spec` what users write · `reference` names across namespaces and providers · `service` the Service object
//! - `http` IngressRoute, TraefikService · `middleware` Middleware · `transport` ServersTransport
//! - `tls` TLSOption, TLSStore, certificates · `layer4` the TCP and UDP kinds
//! - `written` where the parts of what is generated were written
//!
//! An object that cannot be translated is published broken under its name: who refers to it answers 503.
// Traefik: such a route is missing, and its requests fall through to other routes or get 404.

mod http;
mod layer4;
mod middleware;
mod reference;
mod service;
mod spec;
mod tls;
mod transport;
mod written;

use std::sync::Arc;

use document::{Kind, Member, Problem, Value, schema};
use dynamic::{Configuration, Element, Map, Source};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::fragment::{Fragment, Fragments, parts};
use super::object::{Key, Stored, Unread};
use super::view::{Any, Changed, Look, View};
use crate::config::KubernetesCrd;

/// What follows `@` in names.
pub const NAME: &str = "kubernetescrd";

/// The kinds in the order in which they are translated: of two objects of one name the later stays.
const KINDS: [&str; 10] = [
    "TLSOption",
    "TLSStore",
    "Middleware",
    "ServersTransport",
    "TraefikService",
    "IngressRoute",
    "MiddlewareTCP",
    "ServersTransportTCP",
    "IngressRouteTCP",
    "IngressRouteUDP",
];

/// Translates again and again: what changed, and what looked at that.
#[derive(Debug)]
pub struct Translator {
    options: KubernetesCrd,
    fragments: Fragments<Place>,
}

/// Where an object is in the order: its kind, and its name among those of its kind.
type Place = (usize, Key);

// === impl Translator ===

impl Translator {
    #[must_use]
    pub fn new(options: &KubernetesCrd) -> Self {
        Self { options: options.clone(), fragments: Fragments::new() }
    }

    /// The document of a view after a change. Elements that are like those of the last one are the same pointers.
    /// `problems` are put before those that are found.
    pub fn update(&mut self, view: &View, changed: &Changed, problems: Vec<Problem>) -> Arc<Configuration> {
        let places = changed.objects.iter().filter_map(place).collect();
        let options = &self.options;
        self.fragments.update(view, changed, places, problems, |place| fragment(view, options, place))
    }
}

fn place(object: &Any) -> Option<Place> {
    let Any::Traefik(object) = object else { return None };
    let kind = KINDS.iter().position(|kind| *kind == object.meta.kind)?;
    // One of them is the default of all.
    let is_one = matches!(object.meta.kind, "TLSOption" | "TLSStore");
    Some((kind, if is_one { Key::default() } else { object.key() }))
}

/// What becomes of the object at a place, if there is one.
fn fragment(view: &View, options: &KubernetesCrd, (kind, key): &Place) -> Option<Fragment> {
    let kind = *KINDS.get(*kind)?;
    let mut translation = Translation {
        view: Look::new(view),
        options,
        out: Configuration::default(),
        certificates: Vec::new(),
    };
    match kind {
        "TLSOption" => translation.tls_options(),
        "TLSStore" => translation.tls_stores(),
        _ => {
            let object = view.traefik(kind).get(key)?;
            translation.object(kind, object);
        }
    }
    let parts = parts(translation.out, translation.certificates);
    Some(Fragment::new(translation.view.into_seen(), parts))
}

/// The translation of one object.
struct Translation<'a> {
    view: Look<'a>,
    options: &'a KubernetesCrd,
    out: Configuration,
    /// Secrets whose certificates belong into the document.
    certificates: Vec<Key>,
}

impl Translation<'_> {
    fn object(&mut self, kind: &str, object: &Stored<Unread>) {
        match kind {
            "Middleware" => self.middleware(object),
            "ServersTransport" => self.servers_transport_object(object),
            "TraefikService" => self.traefik_service_object(object),
            "IngressRoute" => self.ingress_route(object),
            "MiddlewareTCP" => self.middleware_tcp(object),
            "ServersTransportTCP" => self.servers_transport_tcp(object),
            "IngressRouteTCP" => self.ingress_route_tcp(object),
            "IngressRouteUDP" => self.ingress_route_udp(object),
            _ => {}
        }
    }
}

/// Reads a part of an object. Unknown fields are warnings here: the API server has dropped them, or an older
/// definition did not know them.
fn read<T: DeserializeOwned + JsonSchema + 'static>(
    object: &Stored<Unread>,
    value: &Value,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let (read, found) = schema::read::<T>(value);
    problems.extend(found.into_iter().map(|problem| object.complain(soften(problem).under(path))));
    read
}

fn soften(problem: Problem) -> Problem {
    if problem.code == schema::UNKNOWN_KEY {
        problem.with_severity(document::Severity::Warning)
    } else {
        problem
    }
}

fn has_error(problems: &[Problem]) -> bool {
    problems.iter().any(Problem::is_error)
}

/// Publishes what was made of an object; broken, if there is an error.
fn publish<T>(
    objects: &mut Map<T>,
    name: &str,
    config: Option<T>,
    mut problems: Vec<Problem>,
    source: &Source,
) {
    let config = config.filter(|_| !has_error(&problems));
    if config.is_none() && !has_error(&problems) {
        problems.push(source.attach(Problem::error("invalid_value", "the object could not be read")));
    }
    objects.insert(name.into(), Arc::new(Element { config, problems, source: source.clone() }));
}

/// Takes a member out of a mapping.
fn take(value: &mut Value, key: &str) -> Option<Value> {
    let Kind::Mapping(members) = &mut value.kind else {
        return None;
    };
    let at = members.iter().position(|member| member.key == key)?;
    Some(members.remove(at).value)
}

/// Puts a member into a mapping, in place of one of the same name.
fn put(value: &mut Value, key: &str, new: Value) {
    let Kind::Mapping(members) = &mut value.kind else {
        return;
    };
    match members.iter_mut().find(|member| member.key == key) {
        Some(member) => member.value = new,
        None => members.push(Member { key: key.to_owned(), key_place: document::Place::NONE, value: new }),
    }
}

/// The member itself, to be changed where it stands.
fn member_mut<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    let Kind::Mapping(members) = &mut value.kind else {
        return None;
    };
    members.iter_mut().find(|member| member.key == key).map(|member| &mut member.value)
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::scalar_text).unwrap_or_default()
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::new(Kind::Sequence(items.into_iter().collect()), document::Place::NONE)
}
