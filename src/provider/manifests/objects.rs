//! The objects of all files as one view, which follows the files.

use std::collections::HashSet;
use std::sync::Arc;

use document::Problem;

use super::selector::Selector;
use crate::kubernetes::view::{Any, Changed, View};

/// The objects of one file.
pub(super) struct Content {
    objects: Box<[Any]>,
    /// What is wrong in it besides what is wrong in its objects.
    problems: Vec<Problem>,
    /// Is there nothing wrong in its objects either?
    is_sound: bool,
}

/// Which objects count.
#[derive(Clone, Default)]
pub(super) struct Filter {
    /// None: all.
    pub(super) namespaces: Vec<String>,
    /// One that cannot be read takes nothing: it was written to keep objects out.
    pub(super) crd_selector: Option<Selector>,
    pub(super) ingress_selector: Option<Selector>,
}

/// The objects that count.
#[derive(Default)]
pub(super) struct Objects {
    filter: Filter,
    /// In the order of the files.
    contents: Vec<Arc<Content>>,
    pub(super) view: View,
    /// Those whose name another one has already.
    duplicates: Vec<(Any, Problem)>,
}

// === impl Content ===

impl Content {
    pub(super) fn new(objects: Vec<Any>, problems: Vec<Problem>) -> Self {
        let is_sound = objects.iter().all(|object| own_problems(object).is_empty());
        Self { objects: objects.into(), problems, is_sound }
    }
}

// === impl Filter ===

impl Filter {
    /// Selectors choose routes, never what routes lead to.
    fn takes(&self, object: &Any) -> bool {
        let meta = object.meta();
        let is_watched =
            || self.namespaces.is_empty() || self.namespaces.iter().any(|name| **name == *meta.namespace);
        let is_selected = |selector: &Option<Selector>| {
            selector.as_ref().is_some_and(|selector| selector.takes(&meta.labels))
        };
        match object {
            Any::IngressClass(_) => true,
            Any::Ingress(_) => is_watched() && is_selected(&self.ingress_selector),
            Any::Traefik(_) => is_watched() && is_selected(&self.crd_selector),
            Any::Service(_) | Any::Secret(_) | Any::ConfigMap(_) | Any::EndpointSlice(_) => is_watched(),
        }
    }
}

// === impl Objects ===

impl Objects {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Follows the files to these contents.
    pub(super) fn update(&mut self, contents: Vec<Arc<Content>>) -> Changed {
        let last = std::mem::replace(&mut self.contents, contents);
        let pointers = |contents: &[Arc<Content>]| contents.iter().map(Arc::as_ptr).collect::<HashSet<_>>();
        let (before, now) = (pointers(&last), pointers(&self.contents));
        let gone = last.iter().filter(|content| !now.contains(&Arc::as_ptr(content)));
        let come = self.contents.iter().filter(|content| !before.contains(&Arc::as_ptr(content)));
        let mut changed = Changed::default();
        for object in gone.flat_map(|content| &content.objects).filter(|object| self.filter.takes(object)) {
            self.view.remove(object);
            changed.note(object);
        }
        let mut is_clear = self.duplicates.is_empty();
        for object in come.flat_map(|content| &content.objects).filter(|object| self.filter.takes(object)) {
            is_clear &= self.view.insert(object.clone()).is_ok();
            match last.is_empty() {
                // Nobody can have looked at anything.
                true => changed.objects.push(object.clone()),
                false => changed.note(object),
            }
        }
        if !is_clear {
            self.rebuild(&mut changed);
        }
        changed
    }

    /// Of objects of one name the first in the order of the files stays, whichever came last.
    fn rebuild(&mut self, changed: &mut Changed) {
        let before = std::mem::take(&mut self.duplicates);
        before.iter().for_each(|(object, _)| changed.note(object));
        self.view = View::default();
        for object in self.contents.iter().flat_map(|content| &content.objects) {
            if self.filter.takes(object)
                && let Err(problem) = self.view.insert(object.clone())
            {
                changed.note(object);
                self.duplicates.push((object.clone(), problem));
            }
        }
    }

    /// What is wrong with files, and with objects that become nothing themselves.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> {
        let of_content = |content: &Arc<Content>| {
            let objects = content.objects.iter().filter(|_| !content.is_sound);
            let objects = objects.filter(|object| self.filter.takes(object)).flat_map(own_problems);
            content.problems.iter().chain(objects).cloned().collect::<Vec<_>>()
        };
        let contents = self.contents.iter().flat_map(of_content);
        contents.chain(self.duplicates.iter().map(|(_, problem)| problem.clone()))
    }

    /// Those of objects of the same files that `other` does not count. Nothing is made here of objects of `traefik.io`.
    pub(super) fn problems_beyond(&self, other: &Self) -> impl Iterator<Item = Problem> {
        let is_beyond = |object: &Any| !matches!(object, Any::Traefik(_)) && !other.filter.takes(object);
        let contents = self.contents.iter().filter(|content| !content.is_sound);
        let objects = contents.flat_map(|content| &content.objects);
        let own = objects
            .filter(move |object| self.filter.takes(object) && is_beyond(object))
            .flat_map(own_problems);
        let duplicates = self.duplicates.iter().filter(move |(object, _)| is_beyond(object));
        own.chain(duplicates.map(|(_, problem)| problem)).cloned()
    }
}

/// Problems of objects that are published go with what is published of them.
fn own_problems(object: &Any) -> &[Problem] {
    match object {
        Any::Service(object) => &object.problems,
        Any::Secret(object) => &object.problems,
        Any::ConfigMap(object) => &object.problems,
        Any::IngressClass(object) => &object.problems,
        Any::EndpointSlice(object) => &object.problems,
        Any::Ingress(_) | Any::Traefik(_) => &[],
    }
}
