//! The routers that were asked, and those that were not.

use std::collections::HashSet;
use std::sync::Arc;

use document::name::nearest;
use router::{Table, View, parse_http};
use serde::Serialize;

use crate::report::{Report, Status};
use crate::{EntryPoint, Route, Snapshot};

/// So many routers of other hosts are listed; of more only those whose host is nearly the right one.
const OTHER_HOSTS: usize = 20;

/// One router, and whether its rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    pub router: Arc<str>,
    pub rule: Arc<str>,
    pub priority: i64,
    /// Does the rule hold?
    pub matched: bool,
    /// The first term of the rule that was false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Why the router was not asked, whatever its rule says.
    #[serde(rename = "notAsked", skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
}

/// Where candidates are looked for.
pub(super) struct Scope<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) report: Option<&'a Report>,
    pub(super) entry_point: &'a EntryPoint,
    pub(super) name: &'a str,
    pub(super) secure: bool,
}

/// The candidates, and how many routers of other hosts are left out.
pub(super) fn list(scope: &Scope<'_>, view: &View<'_>) -> (Vec<Candidate>, usize) {
    let table = scope.entry_point.table(scope.secure);
    let (mut asked, omitted) = of_table(table, view);
    let mut seen: HashSet<Arc<str>> =
        table.iter().map(|entry| Arc::clone(&entry.value.name.router)).collect();
    elsewhere(scope, view, &mut seen, &mut asked);
    disabled(scope, view, &mut seen, &mut asked);
    (asked, omitted)
}

/// The routers of one table.
pub(super) fn of_table(table: &Table<Arc<Route>>, view: &View<'_>) -> (Vec<Candidate>, usize) {
    let mut asked = Vec::new();
    let mut omitted = 0;
    let show_all = table.len() <= OTHER_HOSTS;
    for entry in table.iter() {
        let failed = entry.rule.evaluate(view).err();
        let other_host = !show_all && failed.as_deref().is_some_and(|term| term.starts_with("Host("));
        let hosts = || entry.rule.hosts();
        if other_host && nearest(view.host, hosts()).is_none() {
            omitted += 1;
            continue;
        }
        asked.push(Candidate::new(&entry.value, failed));
    }
    (asked, omitted)
}

/// Routers that match, but not here: on the other side of TLS, or on another entry point.
fn elsewhere(scope: &Scope<'_>, view: &View<'_>, seen: &mut HashSet<Arc<str>>, found: &mut Vec<Candidate>) {
    let matching = |entry_point: &EntryPoint, secure: bool| -> Vec<Arc<Route>> {
        let entries = entry_point.table(secure).iter().filter(|entry| entry.rule.matches(view));
        entries.map(|entry| Arc::clone(&entry.value)).collect()
    };
    for route in matching(scope.entry_point, !scope.secure) {
        if seen.insert(Arc::clone(&route.name.router)) {
            let why =
                if scope.secure { "it is for connections without TLS" } else { "it is for TLS connections" };
            found.push(Candidate::not_asked(&route, why.to_owned()));
        }
    }
    let mut others: Vec<_> =
        scope.snapshot.entry_points.iter().filter(|(name, _)| &***name != scope.name).collect();
    others.sort_by_key(|(name, _)| Arc::clone(name));
    for (name, other) in others {
        for route in [false, true].into_iter().flat_map(|secure| matching(other, secure)) {
            if seen.insert(Arc::clone(&route.name.router)) {
                let why = format!("it is attached to the entry point `{name}`");
                found.push(Candidate::not_asked(&route, why));
            }
        }
    }
}

/// Routers that are in no table: those whose rule would hold, and those whose rule cannot be read.
fn disabled(scope: &Scope<'_>, view: &View<'_>, seen: &mut HashSet<Arc<str>>, found: &mut Vec<Candidate>) {
    let Some(report) = scope.report else { return };
    for (name, entry) in report.routers.iter().filter(|(_, entry)| entry.status == Status::Disabled) {
        let Some(config) = entry.element.config.as_ref().filter(|config| config.parent_refs.is_empty())
        else {
            continue;
        };
        // A rule that cannot be read may be of any host: whoever names this one in it is worth a look.
        let (matched, concerned) = match parse_http(&config.rule).map(|rule| rule.matches(view)) {
            Ok(matched) => (matched, matched),
            Err(_) => (false, !view.host.is_empty() && config.rule.contains(view.host)),
        };
        let problem = entry.problems.iter().find(|problem| problem.is_error());
        if concerned
            && !seen.contains(name)
            && let Some(problem) = problem
        {
            found.push(Candidate {
                router: Arc::clone(name),
                rule: config.rule.as_str().into(),
                priority: entry.priority.unwrap_or(0),
                matched,
                failed: None,
                not_asked: Some(format!("it is disabled: {}", problem.message)),
            });
        }
    }
}

// === impl Candidate ===

impl Candidate {
    fn new(route: &Route, failed: Option<String>) -> Self {
        Self {
            router: Arc::clone(&route.name.router),
            rule: Arc::clone(&route.text),
            priority: route.priority,
            matched: failed.is_none(),
            failed,
            not_asked: None,
        }
    }

    /// One whose rule holds.
    fn not_asked(route: &Route, why: String) -> Self {
        Self { not_asked: Some(why), ..Self::new(route, None) }
    }
}
