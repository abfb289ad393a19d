//! A rule as branches of which each binds, as far as it can, one host and one path: `Host(a) && (Path(x) || Path(y))` is
//! two. Negations are pushed down on the way (De Morgan).

use crate::host::HostPattern;
use crate::rule::{Matcher, PathKey, Rule};

/// One way for a rule to hold: at this host, below this path, when all tests do.
pub(super) struct Branch<'r, M> {
    pub(super) host: Option<&'r HostPattern>,
    pub(super) path: Place<'r>,
    pub(super) tests: Vec<Test<M>>,
}

/// Where in a host's tree a branch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place<'r> {
    Under(&'r str),
    At(&'r str),
}

/// What remains to be asked.
#[derive(Clone)]
pub(super) struct Test<M> {
    rule: Rule<M>,
    expected: bool,
}

/// A part of a rule, or its opposite.
#[derive(Clone)]
struct Term<'r, M> {
    rule: &'r Rule<M>,
    expected: bool,
}

/// Terms that must all hold.
type Terms<'r, M> = Vec<Term<'r, M>>;

/// An `&&` of disjunctions becomes at most this many branches; what would make more stays whole and is tested.
const MOST_BRANCHES: usize = 1024;

pub(super) fn branches<M: Matcher>(rule: &Rule<M>) -> impl Iterator<Item = Branch<'_, M>> {
    split(rule, true).into_iter().filter_map(branch)
}

fn split<M: Matcher>(rule: &Rule<M>, expected: bool) -> Vec<Terms<'_, M>> {
    match rule {
        Rule::Matcher(_) => vec![vec![Term { rule, expected }]],
        Rule::Not(inner) => split(inner, !expected),
        Rule::And(parts) if expected => product(parts, expected),
        Rule::Or(parts) if !expected => product(parts, expected),
        Rule::And(parts) | Rule::Or(parts) => parts.iter().flat_map(|part| split(part, expected)).collect(),
    }
}

fn product<M: Matcher>(parts: &[Rule<M>], expected: bool) -> Vec<Terms<'_, M>> {
    let mut product: Vec<Terms<'_, M>> = vec![Vec::new()];
    let mut choices = Vec::new();
    for rule in parts {
        let ways = split(rule, expected);
        match ways.as_slice() {
            [only] => product.iter_mut().for_each(|terms| terms.extend_from_slice(only)),
            // To part is of use only where each way leads to another place.
            _ if ways.iter().all(|terms| terms.iter().any(is_bound)) => choices.push((rule, ways)),
            _ => product.iter_mut().for_each(|terms| terms.push(Term { rule, expected })),
        }
    }
    // Hosts first: they part more.
    choices.sort_by_key(|(_, ways)| !ways.iter().all(|terms| terms.iter().any(|term| host(term).is_some())));
    for (rule, ways) in choices {
        let is_first = product.len() == 1;
        if is_first || product.len().saturating_mul(ways.len()) <= MOST_BRANCHES {
            product = product
                .iter()
                .flat_map(|terms| ways.iter().map(|way| terms.iter().chain(way).cloned().collect()))
                .collect();
        } else {
            product.iter_mut().for_each(|terms| terms.push(Term { rule, expected }));
        }
    }
    product
}

/// None if it can never hold.
fn branch<M: Matcher>(mut terms: Terms<'_, M>) -> Option<Branch<'_, M>> {
    let is_always = |term: &Term<'_, M>| matches!(term.rule, Rule::Matcher(matcher) if matcher.is_always());
    if terms.iter().any(|term| is_always(term) && !term.expected) {
        return None;
    }
    terms.retain(|term| !is_always(term));
    // One name is less than all names under another; one path is less than all that begin with it.
    let exact = |term: &Term<'_, M>| matches!(host(term), Some(HostPattern::Exact(_)));
    let chosen = terms.iter().position(exact).or_else(|| terms.iter().position(|term| host(term).is_some()));
    let host = chosen.and_then(|position| host(&terms.remove(position)));
    let path = take_path(&mut terms);
    let mut tests: Vec<_> =
        terms.into_iter().map(|term| Test { rule: term.rule.clone(), expected: term.expected }).collect();
    tests.sort_by_key(|test| cost(&test.rule));
    Some(Branch { host, path, tests })
}

/// The place of the terms; a term that says no more than that is taken out.
fn take_path<'r, M: Matcher>(terms: &mut Terms<'r, M>) -> Place<'r> {
    let rating = |term: &Term<'r, M>| match path(term) {
        PathKey::Exact(path) => (true, path.len()),
        PathKey::Prefix(path) | PathKey::Start(path) => (false, path.len()),
        PathKey::Free => (false, 0),
    };
    let Some(position) = (0..terms.len()).max_by_key(|position| terms.get(*position).map(rating)) else {
        return Place::Under("");
    };
    match terms.get(position).map_or(PathKey::Free, path) {
        PathKey::Free => Place::Under(""),
        PathKey::Start(start) => Place::Under(start),
        PathKey::Prefix(prefix) => {
            terms.remove(position);
            Place::Under(prefix)
        }
        PathKey::Exact(path) => {
            terms.remove(position);
            Place::At(path)
        }
    }
}

fn host<'r, M: Matcher>(term: &Term<'r, M>) -> Option<&'r HostPattern> {
    match term.rule {
        Rule::Matcher(matcher) if term.expected => matcher.host().filter(|host| **host != HostPattern::Any),
        _ => None,
    }
}

fn path<'r, M: Matcher>(term: &Term<'r, M>) -> PathKey<'r> {
    match term.rule {
        Rule::Matcher(matcher) if term.expected => matcher.path(),
        _ => PathKey::Free,
    }
}

fn is_bound<M: Matcher>(term: &Term<'_, M>) -> bool {
    host(term).is_some() || !matches!(path(term), PathKey::Free | PathKey::Start(""))
}

fn cost<M: Matcher>(rule: &Rule<M>) -> u32 {
    let mut cost = 0;
    rule.each(&mut |matcher| cost += u32::from(matcher.cost()));
    cost
}

// === impl Test ===

impl<M: Matcher> Test<M> {
    pub(super) fn holds(&self, view: &M::View<'_>) -> bool {
        self.rule.matches(view) == self.expected
    }
}
