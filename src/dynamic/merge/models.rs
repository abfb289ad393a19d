//! Entry points as models of routers: default entry points, defaults of an entry point, one copy for each.

use std::sync::Arc;

use super::{EntryPoint, Memo, Model, references};
use crate::Map;
use crate::element::Element;
use crate::http::{Observability, Router};

/// The entry points of routers that name none.
pub(super) fn default_entry_points(entry_points: &[EntryPoint], udp: bool) -> Vec<String> {
    entry_points
        .iter()
        .filter(|entry_point| entry_point.is_udp == udp && (udp || entry_point.is_default))
        .map(|entry_point| entry_point.name.to_string())
        .collect()
}

pub(super) fn fill(entry_points: &mut Vec<String>, defaults: &[String]) {
    if entry_points.is_empty() {
        entry_points.extend_from_slice(defaults);
    }
}

/// The router with all references complete, as one element, or one for each of its entry points where these
/// say something of their own.
pub(super) fn apply(
    full: Arc<str>,
    provider: &str,
    element: &Arc<Element<Router>>,
    entry_points: &[EntryPoint],
) -> Vec<(Arc<str>, Arc<Element<Router>>)> {
    let Some(config) = &element.config else {
        return vec![(full, Arc::clone(element))];
    };
    let mut router = config.clone();
    if router.parent_refs.is_empty() {
        fill(&mut router.entry_points, &default_entry_points(entry_points, false));
    }
    let mut made = Vec::new();
    let attached = std::mem::take(&mut router.entry_points);
    let is_alone = attached.len() == 1;
    for name in &attached {
        let Some(model) = model_of(entry_points, name) else {
            router.entry_points.push(name.clone());
            continue;
        };
        let mut copy = Router { entry_points: vec![name.clone()], ..router.clone() };
        inherit(&mut copy, model);
        references::router(&mut copy, provider);
        let copy_name = if is_alone { Arc::clone(&full) } else { format!("{name}-{full}").into() };
        made.push((copy_name, Arc::new(element.with_config(copy))));
    }
    if made.is_empty() || !router.entry_points.is_empty() {
        references::router(&mut router, provider);
        made.push((full, Arc::new(element.with_config(router))));
    }
    made
}

/// The model of an entry point, where it says anything.
fn model_of<'a>(entry_points: &'a [EntryPoint], name: &str) -> Option<&'a Model> {
    let entry_point = entry_points.iter().find(|entry_point| *entry_point.name == *name)?;
    (entry_point.model != Model::default()).then_some(&entry_point.model)
}

fn inherit(router: &mut Router, model: &Model) {
    router.middlewares.splice(0..0, model.middlewares.iter().cloned());
    if router.tls.is_none() {
        router.tls.clone_from(&model.tls);
    }
    if model.observability != Observability::default() {
        let own = router.observability.get_or_insert_default();
        own.access_logs = own.access_logs.or(model.observability.access_logs);
        own.metrics = own.metrics.or(model.observability.metrics);
        own.tracing = own.tracing.or(model.observability.tracing);
        own.trace_verbosity = own.trace_verbosity.or(model.observability.trace_verbosity);
    }
}

/// Children of a router that became several follow all of its copies.
pub(super) fn follow_parents(routers: &mut Map<Router>, memo: &Memo<Router>) {
    let is_split = |parent: &String| {
        memo.get(parent.as_str())
            .is_some_and(|made| !matches!(made.into.as_slice(), [(name, _)] if **name == **parent))
    };
    for element in routers.values_mut() {
        let Some(config) = &element.config else { continue };
        if !config.parent_refs.iter().any(is_split) {
            continue;
        }
        let mut child = config.clone();
        child.parent_refs = config
            .parent_refs
            .iter()
            .flat_map(|parent| match memo.get(parent.as_str()) {
                Some(made) => made.into.iter().map(|(name, _)| name.to_string()).collect(),
                None => vec![parent.clone()],
            })
            .collect();
        *element = Arc::new(element.with_config(child));
    }
}
