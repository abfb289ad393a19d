//! A value against a type's own JSON schema: unknown keys, wrong types, missing keys, all at once.
//!
//! What Traefik reads leniently is rewritten to what the type wants before serde sees it: keys in any case,
//! numbers and booleans as text, lists as text with commas, `true` for an object with nothing in it.

mod conform;
mod lookup;
mod scalar;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub use lookup::Wanted;

use crate::deserialize::deserialize;
use crate::problem::Problem;
use crate::value::{Value, remove};

/// The code of the one mistake that may be forgiven: Kubernetes objects hold fields of newer versions.
pub const UNKNOWN_KEY: &str = "unknown_key";

/// The code of a key that is written twice; the first one counts.
pub(crate) const DUPLICATE_KEY: &str = "duplicate_key";

/// The schema of one type.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Arc<Json>,
}

/// Reads a type from a value, with everything that is wrong in it. Problems have places and key paths;
/// [`Source::attach`](crate::Source::attach) adds the file.
///
/// A type comes back if there is no error, or none but unknown keys, which were left out.
pub fn read<T: DeserializeOwned + JsonSchema + 'static>(value: &Value) -> (Option<T>, Vec<Problem>) {
    read_with(&Schema::of::<T>(), value)
}

/// As [`read`], with the schema looked up once by a caller that reads many of a type.
pub fn read_with<T: DeserializeOwned>(schema: &Schema, value: &Value) -> (Option<T>, Vec<Problem>) {
    let (value, mut problems) = schema.conform(value);
    if problems.iter().any(|problem| problem.is_error() && problem.code != UNKNOWN_KEY) {
        return (None, problems);
    }
    match deserialize(&value) {
        Ok(read) => (Some(read), problems),
        Err(problem) => {
            // What lacks an unknown key may lack it because the key was misspelt: one message is enough.
            if problems.iter().all(|problem| !problem.is_error()) {
                problems.push(problem);
            }
            (None, problems)
        }
    }
}

/// As [`read`], but what is wrong is left out, so that the rest can be looked at as well. Whether what comes back may
/// be used, the problems say.
pub fn read_past<T: DeserializeOwned + JsonSchema + 'static>(value: &Value) -> (Option<T>, Vec<Problem>) {
    let (mut value, mut problems) = Schema::of::<T>().conform(value);
    let is_left_out = |problem: &Problem| [UNKNOWN_KEY, DUPLICATE_KEY].contains(&problem.code);
    for problem in problems.iter().filter(|problem| problem.is_error() && !is_left_out(problem)) {
        remove(&mut value, &problem.path);
    }
    loop {
        let problem = match deserialize(&value) {
            Ok(read) => return (Some(read), problems),
            Err(problem) => problem,
        };
        let is_new = remove(&mut value, &problem.path);
        // What lacks something that was misspelt or wrong has been reported for that.
        if !problems.iter().any(|known| known.is_error() && known.path == problem.path) {
            problems.push(problem);
        }
        if !is_new {
            return (None, problems);
        }
    }
}

// === impl Schema ===

impl Schema {
    /// Generated once for each type and kept: a file may hold 100,000 routers.
    pub fn of<T: JsonSchema + 'static>() -> Self {
        static KNOWN: LazyLock<Mutex<HashMap<TypeId, Schema>>> = LazyLock::new(Mutex::default);
        let id = TypeId::of::<T>();
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| {
            let schema = Self::new(generate::<T>());
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(id, schema.clone());
            schema
        })
    }

    /// Any JSON schema of the kind that schemars makes.
    pub fn new(schema: Json) -> Self {
        Self { root: Arc::new(schema) }
    }

    pub fn as_json(&self) -> &Json {
        &self.root
    }

    /// The value rewritten to what the type wants, and what could not be.
    pub fn conform(&self, value: &Value) -> (Value, Vec<Problem>) {
        conform::conform(&self.root, value)
    }

    /// What is wanted at a key path, in whatever case it is written.
    pub fn wanted<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<Wanted> {
        lookup::wanted(&self.root, path)
    }
}

fn generate<T: JsonSchema>() -> Json {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests;
