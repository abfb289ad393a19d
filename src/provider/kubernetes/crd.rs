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

use std::collections::BTreeSet;
use std::sync::Arc;

use document::{Kind, Member, Place, Problem, Value, schema};
use dynamic::{Configuration, Element, Map, Source};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::keep::keep;
use super::object::{Key, Stored};
use super::view::View;
use crate::config::KubernetesCrd;

/// What follows `@` in names.
pub const NAME: &str = "kubernetescrd";

/// The document of a view. Elements that are like those of `previous` are the same pointers.
#[must_use]
pub fn translate(view: &View, options: &KubernetesCrd, previous: Option<&Configuration>) -> Configuration {
    let mut translation =
        Translation { view, options, out: Configuration::default(), certificates: BTreeSet::new() };
    translation.tls_options();
    translation.tls_stores();
    translation.middlewares();
    translation.servers_transports();
    translation.traefik_services();
    translation.ingress_routes();
    translation.layer4();
    let mut document = translation.out;
    if let Some(previous) = previous {
        keep(&mut document, previous);
    }
    document
}

/// One translation under way.
struct Translation<'a> {
    view: &'a View,
    options: &'a KubernetesCrd,
    out: Configuration,
    /// Secrets whose certificates are in the document already.
    certificates: BTreeSet<Key>,
}

/// Reads a part of an object. Unknown fields are warnings here: the API server has dropped them, or an older
/// definition did not know them.
fn read<T: DeserializeOwned + JsonSchema + 'static, O>(
    object: &Stored<O>,
    value: &Value,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let (read, found) = schema::read::<T>(value);
    problems.extend(found.into_iter().map(|problem| complain(object, soften(problem).under(path))));
    read
}

fn soften(problem: Problem) -> Problem {
    if problem.code == schema::UNKNOWN_KEY {
        problem.with_severity(document::Severity::Warning)
    } else {
        problem
    }
}

/// Completes a problem of a part of an object.
fn complain<O>(object: &Stored<O>, problem: Problem) -> Problem {
    object.complain(problem)
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
        None => members.push(Member { key: key.to_owned(), key_place: Place::NONE, value: new }),
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
    Value::new(Kind::Sequence(items.into_iter().collect()), Place::NONE)
}
