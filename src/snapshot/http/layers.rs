//! Routers under routers: a parent's middlewares run first, then its children's rules are asked.
//! Traefik, "Multi-layer routing".

use std::sync::Arc;

use document::Problem;
use dynamic::http::Router;
use exchange::{Answer, Error, Handler, Kind, Request};
use router::Table;
use service::Service;

use super::core::{Core, Findings};
use super::{order, tables};
use crate::resolve::{Resolver, Routers};
use crate::{Route, find};

/// What a parent leads to.
struct Layer {
    table: Arc<Table<Arc<Route>>>,
}

/// Checks what only parents and children can do wrong. The names of the router's children.
pub(super) fn check(
    found: &mut Findings<'_>,
    config: &Router,
    name: &str,
    resolver: &Resolver<'_>,
) -> Vec<Arc<str>> {
    let children = resolver.children_of(name).to_vec();
    if !config.parent_refs.is_empty() {
        check_child(found, config, name, resolver);
    }
    if !children.is_empty() && !config.service.is_empty() {
        let message = "a router has a service or children, not both";
        found.note(Problem::error("service_and_children", message).with_path("service"));
    }
    children
}

fn check_child(found: &mut Findings<'_>, config: &Router, name: &str, resolver: &Resolver<'_>) {
    let own = [
        ("entryPoints", !config.entry_points.is_empty()),
        ("tls", config.tls.is_some()),
        ("observability", config.observability.is_some()),
    ];
    for (key, _) in own.iter().filter(|(_, is_written)| *is_written) {
        found.is_out = true;
        let message = format!("a router with `parentRefs` cannot have `{key}`: its parent's counts");
        found.note(Problem::error("child_router", message).with_path(*key));
    }
    for (index, parent) in config.parent_refs.iter().enumerate() {
        if !resolver.configuration.http.routers.contains_key(parent.as_str()) {
            found.is_out = true;
            let message = format!("there is no router `{parent}`");
            let path = format!("parentRefs[{index}]");
            found.note(Problem::error("unknown_reference", message).with_path(path));
        }
    }
    if !found.is_out && !resolver.is_reachable(name) {
        found.is_out = true;
        let message = "its parents lead back to itself: no request can reach it";
        found.note(Problem::error("unreachable_router", message).with_path("parentRefs"));
    }
}

/// The service that asks the children.
pub(super) fn service(table: &Arc<Table<Arc<Route>>>) -> Arc<Service> {
    Arc::new(Service::handler(Arc::new(Layer { table: Arc::clone(table) })))
}

/// The table of a router's children.
pub(super) fn build(
    found: &mut Findings<'_>,
    children: &[Arc<str>],
    resolver: &Resolver<'_>,
) -> Option<Arc<Table<Arc<Route>>>> {
    let mut routes: Vec<(order::Key, Arc<Core>, Arc<Route>)> = Vec::new();
    for name in children {
        let Some(element) = resolver.configuration.http.routers.get(name) else { continue };
        let core = match resolver.obtain::<Routers>(name) {
            Ok(core) => Some(core),
            Err(problem) if problem.code == "reference_loop" => {
                found.note(Problem::warning("reference_loop", &problem.message));
                None
            }
            Err(problem) => super::fallback(name, element, resolver, problem).map(Arc::new),
        };
        if let Some(core) = core.filter(|core| core.rule.is_some()) {
            let route = Arc::new(Route::new(&core, None, &element.source));
            routes.push((order::Key::new(name, &core, element, resolver.cx), core, route));
        }
    }
    if routes.is_empty() {
        if !children.is_empty() {
            found.note(Problem::error("no_children", "none of the routers below this one can be used"));
        }
        return None;
    }
    routes.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let entries = tables::entries(routes.iter().map(|(_, core, route)| (&**core, Arc::clone(route))));
    Some(Arc::new(Table::build(entries)))
}

// === impl Layer ===

impl Handler for Layer {
    fn handle(&self, req: Request) -> Answer<'_> {
        Box::pin(async move {
            match find(&self.table, &req) {
                Ok(Some(route)) => route.serve(req).await,
                Ok(None) => Error::internal(Kind::NoRouter).into_response(),
                Err(_) => Error::downstream(Kind::Malformed).into_response(),
            }
        })
    }
}
