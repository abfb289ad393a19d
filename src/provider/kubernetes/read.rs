//! A tree of YAML → objects. Kinds that nothing is made of are passed over without a word.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use document::{Kind, Problem, Value};
use dynamic::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::object::{Meta, Stored};
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

/// Where a tree was read.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub file: Option<Arc<PathBuf>>,
    pub text: Option<Arc<document::Source>>,
}

/// Objects of one document, or of a list in it. Problems are those of trees that are no objects; those of an object
/// are with it.
#[must_use]
pub fn objects(tree: Value, origin: &Origin) -> (Vec<Any>, Vec<Problem>) {
    let mut found = (Vec::new(), Vec::new());
    collect(tree, origin, MAX_DEPTH, &mut found);
    found
}

fn collect(tree: Value, origin: &Origin, depth: usize, found: &mut (Vec<Any>, Vec<Problem>)) {
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
            items(tree).into_iter().for_each(|item| collect(item, origin, depth - 1, found));
        }
        return;
    }
    let (group, _) = version.split_once('/').unwrap_or(("", &version));
    match (group, kind.as_str()) {
        ("", "Service") => core(tree, "Service", origin, found, Any::Service),
        ("", "Secret") => core(tree, "Secret", origin, found, Any::Secret),
        ("", "ConfigMap") => core(tree, "ConfigMap", origin, found, Any::ConfigMap),
        ("discovery.k8s.io", "EndpointSlice") => {
            core(tree, "EndpointSlice", origin, found, Any::EndpointSlice)
        }
        ("networking.k8s.io", "Ingress") => core(tree, "Ingress", origin, found, Any::Ingress),
        ("networking.k8s.io", "IngressClass") => core(tree, "IngressClass", origin, found, Any::IngressClass),
        ("traefik.io", kind) => traefik(tree, kind, origin, found),
        ("traefik.containo.us", kind) if TRAEFIK_KINDS.contains(&kind) => {
            let problem = Problem::warning("old_group", "the group `traefik.containo.us` is not read")
                .hint("write `apiVersion: traefik.io/v1alpha1`");
            found.1.push(at(origin, problem, &tree));
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
        Some(text) => problem.at(text.origin(tree.place)),
        None => problem,
    }
}

/// An object of `traefik.io`: kept as a tree, read by its translator.
fn traefik(tree: Value, kind: &str, origin: &Origin, found: &mut (Vec<Any>, Vec<Problem>)) {
    let Some(kind) = TRAEFIK_KINDS.into_iter().find(|known| *known == kind) else {
        let problem = Problem::warning("unknown_kind", format_args!("`traefik.io` has no kind `{kind}`"))
            .did_you_mean(document::name::nearest(kind, TRAEFIK_KINDS));
        found.1.push(at(origin, problem, &tree));
        return;
    };
    let Some(meta) = meta(&tree, kind, origin, &mut found.1) else {
        return;
    };
    let spec = tree.get("spec").cloned().unwrap_or_default();
    let source = source(tree, origin);
    found.0.push(Any::Traefik(kind, Arc::new(Stored::new(kind, meta, spec, source))));
}

/// An object of Kubernetes' own: read as what it is. One that cannot be read is reported, and is not there.
fn core<T: DeserializeOwned + Serialize>(
    tree: Value,
    kind: &'static str,
    origin: &Origin,
    found: &mut (Vec<Any>, Vec<Problem>),
    wrap: fn(Arc<Stored<T>>) -> Any,
) {
    let Some(meta) = meta(&tree, kind, origin, &mut found.1) else {
        return;
    };
    let read = document::deserialize::deserialize::<T>(&tree);
    let source = source(tree, origin);
    match read {
        Ok(value) => {
            let mut object = Stored::new(kind, meta, value, source);
            let unknown = unknown_fields(&object);
            object.problems = unknown.into_iter().map(|problem| object.complain(problem)).collect();
            found.0.push(wrap(Arc::new(object)));
        }
        Err(problem) => {
            let object = Stored::new(kind, meta, (), source);
            found.1.push(object.complain(problem));
        }
    }
}

fn source(tree: Value, origin: &Origin) -> Source {
    Source {
        file: origin.file.clone(),
        tree: Some(Arc::new(tree)),
        text: origin.text.clone(),
        ..Source::default()
    }
}

/// What the type does not give back it did not know.
fn unknown_fields<T: Serialize>(object: &Stored<T>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let (Some(tree), Ok(known)) = (object.tree(), serde_json::to_value(&object.value)) {
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

fn meta(tree: &Value, kind: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Option<Meta> {
    let metadata = tree.get("metadata").cloned().unwrap_or_default();
    let text = |key: &str| metadata.get(key).and_then(Value::scalar_text).filter(|text| !text.is_empty());
    // Traefik takes the generated part where the name itself is not there yet.
    let Some(name) = text("name").or_else(|| text("generateName")) else {
        let problem = Problem::error("no_name", format_args!("this {kind} has no `metadata.name`"));
        problems.push(at(origin, problem, tree));
        return None;
    };
    Some(Meta {
        namespace: text("namespace").unwrap_or_else(|| "default".to_owned()).into(),
        name: name.into(),
        created: text("creationTimestamp").map(Into::into),
        labels: texts(metadata.get("labels")),
        annotations: texts(metadata.get("annotations")),
    })
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let members = value.map(Value::members).unwrap_or_default();
    members.iter().filter_map(|member| Some((member.key.clone(), member.value.scalar_text()?))).collect()
}
