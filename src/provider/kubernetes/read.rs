//! A tree of YAML → objects. Kinds that nothing is made of are passed over without a word, unless Traefik has them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use document::{Kind, Problem, Tree, Value};
use dynamic::Source;
use dynamic::element::Object;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backend::secret::{INVALID_BASE64, INVALID_SECRET};
use super::core::{EndpointSlice, Service};
use super::object::{Meta, Stored, Unread};
use super::view::Any;

/// Kinds of `traefik.io/v1alpha1`.
const TRAEFIK_KINDS: [&str; 10] = [
    "IngressRoute",
    "IngressRouteTCP",
    "IngressRouteUDP",
    "Middleware",
    "MiddlewareTCP",
    "TraefikService",
    "ServersTransport",
    "ServersTransportTCP",
    "TLSOption",
    "TLSStore",
];

/// Lists of lists are not made by anybody.
const MAX_DEPTH: usize = 4;

/// Applied objects carry a copy of themselves there.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The label by which a slice says whose endpoints it holds.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Where a tree was read.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub file: Option<Arc<PathBuf>>,
    pub text: Option<Arc<document::Source>>,
    /// Names that were read there: a Service, its slices and its routes often share one.
    pub names: RefCell<HashSet<Arc<str>>>,
}

impl Origin {
    fn name(&self, text: &str) -> Arc<str> {
        let mut names = self.names.borrow_mut();
        if let Some(known) = names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        names.insert(Arc::clone(&name));
        name
    }
}

/// Objects of one document, or of a list in it. Problems are those of trees that are no objects; those of an object
/// are with it. `again`: how the document is read again; without it the trees of its objects are kept.
#[must_use]
pub fn objects(tree: Value, again: Option<Tree>, origin: &Origin) -> (Vec<Any>, Vec<Problem>) {
    let mut found = (Vec::new(), Vec::new());
    collect(tree, again, origin, MAX_DEPTH, &mut found);
    found
}

fn collect(
    tree: Value,
    again: Option<Tree>,
    origin: &Origin,
    depth: usize,
    found: &mut (Vec<Any>, Vec<Problem>),
) {
    if tree.is_null() {
        return;
    }
    let text = |key: &str| tree.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version.is_empty() || kind.is_empty() {
        let problem =
            Problem::warning("no_object", "this is no Kubernetes object: it has no `apiVersion` and `kind`");
        found.1.push(at(origin, problem, &tree));
        return;
    }
    if kind.ends_with("List") && tree.get("items").is_some() {
        if depth > 0 {
            items(tree).into_iter().for_each(|item| collect(item, None, origin, depth - 1, found));
        }
        return;
    }
    let (group, _) = version.split_once('/').unwrap_or(("", &version));
    let part = Part { tree, again, origin };
    match (group, kind.as_str()) {
        ("", "Service") => part.core::<v1::Service, Service>("Service", found, |mut object| {
            object.meta.labels.clear();
            Any::Service(Arc::new(object))
        }),
        ("", "Secret") => part.secret(found),
        ("", "ConfigMap") => part.core::<v1::ConfigMap, v1::ConfigMap>("ConfigMap", found, |object| {
            Any::ConfigMap(Arc::new(without_metadata(object)))
        }),
        ("discovery.k8s.io", "EndpointSlice") => {
            part.core::<discovery::EndpointSlice, EndpointSlice>("EndpointSlice", found, |mut object| {
                let service = object.meta.labels.get(SERVICE_NAME);
                object.value.service = service.map(|name| origin.name(name));
                Any::EndpointSlice(Arc::new(without_metadata(object)))
            })
        }
        ("networking.k8s.io", "Ingress") => {
            part.core::<Ingress, Ingress>("Ingress", found, |object| Any::Ingress(Arc::new(object)))
        }
        ("networking.k8s.io", "IngressClass") => {
            part.core::<IngressClass, IngressClass>("IngressClass", found, |object| {
                Any::IngressClass(Arc::new(without_metadata(object)))
            })
        }
        ("traefik.io", kind) => part.traefik(kind, found),
        ("traefik.containo.us", kind) if TRAEFIK_KINDS.contains(&kind) => {
            let problem = Problem::warning("old_group", "the group `traefik.containo.us` is not read")
                .hint("write `apiVersion: traefik.io/v1alpha1`");
            found.1.push(at(origin, problem, &part.tree));
        }
        ("extensions", "Ingress") => {
            let problem = Problem::warning("old_group", "the group `extensions` is not read")
                .hint("write `apiVersion: networking.k8s.io/v1`");
            found.1.push(at(origin, problem, &part.tree));
        }
        ("gateway.networking.k8s.io", kind) => {
            let message = format!("the Gateway API is not built yet: this {kind} is not read");
            found.1.push(at(origin, Problem::warning("unsupported_kind", message), &part.tree));
        }
        _ => {}
    }
}

