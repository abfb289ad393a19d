//! Who is whose parent among routers.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use dynamic::Map;
use dynamic::http::Router;

/// Parents and children by full name.
pub(crate) struct Family {
    children: AHashMap<Arc<str>, Vec<Arc<str>>>,
    reachable: AHashSet<Arc<str>>,
}

// === impl Family ===

impl Family {
    pub(crate) fn of(routers: &Map<Router>) -> Self {
        let mut children: AHashMap<Arc<str>, Vec<Arc<str>>> = AHashMap::new();
        for (name, element) in routers {
            for parent in element.config.iter().flat_map(|config| &config.parent_refs) {
                if let Some((parent, _)) = routers.get_key_value(parent.as_str()) {
                    children.entry(Arc::clone(parent)).or_default().push(Arc::clone(name));
                }
            }
        }
        let mut family = Self { children, reachable: AHashSet::new() };
        family.walk(routers);
        family
    }

    pub(crate) fn children_of(&self, router: &str) -> &[Arc<str>] {
        self.children.get(router).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_reachable(&self, router: &str) -> bool {
        self.reachable.contains(router)
    }

    /// From each root down. Routers without parents are roots; only who has children is worth a walk.
    fn walk(&mut self, routers: &Map<Router>) {
        let is_root = |name: &Arc<str>| {
            routers
                .get(name)
                .and_then(|e| e.config.as_ref())
                .is_none_or(|config| config.parent_refs.is_empty())
        };
        let mut open: Vec<Arc<str>> = self.children.keys().filter(|name| is_root(name)).cloned().collect();
        while let Some(name) = open.pop() {
            for child in self.children.get(&name).into_iter().flatten() {
                if self.reachable.insert(Arc::clone(child)) {
                    open.push(Arc::clone(child));
                }
            }
        }
    }
}
