//! The walk over schema and value together.

use serde_json::Value as Json;

use super::lookup::{
    Additional, additional, aliases, allows_null, branches, has_type, is_object, is_open, properties,
    property, resolve,
};
use super::scalar::{names, not_among, parse_bool, scalar};
use super::{DUPLICATE_KEY, UNKNOWN_KEY};
use crate::name::nearest;
use crate::problem::{Problem, join};
use crate::read::at;
use crate::value::{Kind, Member, Place, Value};

pub(super) fn conform(root: &Json, value: &Value) -> (Value, Vec<Problem>) {
    let mut walk = Walk { root, problems: Vec::new() };
    let conformed = walk.value(root, value, "", value.place);
    (conformed, walk.problems)
}

struct Walk<'s> {
    root: &'s Json,
    problems: Vec<Problem>,
}

impl<'s> Walk<'s> {
    /// `place` is where a mistake in the value as a whole is shown.
    fn value(&mut self, schema: &'s Json, value: &Value, path: &str, place: Place) -> Value {
        let schema = resolve(self.root, schema);
        if is_open(schema) {
            return value.clone();
        }
        let branches = branches(self.root, schema);
        let is_flattened = is_object(schema) && !branches.is_empty();
        if value.is_null() && allows_null(self.root, schema) {
            return value.clone();
        }
        if !branches.is_empty() && !is_flattened {
            return self.alternatives(schema, &branches, value, path, place);
        }
        match &value.kind {
            Kind::Mapping(members) if is_object(schema) => {
                self.object(schema, members, value.place, path, place)
            }
            Kind::Sequence(items) if has_type(schema, "array") => self.list(schema, items, value.place, path),
            // Lists that come as text: `entryPoints: web,websecure`.
            Kind::String(_) | Kind::Integer(_) | Kind::Float { .. } | Kind::Bool(_)
                if has_type(schema, "array") && !has_type(schema, "string") =>
            {
                let items = split(value);
                self.list(schema, &items, value.place, path)
            }
            Kind::Null if is_object(schema) || has_type(schema, "array") => {
                let kind =
                    if is_object(schema) { Kind::Mapping(Vec::new()) } else { Kind::Sequence(Vec::new()) };
                self.value(schema, &Value::new(kind, value.place), path, place)
            }
            Kind::Bool(_) | Kind::String(_) if is_object(schema) => self.switch(schema, value, path, place),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float { .. }
            | Kind::String(_)
            | Kind::Sequence(_)
            | Kind::Mapping(_) => self.scalar(schema, value, path, place),
        }
    }

    fn scalar(&mut self, schema: &'s Json, value: &Value, path: &str, place: Place) -> Value {
        match scalar(schema, value) {
            Ok(kind) => Value::new(kind, value.place),
            Err(problem) => {
                self.report(problem, path, place);
                value.clone()
            }
        }
    }

    fn object(
        &mut self,
        schema: &'s Json,
        members: &[Member],
        own_place: Place,
        path: &str,
        place: Place,
    ) -> Value {
        let known = properties(self.root, schema);
        let additional = additional(schema);
        let mut conformed: Vec<Member> = Vec::with_capacity(members.len());
        for member in members {
            let found = property(&known, &member.key);
            let (name, child) = match (found, &additional) {
                (Some((name, child)), _) => (name, Some(child)),
                (None, Additional::Values(values)) => (member.key.as_str(), Some(*values)),
                (None, Additional::Ignored) => (member.key.as_str(), None),
                (None, Additional::Denied) => {
                    self.unknown(member, &known, path);
                    continue;
                }
            };
            if found.is_some() && conformed.iter().any(|earlier| earlier.key == name) {
                let message = format!("`{}` is written twice", member.key);
                self.report(Problem::error(DUPLICATE_KEY, message), &join(path, name), member.key_place);
                continue;
            }
            let path = join(path, name);
            let value = match child {
                Some(child) => self.member(child, member, &path),
                None => Some(member.value.clone()),
            };
            if let Some(value) = value {
                conformed.push(Member { key: name.to_owned(), key_place: member.key_place, value });
            }
        }
        self.missing(schema, &conformed, path, place);
        Value::new(Kind::Mapping(conformed), own_place)
    }

    /// The value of one key; `None` where it means that the key is absent.
    fn member(&mut self, schema: &'s Json, member: &Member, path: &str) -> Option<Value> {
        let is_scalar = !matches!(member.value.kind, Kind::Null | Kind::Mapping(_) | Kind::Sequence(_));
        let place = if is_scalar { member.value.place } else { member.key_place };
        // Traefik passes over a key without a value; only an object could have been meant to be switched on.
        if member.value.is_null() {
            let resolved = resolve(self.root, schema);
            let wants_object =
                is_object(resolved) || branches(self.root, resolved).iter().any(|b| is_object(b));
            if wants_object {
                let message = format!("`{}` has no value and is left out", member.key);
                let hint = format!("write `{}: {{}}` to switch it on with its defaults", member.key);
                self.report(Problem::warning("no_value", message).hint(hint), path, place);
            }
            return None;
        }
        let value = self.value(schema, &member.value, path, place);
        (!value.is_null()).then_some(value)
    }

