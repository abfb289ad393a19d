//! Routes → tables, with what is left of the last ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use router::{Entry, HttpMatcher, Rank, Table};

use super::core::Core;
use crate::Route;

/// Entries in the order the routes are given in.
pub(super) fn entries<'a>(
    routes: impl Iterator<Item = (&'a Core, Arc<Route>)>,
) -> Vec<Entry<HttpMatcher, Arc<Route>>> {
    let with_rule = routes.filter_map(|(core, route)| Some((core.rule.as_deref()?.clone(), route)));
    with_rule
        .zip(0..)
        .map(|((rule, route), tie)| Entry { rule, rank: Rank::new(route.priority, tie), value: route })
        .collect()
}

/// The table of these entries. Whatever entry makes building it panic is left out, and given back.
pub(super) fn build(
    entries: &dyn Fn() -> Vec<Entry<HttpMatcher, Arc<Route>>>,
) -> (Table<Arc<Route>>, Vec<Arc<Route>>) {
    let attempt = |entries: Vec<Entry<HttpMatcher, Arc<Route>>>| {
        catch_unwind(AssertUnwindSafe(|| Table::build(entries))).ok()
    };
    if let Some(table) = attempt(entries()) {
        return (table, Vec::new());
    }
    let (sound, unsound): (Vec<_>, Vec<_>) =
        entries().into_iter().partition(|entry| attempt(vec![entry.clone()]).is_some());
    let left_out = unsound.into_iter().map(|entry| entry.value).collect();
    (attempt(sound).unwrap_or_else(|| Table::build(Vec::new())), left_out)
}
