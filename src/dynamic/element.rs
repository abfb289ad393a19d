//! One named object of a document: its configuration, where it comes from, what is wrong with it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use document::problem::{Origin, Problem};
use document::tree::Tree;
use document::value::Value;

/// A router, service, middleware … as a provider publishes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Element<T> {
    /// `None`: it could not be read, and `problems` says why.
    pub config: Option<T>,
    pub problems: Vec<Problem>,
    pub source: Source,
}

/// Where an object was written.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub file: Option<Arc<PathBuf>>,
    /// The object's own part of the document, with the places of its keys.
    pub tree: Option<Arc<Tree>>,
    /// The text of the file, to show the line that is meant.
    pub text: Option<Arc<document::Source>>,
    pub object: Option<Arc<Object>>,
    /// A digest of the files the object names (certificates, users); 0 when it names none.
    /// It makes an object differ whose text is the same while such a file is another.
    pub files_digest: u64,
}

/// A Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub kind: &'static str,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// `metadata.creationTimestamp`, RFC 3339: the older object wins a tie.
    pub created: Option<Arc<str>>,
}

impl PartialEq for Source {
    /// Places may move without a change of meaning: what counts is whose object it is.
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.object == other.object && self.files_digest == other.files_digest
    }
}

impl Source {
    /// The object as it was written; kept once it was asked for.
    #[must_use]
    pub fn tree(&self) -> Option<&Value> {
        self.tree.as_deref().map(Tree::get)
    }

    /// Completes a problem that knows a key path inside the object: file, line, and what stands there.
    #[must_use]
    pub fn attach(&self, problem: Problem) -> Problem {
        match (&self.text, &self.tree, &self.object) {
            (Some(text), Some(tree), _) if problem.origin.is_none() => {
                text.attach_by_path(tree.get(), problem)
            }
            (Some(text), Some(_), _) => text.attach(problem),
            (Some(text), None, _) => text.attach(problem),
            (None, _, Some(object)) if problem.origin.is_none() => {
                problem.at(Origin::Object(object.to_string()))
            }
            (None, ..) => problem,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl<T> Element<T> {
    #[must_use]
    pub fn new(config: T, source: Source) -> Self {
        Self { config: Some(config), problems: Vec::new(), source }
    }

    #[must_use]
    pub fn broken(problems: Vec<Problem>, source: Source) -> Self {
        Self { config: None, problems, source }
    }

    /// The same origin and problems with another configuration.
    #[must_use]
    pub fn with_config(&self, config: T) -> Self {
        Self { config: Some(config), problems: self.problems.clone(), source: self.source.clone() }
    }
}
