//! What is allowed, kept for the sake of Traefik's configurations, and seldom meant: warnings of `check`.
//!
//! - `cover` routers that are never asked, since others that are asked before take all they would match

mod cover;

use std::collections::BTreeMap;
use std::sync::Arc;

use document::Problem;
use dynamic::Configuration;
use router::rule::{Matcher, PathKey};
use router::{HttpMatcher, Rule, Table, parse_http};

use crate::report::{Placed, place, place_inside};
use crate::resolve::provider_of;
use crate::{Route, Snapshot};

/// Warnings about a configuration and what was compiled from it.
#[must_use]
pub fn lint(configuration: &Configuration, snapshot: &Snapshot) -> Vec<Problem> {
    let mut found = Found { configuration, problems: Vec::new() };
    for (name, element) in &configuration.http.routers {
        if let Some(config) = &element.config
            && let Ok(rule) = parse_http(&config.rule)
        {
            rule.each(&mut |matcher| found.matcher(name, matcher));
        }
    }
    let mut entry_points: Vec<_> = snapshot.entry_points.iter().collect();
    entry_points.sort_by_key(|(name, _)| Arc::clone(name));
    for table in entry_points.iter().flat_map(|(_, ep)| [&ep.http, &ep.https]) {
        for (hidden, by) in cover::hidden(table) {
            found.hidden(hidden, by);
        }
        found.prefixes(table);
    }
    found.servers();
    found.problems
}

struct Found<'a> {
    configuration: &'a Configuration,
    problems: Vec<Problem>,
}

// === impl Found ===

