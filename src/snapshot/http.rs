//! Routers → the HTTP tables of each entry point.

pub(crate) mod core;
pub(crate) mod family;

mod layers;
mod order;
mod salvage;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ahash::AHashMap;
use document::Problem;
use dynamic::Element;
use dynamic::http::Router;
use router::Table;

use self::core::Core;
use crate::report::{Placed, place};
use crate::resolve::{Resolver, Routers};
use crate::reuse::{Parts, Remembered, Stamp};
use crate::sni::{self, Granted, SniOptions, Wanted};
use crate::{EntryPoint, Route};

/// One router on its way into tables.
pub(crate) struct Compiled {
    pub(crate) name: Arc<str>,
    pub(crate) element: Arc<Element<Router>>,
    /// `None`: not even its rule is known.
    pub(crate) core: Option<Arc<Core>>,
    stamp: Stamp,
    /// What was found only when it was put beside the others.
    pub(crate) problems: Vec<Problem>,
    /// One for each set of TLS options it is served with.
    routes: Vec<Arc<Route>>,
}

/// The HTTP half of one entry point.
pub(crate) struct Tables {
    pub(crate) http: Arc<Table<Arc<Route>>>,
    pub(crate) https: Arc<Table<Arc<Route>>>,
    pub(crate) sni_options: SniOptions,
}

/// All routers, each as far as it goes, in the order they are asked.
pub(crate) fn routers(resolver: &Resolver<'_>) -> Vec<Compiled> {
    let mut compiled: Vec<(order::Key, Compiled)> = Vec::new();
    let mut unknown: Vec<Compiled> = Vec::new();
    for (name, element) in &resolver.configuration.http.routers {
        let mut lost = None;
        let core = match resolver.obtain::<Routers>(name) {
            Ok(core) => Some(core),
            Err(problem) => {
                let core = fallback(name, element, resolver, problem.clone()).map(Arc::new);
                lost = core.is_none().then_some(problem);
                core
            }
        };
        let stamp = resolver.known::<Routers>(name).map_or(Stamp::NONE, |kept| kept.stamp);
        let mut one = Compiled {
            name: Arc::clone(name),
            element: Arc::clone(element),
            core,
            stamp,
            problems: Vec::new(),
            routes: Vec::new(),
        };
        if let Some(problem) = lost {
            one.note(problem);
        }
        match &one.core {
            Some(core) => {
                compiled.push((order::Key::new(name, core, element, resolver.cx), one));
            }
            None => unknown.push(one),
        }
    }
    compiled.sort_by(|(one, _), (other, _)| one.cmp(other));
    compiled.into_iter().map(|(_, one)| one).chain(unknown).collect()
}

/// A router that could not be read or built, as far as its rule and entry points are known.
fn fallback(
    name: &Arc<str>,
    element: &Element<Router>,
    resolver: &Resolver<'_>,
    problem: Problem,
) -> Option<Core> {
    let salvaged =
        if element.config.is_some() { None } else { salvage::router(&element.source, resolver.cx) };
    let config = element.config.as_ref().or(salvaged.as_ref())?;
    // It was told as one would whose service this is; what is wrong itself is remembered.
    let kept = resolver.known::<Routers>(name);
    let problem =
        kept.and_then(|kept| kept.outcome.as_ref().err().map(|own| (**own).clone())).unwrap_or(problem);
    // It may be the rule itself that makes building the router panic.
    catch_unwind(AssertUnwindSafe(|| Core::disabled(config, name, element, resolver, problem))).ok()
}

/// The tables of one entry point. `routers` are in the order they are asked, `known` are the tables there are
/// already: those of the last snapshot, and of the entry points before this one.
pub(crate) fn tables(
    name: &Arc<str>,
    routers: &mut [Compiled],
    resolver: &Resolver<'_>,
    known: &mut Vec<Arc<Table<Arc<Route>>>>,
) -> Tables {
    let attached: Vec<usize> = routers
        .iter()
        .enumerate()
        .filter(|(_, router)| router.core.as_deref().is_some_and(|core| belongs(core, name)))
        .map(|(index, _)| index)
        .collect();
    let secure: Vec<usize> = attached.iter().copied().filter(|&index| is_for_tls(routers, index)).collect();
    let plain: Vec<usize> = attached.into_iter().filter(|&index| !is_for_tls(routers, index)).collect();
    let wanted: Vec<Wanted> =
        secure.iter().filter_map(|&index| wanted(routers.get(index)?, resolver)).collect();
    let (sni_options, granted) = sni::grant(&wanted);
    let mut https = Vec::with_capacity(secure.len());
    for ((index, wanted), granted) in secure.into_iter().zip(&wanted).zip(&granted) {
        let Some(router) = routers.get_mut(index) else {
            continue;
        };
        router.warn(name, wanted, granted);
        if let Some(route) = router.route(Some(sni::effective(wanted, granted)), resolver.previous) {
            https.push((index, route));
        }
    }
    let mut http = Vec::with_capacity(plain.len());
    for index in plain {
        let route = routers.get_mut(index).and_then(|router| router.route(None, resolver.previous));
        http.extend(route.map(|route| (index, route)));
    }
    Tables { http: table(routers, &http, known), https: table(routers, &https, known), sni_options }
}

