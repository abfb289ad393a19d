//! An object with what is needed of its metadata and of where it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use document::{Problem, Tree, Value};
use dynamic::Source;
use dynamic::element::Object;

/// An object of one kind.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    pub meta: Meta,
    pub value: T,
    /// What was found while reading: unknown fields, wrong types.
    pub problems: Vec<Problem>,
    pub source: Source,
}

/// What the translators read of `metadata`.
#[derive(Clone, Debug)]
pub struct Meta {
    pub object: Arc<Object>,
    /// Of objects that can be selected by them.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// In place of the value of an object of `traefik.io`: its `spec` is read from its tree when it is translated, part
/// by part, so that what a reader of one part cannot read does not take the other parts along.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

/// Namespace and name.
pub type Key = (Arc<str>, Arc<str>);

/// Older first; then by name, so that the order does not depend on how they came.
pub type Age = (bool, Option<Arc<str>>, Key);

// === impl Meta ===

impl Meta {
    /// `kind` as Kubernetes writes it.
    #[must_use]
    pub fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        let object = Object { kind, namespace: namespace.into(), name: name.into(), created: None };
        Self { object: Arc::new(object), labels: BTreeMap::new(), annotations: BTreeMap::new() }
    }
}

impl Deref for Meta {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.object
    }
}

// === impl Stored ===

impl<T> Stored<T> {
    #[must_use]
    pub fn new(meta: Meta, value: T, mut source: Source) -> Self {
        source.object = Some(Arc::clone(&meta.object));
        Self { meta, value, problems: Vec::new(), source }
    }

    #[must_use]
    pub fn key(&self) -> Key {
        (Arc::clone(&self.meta.namespace), Arc::clone(&self.meta.name))
    }

    /// Completes a problem whose path counts from the object's root.
    #[must_use]
    pub fn complain(&self, problem: Problem) -> Problem {
        let problem = self.source.attach(problem);
        match &self.source.object {
            Some(object) if problem.object.is_none() => {
                problem.in_object(format!("{} `{}/{}`", object.kind, object.namespace, object.name))
            }
            Some(_) | None => problem,
        }
    }

    #[must_use]
    pub fn age(&self) -> Age {
        (self.meta.created.is_none(), self.meta.created.clone(), self.key())
    }
}

impl Stored<Unread> {
    /// What is written under `spec`.
    #[must_use]
    pub fn spec(&self) -> Value {
        let tree = self.source.tree.as_deref().map(Tree::read);
        match tree {
            Some(Cow::Borrowed(tree)) => tree.get("spec").cloned(),
            Some(Cow::Owned(tree)) => tree.into_member("spec"),
            None => None,
        }
        .unwrap_or_default()
    }
}
