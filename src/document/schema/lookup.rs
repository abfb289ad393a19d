//! Finding one's way in a JSON schema: references, branches, properties, types.

use serde_json::{Map, Value as Json};

/// What is wanted at some key path: how a flag or a variable must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Bool,
    List,
    Object,
    Scalar,
}

/// References to references, and branches in branches, are followed so far.
const MAX_STEPS: usize = 16;

/// Follows `$ref` to the schema that says something.
pub(super) fn resolve<'s>(root: &'s Json, mut schema: &'s Json) -> &'s Json {
    for _ in 0..MAX_STEPS {
        let Some(reference) = schema.get("$ref").and_then(Json::as_str) else {
            break;
        };
        let pointer = reference.strip_prefix('#').unwrap_or(reference);
        let Some(target) = root.pointer(pointer) else {
            break;
        };
        schema = target;
    }
    schema
}

/// The alternatives of a schema, without the one that is `null` alone.
pub(super) fn branches<'s>(root: &'s Json, schema: &'s Json) -> Vec<&'s Json> {
    let list = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
    let branches = list.into_iter().flatten().map(|branch| resolve(root, branch));
    branches.filter(|branch| !is_null_alone(branch)).collect()
}

fn is_null_alone(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("null")
}

pub(super) fn allows_null(root: &Json, schema: &Json) -> bool {
    let listed = has_type(schema, "null");
    let branch = |key: &str| {
        let list = schema.get(key).and_then(Json::as_array);
        list.into_iter().flatten().any(|branch| is_null_alone(resolve(root, branch)))
    };
    listed || branch("anyOf") || branch("oneOf")
}

/// The schema names this type, or one of several.
pub(super) fn has_type(schema: &Json, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(several)) => several.iter().any(|one| one.as_str() == Some(name)),
        _ => false,
    }
}

/// The schema says nothing of the type: whatever is written is taken.
pub(super) fn is_open(schema: &Json) -> bool {
    match schema.as_object() {
        Some(object) => !["type", "anyOf", "oneOf", "allOf", "enum", "const", "properties"]
            .iter()
            .any(|key| object.contains_key(*key)),
        None => true,
    }
}

pub(super) fn is_object(schema: &Json) -> bool {
    has_type(schema, "object") || schema.get("properties").is_some()
}

/// A schema's properties, those of flattened parts included.
pub(super) fn properties<'s>(root: &'s Json, schema: &'s Json) -> Vec<(&'s str, &'s Json)> {
    let mut found = Vec::new();
    gather(root, schema, 0, &mut found);
    found
}

fn gather<'s>(root: &'s Json, schema: &'s Json, depth: usize, found: &mut Vec<(&'s str, &'s Json)>) {
    if depth > MAX_STEPS {
        return;
    }
    let schema = resolve(root, schema);
    let own = schema.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::iter);
    for (name, property) in own {
        // An enum's variant has its other names beside its only property.
        let others = aliases(property).chain(aliases(schema));
        for name in std::iter::once(name.as_str()).chain(others) {
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, property));
            }
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for branch in schema.get(key).and_then(Json::as_array).into_iter().flatten() {
            gather(root, branch, depth + 1, found);
        }
    }
}

/// What `#[schemars(extend("x-aliases" = [...]))]` repeats of `#[serde(alias = "...")]`, which schemars passes over.
pub(super) fn aliases(schema: &Json) -> impl Iterator<Item = &str> {
    schema.get("x-aliases").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// A property by its name in any case; the exact one first.
pub(super) fn property<'s>(properties: &[(&'s str, &'s Json)], key: &str) -> Option<(&'s str, &'s Json)> {
    let exact = properties.iter().find(|(name, _)| *name == key);
    exact.or_else(|| properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))).copied()
}

/// What keys that are no property mean.
pub(super) enum Additional<'s> {
    Denied,
    /// Values of a map.
    Values(&'s Json),
    Ignored,
}

pub(super) fn additional(schema: &Json) -> Additional<'_> {
    match schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties")) {
        Some(Json::Bool(false)) => Additional::Denied,
        Some(values @ Json::Object(_)) => Additional::Values(values),
        _ => Additional::Ignored,
    }
}

pub(super) fn wanted<'p>(root: &Json, path: impl IntoIterator<Item = &'p str>) -> Option<Wanted> {
    let mut schema = root;
    for key in path {
        schema = child(root, schema, key, 0)?;
    }
    let found = flat(root, schema);
    let any = |test: &dyn Fn(&Json) -> bool| found.iter().any(|schema| test(schema));
    Some(if any(&is_object) {
        Wanted::Object
    } else if any(&|schema| has_type(schema, "array")) {
        Wanted::List
    } else if any(&|schema| has_type(schema, "boolean")) {
        Wanted::Bool
    } else {
        Wanted::Scalar
    })
}

/// The schema itself and its branches.
fn flat<'s>(root: &'s Json, schema: &'s Json) -> Vec<&'s Json> {
    let schema = resolve(root, schema);
    let mut found = vec![schema];
    found.extend(branches(root, schema));
    found
}

fn child<'s>(root: &'s Json, schema: &'s Json, key: &str, depth: usize) -> Option<&'s Json> {
    if depth > MAX_STEPS {
        return None;
    }
    if key.starts_with('[') {
        return flat(root, schema).into_iter().find_map(|schema| schema.get("items"));
    }
    let schema = resolve(root, schema);
    if let Some((_, property)) = property(&properties(root, schema), key) {
        return Some(property);
    }
    if let Additional::Values(values) = additional(schema) {
        return Some(values);
    }
    branches(root, schema).into_iter().find_map(|branch| child(root, branch, key, depth + 1))
}