fn belongs(core: &Core, entry_point: &str) -> bool {
    !core.is_child && core.rule.is_some() && core.entry_points.iter().any(|name| **name == *entry_point)
}

fn is_for_tls(routers: &[Compiled], index: usize) -> bool {
    routers.get(index).and_then(|router| router.core.as_ref()).is_some_and(|core| core.tls_options.is_some())
}

fn wanted(router: &Compiled, resolver: &Resolver<'_>) -> Option<Wanted> {
    let core = router.core.as_ref()?;
    let options = Arc::clone(core.tls_options.as_ref()?);
    Some(Wanted {
        hosts: core.rule.iter().flat_map(|rule| rule.hosts()).map(Into::into).collect(),
        is_refused: resolver.certificates.check_options(&options).is_err(),
        options,
    })
}

/// A known table, if it was made of the very same routes in the same order; or a new one.
fn table(
    routers: &mut [Compiled],
    routes: &[(usize, Arc<Route>)],
    known: &mut Vec<Arc<Table<Arc<Route>>>>,
) -> Arc<Table<Arc<Route>>> {
    let is_same = |table: &&Arc<Table<Arc<Route>>>| {
        let pairs = || table.iter().zip(routes).all(|(entry, (_, route))| Arc::ptr_eq(&entry.value, route));
        table.len() == routes.len() && pairs()
    };
    if let Some(table) = known.iter().find(is_same) {
        return Arc::clone(table);
    }
    let entries = || {
        let cores = routes.iter().filter_map(|(index, route)| {
            let core = routers.get(*index)?.core.as_deref()?;
            Some((core, Arc::clone(route)))
        });
        tables::entries(cores)
    };
    let (table, left_out) = tables::build(&entries);
    for route in left_out {
        if let Some((index, _)) = routes.iter().find(|(_, other)| Arc::ptr_eq(other, &route))
            && let Some(router) = routers.get_mut(*index)
        {
            let problem =
                Problem::error("internal_panic", "its rule cannot be served, from a mistake of ours");
            router.note(problem.with_path("rule"));
        }
    }
    let table = Arc::new(table);
    known.push(Arc::clone(&table));
    table
}

// === impl Compiled ===

impl Compiled {
    fn note(&mut self, problem: Problem) {
        let problem = place(problem, Placed::new(&self.element, "router", &self.name));
        self.problems.push(problem);
    }

    fn warn(&mut self, entry_point: &str, wanted: &Wanted, granted: &Granted) {
        let message = match granted {
            Granted::AsWanted => return,
            Granted::Hostless => format!(
                "its rule names no host that a handshake could be recognised by: the default TLS options are used \
                 instead of `{}`",
                wanted.options
            ),
            Granted::Conflict(host) => format!(
                "the host `{host}` is wanted with different TLS options on the entry point `{entry_point}`: the \
                 default ones are used",
            ),
        };
        self.note(Problem::warning("tls_options_conflict", message).with_path("tls.options"));
    }

    /// The route with these TLS options; the last snapshot's if nothing has changed.
    fn route(&mut self, tls_options: Option<Arc<str>>, previous: Option<&Parts>) -> Option<Arc<Route>> {
        let core = self.core.as_ref()?;
        if let Some(route) = self.routes.iter().find(|route| route.tls_options == tls_options) {
            return Some(Arc::clone(route));
        }
        let kept = previous
            .and_then(|previous| previous.remembered.get(&self.name))
            .filter(|before| before.stamp == self.stamp && self.stamp != Stamp::NONE)
            .and_then(|before| before.routes.iter().find(|route| route.tls_options == tls_options));
        let route = match kept {
            Some(route) => Arc::clone(route),
            None => Arc::new(Route::new(core, tls_options, &self.element.source)),
        };
        self.routes.push(Arc::clone(&route));
        Some(route)
    }
}

/// What the next compile may take over.
pub(crate) fn remember(
    parts: &mut Parts,
    routers: Vec<Compiled>,
    entry_points: &AHashMap<Arc<str>, Arc<EntryPoint>>,
) {
    let remembered = routers.into_iter().filter_map(|router| {
        let Compiled { name, core, stamp, routes, .. } = router;
        Some((name, Remembered { core: core?, stamp, routes }))
    });
    parts.remembered = remembered.collect();
    parts.entry_points = entry_points.clone();
}