    /// `true` switches an object on with its defaults, `false` off: `--api=true`, `TRAEFIK_PING=true`.
    fn switch(&mut self, schema: &'s Json, value: &Value, path: &str, place: Place) -> Value {
        let said = match &value.kind {
            Kind::Bool(said) => Some(*said),
            Kind::String(text) => parse_bool(text),
            _ => None,
        };
        match said {
            Some(true) => self.object(schema, &[], value.place, path, place),
            Some(false) => Value::new(Kind::Null, value.place),
            None => self.scalar(schema, value, path, place),
        }
    }

    fn list(&mut self, schema: &'s Json, items: &[Value], own_place: Place, path: &str) -> Value {
        let item_schema = schema.get("items");
        let items = items.iter().enumerate().map(|(index, item)| match item_schema {
            Some(schema) => self.value(schema, item, &join(path, &format!("[{index}]")), item.place),
            None => item.clone(),
        });
        Value::new(Kind::Sequence(items.collect()), own_place)
    }

    fn alternatives(
        &mut self,
        schema: &'s Json,
        branches: &[&'s Json],
        value: &Value,
        path: &str,
        place: Place,
    ) -> Value {
        if let [only] = branches {
            return self.value(only, value, path, place);
        }
        let names: Vec<&str> = branches.iter().flat_map(|branch| names(branch)).collect();
        match &value.kind {
            Kind::String(text)
                if !names.is_empty() && !branches.iter().any(|branch| is_open_text(branch)) =>
            {
                let is_alias = branches.iter().any(|branch| aliases(branch).any(|alias| alias == text));
                if !is_alias && !names.contains(&text.as_str()) {
                    self.report(not_among(text, &names), path, place);
                }
                return value.clone();
            }
            Kind::Mapping(members) if is_catalogue(branches) => {
                return self.catalogue(schema, members, value, path, place);
            }
            _ => {}
        }
        // The alternative with the fewest complaints is the one that was meant.
        let attempts = branches.iter().map(|branch| {
            let mut walk = Walk { root: self.root, problems: Vec::new() };
            let conformed = walk.value(branch, value, path, place);
            (conformed, walk.problems)
        });
        let best = attempts.min_by_key(|(_, problems)| {
            let wrong_type =
                problems.iter().any(|problem| problem.code == "wrong_type" && problem.path == path);
            (wrong_type, problems.len())
        });
        match best {
            Some((conformed, mut problems)) => {
                self.problems.append(&mut problems);
                conformed
            }
            None => value.clone(),
        }
    }

    /// An enum of kinds, each under its name: exactly one of them.
    fn catalogue(
        &mut self,
        schema: &'s Json,
        members: &[Member],
        value: &Value,
        path: &str,
        place: Place,
    ) -> Value {
        let known = properties(self.root, schema);
        let mut conformed = Vec::new();
        for member in members {
            match property(&known, &member.key) {
                Some((name, child)) => {
                    // A kind may have nothing to say: `contentType:` is as good as `contentType: {}`.
                    let value = self.value(child, &member.value, &join(path, name), member.value.place);
                    conformed.push(Member { key: name.to_owned(), key_place: member.key_place, value });
                }
                None => self.unknown(member, &known, path),
            }
        }
        if let [first, second, ..] = conformed.as_slice() {
            let message =
                format!("only one kind may be given, not both `{}` and `{}`", first.key, second.key);
            self.report(Problem::error("two_kinds", message), path, second.key_place);
        } else if conformed.is_empty() && members.is_empty() {
            self.report(Problem::error("missing_key", "it is of no kind: one is needed"), path, place);
        }
        Value::new(Kind::Mapping(conformed), value.place)
    }

    fn unknown(&mut self, member: &Member, known: &[(&str, &Json)], path: &str) {
        let near = nearest(&member.key, known.iter().map(|(name, _)| *name));
        let problem = Problem::error(UNKNOWN_KEY, format!("unknown key `{}`", member.key)).did_you_mean(near);
        self.report(problem, path, member.key_place);
    }

    fn missing(&mut self, schema: &Json, members: &[Member], path: &str, place: Place) {
        for name in
            schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
        {
            // One that was written and is wrong has been reported as that.
            let complained = |problem: &Problem| problem.path == join(path, name);
            if !members.iter().any(|member| member.key == name) && !self.problems.iter().any(complained) {
                let problem = Problem::error("missing_key", format!("`{name}` is missing"));
                self.report(problem, path, place);
            }
        }
    }

    fn report(&mut self, problem: Problem, path: &str, place: Place) {
        self.problems.push(problem.with_path(path).at(at(place)));
    }
}

/// `a, b,c` as three items; nothing as none.
fn split(value: &Value) -> Vec<Value> {
    let text = value.scalar_text().unwrap_or_default();
    if text.trim().is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| Value::new(Kind::String(item.trim().to_owned()), value.place)).collect()
}

/// A string that is not one of a list.
fn is_open_text(schema: &Json) -> bool {
    has_type(schema, "string") && names(schema).is_empty()
}

/// Serde's externally tagged enum: each alternative an object with one required key, or a bare name.
fn is_catalogue(branches: &[&Json]) -> bool {
    branches.iter().all(|branch| {
        let single = |key: &str| {
            branch.get(key).is_some_and(|list| match list {
                Json::Array(items) => items.len() == 1,
                Json::Object(items) => items.len() == 1,
                _ => false,
            })
        };
        !names(branch).is_empty() || (single("properties") && single("required"))
    })
}