impl Found<'_> {
    /// Notes a warning about a router's rule, at the term that it is about.
    fn at_rule(&mut self, router: &str, term: Option<&str>, problem: Problem) {
        let Some(element) = self.configuration.http.routers.get(router) else {
            return;
        };
        let placed = Placed::new(element, "router", router);
        let problem = problem.with_path("rule");
        let text = element.config.as_ref().map_or("", |config| &config.rule);
        let start = term.and_then(|term| text.find(term)).and_then(|start| text.get(..start));
        let problem = match (start, term) {
            (Some(before), Some(term)) => {
                place_inside(problem, placed, before.chars().count(), term.chars().count())
            }
            _ => place(problem, placed),
        };
        self.note(problem);
    }

    /// A router of several entry points is one object to its author.
    fn note(&mut self, problem: Problem) {
        let is_same = |other: &Problem| {
            other.code == problem.code && other.origin == problem.origin && other.message == problem.message
        };
        if problem.origin.is_none() || !self.problems.iter().any(is_same) {
            self.problems.push(problem);
        }
    }

    fn matcher(&mut self, router: &str, matcher: &HttpMatcher) {
        let term = matcher.to_string();
        match matcher {
            HttpMatcher::Query(key, None) | HttpMatcher::QueryRegexp(key, None) => {
                let message = format!("`{term}` holds for `?{key}` only, not for `?{key}=1`");
                let problem = Problem::warning("query_without_value", message)
                    .hint(format!("for any value, write QueryRegexp(`{key}`, `.*`)"));
                self.at_rule(router, Some(&term), problem);
            }
            HttpMatcher::HostRegexp(_)
            | HttpMatcher::Path(_)
            | HttpMatcher::PathPrefix(_)
            | HttpMatcher::PathRegexp(_)
                if is_template(&term) =>
            {
                let message = format!(
                    "`{term}` is no template: braces mean what they mean in a pattern or a plain text"
                );
                let problem = Problem::warning("template_in_rule", message)
                    .hint("templates such as `{id:[0-9]+}` are of Traefik's rule language `v2`; use PathRegexp or HostRegexp");
                self.at_rule(router, Some(&term), problem);
            }
            _ => {}
        }
    }

    fn hidden(&mut self, hidden: &Route, by: &Route) {
        // What the gateway puts before everything, such as the redirection of an entry point, is meant.
        if provider_of(&by.name.router) == "internal" || provider_of(&hidden.name.router) == "internal" {
            return;
        }
        let message = format!(
            "it is never asked: `{}` with the rule `{}` goes before it (priority {} over {}) and takes all its requests",
            by.name.router, by.text, by.priority, hidden.priority
        );
        let problem = Problem::warning("hidden_router", message)
            .hint("without a `priority` the longer rule goes first; give this router a higher one");
        self.at_rule(&hidden.name.router, None, problem);
    }

    /// A `PathPrefix` that ends in the middle of a segment of somebody else's path.
    fn prefixes(&mut self, table: &Table<Arc<Route>>) {
        let mut prefixes: Vec<(&str, &Rule<HttpMatcher>, &Route)> = Vec::new();
        let mut paths: BTreeMap<&str, Vec<(&Rule<HttpMatcher>, &Route)>> = BTreeMap::new();
        for entry in table.iter().filter(|entry| provider_of(&entry.value.name.router) != "internal") {
            entry.rule.each(&mut |matcher| match matcher.path() {
                PathKey::Prefix(prefix) => {
                    paths.entry(prefix).or_default().push((&entry.rule, &entry.value));
                    if !prefix.ends_with('/') {
                        prefixes.push((prefix, &entry.rule, &entry.value));
                    }
                }
                PathKey::Exact(path) => paths.entry(path).or_default().push((&entry.rule, &entry.value)),
                PathKey::Free | PathKey::Start(_) => {}
            });
        }
        for (prefix, rule, route) in prefixes {
            let meant = paths
                .range(prefix..)
                .take_while(|(path, _)| path.starts_with(prefix))
                .filter(|(path, _)| {
                    path.get(prefix.len()..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
                })
                .find_map(|(path, others)| {
                    let other = others.iter().find(|(other, owner)| {
                        owner.name.router != route.name.router && share_a_host(rule, other)
                    });
                    other.map(|(_, other)| (*path, *other))
                });
            if let Some((path, other)) = meant {
                let term = format!("PathPrefix(`{prefix}`)");
                let message = format!("`{term}` matches `{path}` too, the path of `{}`", other.name.router);
                let problem = Problem::warning("prefix_of_other_path", message)
                    .hint(format!("to end at a segment, write Path(`{prefix}`) || PathPrefix(`{prefix}/`)"));
                self.at_rule(&route.name.router, Some(&term), problem);
            }
        }
    }

    fn servers(&mut self) {
        for (name, element) in &self.configuration.http.services {
            let config = element.config.as_ref().and_then(|config| config.load_balancer.as_ref());
            for (index, server) in config.iter().flat_map(|config| &config.servers).enumerate() {
                let path = path_of(&server.url);
                // An `@` belongs to a broken user information, which is not to be shown.
                if server.preserve_path || path.is_empty() || path == "/" || path.contains('@') {
                    continue;
                }
                let message = format!("the path `{path}` of the server's URL has no effect");
                let problem = Problem::warning("server_path_ignored", message)
                    .with_path(format!("loadBalancer.servers[{index}].url"))
                    .hint("to put it before the request's path, write `preservePath: true`");
                let problem = place(problem, Placed::new(element, "service", name));
                self.note(problem);
            }
        }
    }
}

/// Do both rules hold for a common host, as far as they name any?
fn share_a_host(one: &Rule<HttpMatcher>, other: &Rule<HttpMatcher>) -> bool {
    let (one, other) = (one.hosts(), other.hosts());
    one.is_empty()
        || other.is_empty()
        || one.iter().any(|host| *host == "*" || other.contains(host))
        || other.contains(&"*")
}

/// Is there a `{name}` or `{name:…}` in it? `{2,3}` and `{2}` are repetitions.
fn is_template(term: &str) -> bool {
    term.split('{').skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let start = after_scheme.find('/').unwrap_or(after_scheme.len());
    let path = after_scheme.get(start..).unwrap_or_default();
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
