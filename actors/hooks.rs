//! For tests only: kills actors, or makes them hang, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ractor::ActorCell;

/// Who is alive, by name.
#[derive(Clone, Default)]
pub struct Hooks(Arc<Mutex<BTreeMap<String, Child>>>);

/// One actor.
#[derive(Clone)]
pub struct Child {
    pub(crate) cell: ActorCell,
    pub(crate) hang: Arc<dyn Fn() + Send + Sync>,
}

impl Hooks {
    pub(crate) fn child(&self, name: &str, child: Child) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), child);
    }

    pub(crate) fn supervisor(&self, cell: ActorCell) {
        self.child("supervisor", Child { cell, hang: Arc::new(|| {}) });
    }

    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// False when there is nobody of that name.
    pub fn kill(&self, name: &str) -> bool {
        self.with(name, |child| child.cell.kill())
    }

    /// False when there is nobody of that name.
    pub fn hang(&self, name: &str) -> bool {
        self.with(name, |child| (child.hang)())
    }

    fn with(&self, name: &str, act: impl FnOnce(&Child)) -> bool {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        child.as_ref().map(act).is_some()
    }
}