fn items(tree: Value) -> Vec<Value> {
    let Kind::Mapping(members) = tree.kind else {
        return Vec::new();
    };
    let items = members.into_iter().find(|member| member.key == "items").map(|member| member.value.kind);
    match items {
        Some(Kind::Sequence(items)) => items,
        _ => Vec::new(),
    }
}

fn at(origin: &Origin, problem: Problem, tree: &Value) -> Problem {
    match &origin.text {
        Some(text) => text.show(problem, tree.place),
        None => problem,
    }
}

/// One object as it was written.
struct Part<'a> {
    tree: Value,
    again: Option<Tree>,
    origin: &'a Origin,
}

impl Part<'_> {
    /// An object of `traefik.io`: its `spec` is read by its translator.
    fn traefik(self, kind: &str, found: &mut (Vec<Any>, Vec<Problem>)) {
        let Some(kind) = TRAEFIK_KINDS.into_iter().find(|known| *known == kind) else {
            let problem = Problem::warning("unknown_kind", format_args!("`traefik.io` has no kind `{kind}`"))
                .did_you_mean(document::name::nearest(kind, TRAEFIK_KINDS));
            found.1.push(at(self.origin, problem, &self.tree));
            return;
        };
        if let Some(meta) = meta(&self.tree, kind, self.origin, &mut found.1) {
            found.0.push(Any::Traefik(Arc::new(Stored::new(meta, Unread, self.into_source()))));
        }
    }

    /// An object of Kubernetes' own: read as what it is. One that cannot be read is reported, and is not there.
    fn core<T: DeserializeOwned + Serialize, K: From<T>>(
        self,
        kind: &'static str,
        found: &mut (Vec<Any>, Vec<Problem>),
        wrap: impl FnOnce(Stored<K>) -> Any,
    ) {
        let read = document::deserialize::deserialize::<T>(&self.tree);
        self.stored(read, kind, found, wrap);
    }

    /// A Secret. Its values are checked one by one, so that one of them that is no base64 does not take the object
    /// along.
    fn secret(self, found: &mut (Vec<Any>, Vec<Problem>)) {
        let mut cleaned = self.tree.clone();
        let problems = clean(&mut cleaned);
        let read = document::deserialize::deserialize::<v1::Secret>(&cleaned).map_err(without_value);
        self.stored(read, "Secret", found, |mut object: Stored<v1::Secret>| {
            let problems: Vec<Problem> =
                problems.into_iter().map(|problem| object.complain(problem)).collect();
            object.problems.extend(problems);
            Any::Secret(Arc::new(without_metadata(object)))
        });
    }

    /// Keeps an object that was read; one that could not be is reported.
    fn stored<T: Serialize, K: From<T>>(
        self,
        read: Result<T, Problem>,
        kind: &'static str,
        found: &mut (Vec<Any>, Vec<Problem>),
        wrap: impl FnOnce(Stored<K>) -> Any,
    ) {
        let Some(meta) = meta(&self.tree, kind, self.origin, &mut found.1) else {
            return;
        };
        match read {
            Ok(value) => {
                let unknown = unknown_fields(&self.tree, &value);
                let mut object = Stored::new(meta, value.into(), self.into_source());
                object.problems = unknown.into_iter().map(|problem| object.complain(problem)).collect();
                found.0.push(wrap(object));
            }
            Err(problem) => {
                let object = Stored::new(meta, (), self.into_source());
                found.1.push(object.complain(problem));
            }
        }
    }

    fn into_source(self) -> Source {
        Source {
            file: self.origin.file.clone(),
            tree: Some(Arc::new(self.again.unwrap_or_else(|| Tree::from(self.tree)))),
            text: self.origin.text.clone(),
            ..Source::default()
        }
    }
}

