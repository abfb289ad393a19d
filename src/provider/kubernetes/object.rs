//! An object with what is needed of its metadata and of where it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use document::{Problem, Value};
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// RFC 3339.
    pub created: Option<Arc<str>>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// Namespace and name.
pub type Key = (Arc<str>, Arc<str>);

// === impl Stored ===

impl<T> Stored<T> {
    /// `kind` as Kubernetes writes it.
    #[must_use]
    pub fn new(kind: &'static str, meta: Meta, value: T, mut source: Source) -> Self {
        source.object = Some(Object {
            kind,
            namespace: Arc::clone(&meta.namespace),
            name: Arc::clone(&meta.name),
            created: meta.created.clone(),
        });
        Self { meta, value, problems: Vec::new(), source }
    }

    #[must_use]
    pub fn key(&self) -> Key {
        (Arc::clone(&self.meta.namespace), Arc::clone(&self.meta.name))
    }

    /// The object's tree as it was written, when it came as text.
    #[must_use]
    pub fn tree(&self) -> Option<&Value> {
        self.source.tree.as_deref()
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

    /// Older first; then by name, so that the order does not depend on how they came.
    #[must_use]
    pub fn age(&self) -> (bool, Option<Arc<str>>, Key) {
        (self.meta.created.is_none(), self.meta.created.clone(), self.key())
    }
}
