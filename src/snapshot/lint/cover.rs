//! Routers that no request reaches, as far as the rules themselves tell.
//!
//! A rule is an `||` of cases, a case an `&&` of terms. A case is covered when a case that is asked before asks no
//! more than it does. What is not seen (cases covered by several others together, patterns) is no mistake: this
//! warns too little, never too much.

use std::sync::Arc;

use ahash::AHashMap;
use router::rule::Matcher;
use router::{HostPattern, HttpMatcher, Rule, Table};

use crate::Route;

/// A rule with more cases than this is not looked at.
const MOST_CASES: usize = 32;
/// So many cases of one host are compared with each other; a cap on quadratic work.
const MOST_PER_HOST: usize = 2_000;

/// Terms that must all hold, or not where the second is false.
type Case<'r> = Vec<(&'r HttpMatcher, bool)>;

/// Routes that are never asked, each with the one that takes the first of its cases.
pub(super) fn hidden(table: &Table<Arc<Route>>) -> Vec<(&Route, &Route)> {
    let mut before: AHashMap<String, Vec<(Case<'_>, &Route)>> = AHashMap::new();
    let mut found = Vec::new();
    for entry in table.iter() {
        let Some(cases) = cases(&entry.rule, true) else {
            continue;
        };
        let by = cases.iter().map(|case| taker(case, &before)).collect::<Option<Vec<&Route>>>();
        if let Some(by) = by.as_ref().and_then(|by| by.first()) {
            found.push((&*entry.value, *by));
        }
        for case in cases {
            let group =
                before.entry(host_of(&case).map_or_else(String::new, |host| host.as_str().to_owned()));
            let group = group.or_default();
            if group.len() < MOST_PER_HOST {
                group.push((case, &*entry.value));
            }
        }
    }
    found
}

/// Who is asked before and takes all that this case takes.
fn taker<'t>(case: &Case<'_>, before: &AHashMap<String, Vec<(Case<'_>, &'t Route)>>) -> Option<&'t Route> {
    let host = host_of(case);
    let mut keys = vec![String::new(), "*".to_owned()];
    if let Some(host) = host {
        keys.push(host.as_str().to_owned());
        if let (HostPattern::Exact(_), Some((_, parent))) = (host, host.as_str().split_once('.')) {
            keys.push(format!("*.{parent}"));
        }
    }
    let groups = keys.iter().filter_map(|key| before.get(key));
    groups.flatten().find(|(earlier, _)| covers(earlier, case)).map(|(_, route)| *route)
}

/// Does each term of `general` follow from one of `special`?
fn covers(general: &Case<'_>, special: &Case<'_>) -> bool {
    general.iter().all(|term| special.iter().any(|given| follows(*given, *term)))
}

/// Does `wanted` hold wherever `given` does?
fn follows((given, given_holds): (&HttpMatcher, bool), (wanted, wanted_holds): (&HttpMatcher, bool)) -> bool {
    if given_holds != wanted_holds || !given_holds {
        return given_holds == wanted_holds && given == wanted;
    }
    match (given, wanted) {
        (HttpMatcher::Host(HostPattern::Exact(name)), HttpMatcher::Host(pattern)) => pattern.matches(name),
        (HttpMatcher::Path(path) | HttpMatcher::PathPrefix(path), HttpMatcher::PathPrefix(prefix)) => {
            path.starts_with(&**prefix)
        }
        _ => given == wanted,
    }
}

fn host_of<'r>(case: &Case<'r>) -> Option<&'r HostPattern> {
    case.iter().filter(|(_, holds)| *holds).find_map(|(matcher, _)| matcher.host())
}

/// The cases in which the rule holds, or does not. `None`: too many.
fn cases(rule: &Rule<HttpMatcher>, holds: bool) -> Option<Vec<Case<'_>>> {
    match (rule, holds) {
        (Rule::Matcher(matcher), true) if matcher.is_always() => Some(vec![Vec::new()]),
        (Rule::Matcher(matcher), _) => Some(vec![vec![(matcher, holds)]]),
        (Rule::Not(rule), _) => cases(rule, !holds),
        (Rule::Or(rules), true) | (Rule::And(rules), false) => {
            let mut all = Vec::new();
            for rule in rules {
                all.extend(cases(rule, holds)?);
            }
            (all.len() <= MOST_CASES).then_some(all)
        }
        (Rule::And(rules), true) | (Rule::Or(rules), false) => {
            let mut all: Vec<Case<'_>> = vec![Vec::new()];
            for rule in rules {
                let own = cases(rule, holds)?;
                if all.len() * own.len() > MOST_CASES {
                    return None;
                }
                all = all
                    .iter()
                    .flat_map(|case| own.iter().map(|more| [case.as_slice(), more].concat()))
                    .collect();
            }
            Some(all)
        }
    }
}