/// Takes out of the values of a Secret what Go's decoder passes over too, and values that are no base64.
fn clean(tree: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Kind::Mapping(members) = &mut tree.kind else { return problems };
    let data = members.iter_mut().find(|member| member.key == "data").map(|member| &mut member.value.kind);
    let Some(Kind::Mapping(values)) = data else { return problems };
    for member in values {
        let Kind::String(text) = &mut member.value.kind else { continue };
        text.retain(|c| !matches!(c, '\n' | '\r'));
        if STANDARD.decode(text.as_bytes()).is_err() {
            let message = format!("the value of `{}` is no base64", member.key);
            let problem = Problem::error(INVALID_BASE64, message).with_path(format!("data.{}", member.key));
            problems.push(problem.hint("a value that is not encoded stands below `stringData`"));
            text.clear();
        }
    }
    problems
}

/// What says of which type a value is says the value too.
fn without_value(problem: Problem) -> Problem {
    Problem::error(INVALID_SECRET, "a value of this Secret is of the wrong type")
        .with_path(problem.path)
        .at(problem.origin)
}

/// Labels and annotations that nobody reads.
fn without_metadata<T>(mut object: Stored<T>) -> Stored<T> {
    object.meta.labels.clear();
    object.meta.annotations.clear();
    object
}

/// What the type does not give back it did not know.
fn unknown_fields<T: Serialize>(tree: &Value, value: &T) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Ok(known) = serde_json::to_value(value) {
        compare(tree, &known, "", &mut problems);
    }
    problems
}

fn compare(tree: &Value, known: &serde_json::Value, path: &str, problems: &mut Vec<Problem>) {
    for member in tree.members() {
        let path = document::problem::join(path, &member.key);
        match known.get(&member.key) {
            Some(known) => compare(&member.value, known, &path, problems),
            None if member.value.is_null() || path == "status" => {}
            None => {
                let siblings =
                    known.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str));
                problems.push(
                    Problem::warning(
                        document::schema::UNKNOWN_KEY,
                        format_args!("unknown field `{}`", member.key),
                    )
                    .did_you_mean(document::name::nearest(&member.key, siblings))
                    .with_path(path),
                );
            }
        }
    }
    for (index, item) in tree.items().iter().enumerate() {
        if let Some(known) = known.get(index) {
            compare(item, known, &format!("{path}[{index}]"), problems);
        }
    }
}

fn meta(tree: &Value, kind: &'static str, origin: &Origin, problems: &mut Vec<Problem>) -> Option<Meta> {
    let metadata = tree.get("metadata");
    let get = |key: &str| metadata.and_then(|metadata| metadata.get(key));
    let text = |key: &str| get(key).and_then(Value::scalar_text).filter(|text| !text.is_empty());
    // Traefik takes the generated part where the name itself is not there yet.
    let Some(name) = text("name").or_else(|| text("generateName")) else {
        let problem = Problem::error("no_name", format_args!("this {kind} has no `metadata.name`"));
        problems.push(at(origin, problem, tree));
        return None;
    };
    let object = Object {
        kind,
        namespace: origin.name(text("namespace").as_deref().unwrap_or("default")),
        name: origin.name(&name),
        created: text("creationTimestamp").map(Into::into),
    };
    let mut annotations = texts(get("annotations"));
    annotations.remove(LAST_APPLIED);
    Some(Meta { object: Arc::new(object), labels: texts(get("labels")), annotations })
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let members = value.map(Value::members).unwrap_or_default();
    members.iter().filter_map(|member| Some((member.key.clone(), member.value.scalar_text()?))).collect()
}
