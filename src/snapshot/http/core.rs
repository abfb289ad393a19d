//! One router, apart from the entry points it is attached to: its rule, its steps, its service.

use std::sync::Arc;

use document::name::nearest;
use document::{Origin, Problem};
use dynamic::Element;
use dynamic::http::Router;
use exchange::record::RouteName;
use middleware::Step;
use router::{HttpMatcher, Rank, Rule, Table};
use service::Service;
use tls::Refused;

use super::layers;
use crate::report::{Placed, place, place_inside};
use crate::resolve::{Middlewares, Resolver, Services, first_error, provider_of};
use crate::{Disabled, Route};

/// The highest priority users may ask for; what is above belongs to the gateway itself.
pub(crate) const MAX_PRIORITY: i64 = i64::MAX - 1_000;

/// A router, as far as it goes.
pub(crate) struct Core {
    pub(crate) name: Arc<RouteName>,
    /// The rule as it was written.
    pub(crate) text: Arc<str>,
    /// `None`: it is in no table.
    pub(crate) rule: Option<Arc<Rule<HttpMatcher>>>,
    pub(crate) priority: i64,
    pub(crate) entry_points: Vec<Arc<str>>,
    /// Does it belong to other routers instead of to entry points?
    pub(crate) is_child: bool,
    /// The routers below it, of which its service is made.
    pub(crate) layer: Option<Arc<Table<Arc<Route>>>>,
    /// Of a router for TLS connections: the options it asks for.
    pub(crate) tls_options: Option<Arc<str>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) service: Arc<Service>,
    pub(crate) disabled: Option<Disabled>,
    pub(crate) problems: Vec<Problem>,
}

/// Gathers what is found about one router.
pub(super) struct Findings<'a> {
    placed: Placed<'a>,
    /// So many middlewares of the list come from the entry point.
    inherited: usize,
    /// Must it leave its table?
    pub(super) is_out: bool,
    problems: Vec<Problem>,
}

// === impl Core ===

impl Core {
    /// Never fails: what is wrong with the router disables it.
    pub(crate) fn build(
        config: &Router,
        name: &Arc<str>,
        element: &Element<Router>,
        resolver: &Resolver<'_>,
    ) -> Self {
        let mut found = Findings::new(config, name, element, resolver);
        let rule = found.rule(config, resolver);
        let priority = found.priority(config, name);
        let entry_points = found.entry_points(config, resolver);
        let children = layers::check(&mut found, config, name, resolver);
        let mut steps = found.steps(config, resolver);
        let layer = layers::build(&mut found, &children, resolver);
        let service = match &layer {
            Some(layer) => Some(layers::service(layer)),
            None if !children.is_empty() => None,
            None => found.service(config, resolver).map(|(service, own)| {
                steps.extend(own);
                service
            }),
        };
        found.tls(config, resolver);
        let Findings { problems, is_out, .. } = found;
        let disabled = disabled_by(&problems);
        if disabled.is_some() {
            steps.clear();
        }
        Self {
            name: resolver.route_name(name, config),
            text: config.rule.as_str().into(),
            rule: rule.filter(|_| !is_out),
            priority,
            entry_points,
            is_child: !config.parent_refs.is_empty(),
            layer: layer.filter(|_| disabled.is_none()),
            tls_options: wanted_options(config),
            steps: steps.into_iter().map(|step| step.for_router(name)).collect(),
            service: service
                .filter(|_| disabled.is_none())
                .unwrap_or_else(|| Arc::clone(&resolver.cx.disabled)),
            disabled,
            problems,
        }
    }

    /// Of a router that could not be read or built: what there is of it, answering 503.
    pub(crate) fn disabled(
        config: &Router,
        name: &Arc<str>,
        element: &Element<Router>,
        resolver: &Resolver<'_>,
        problem: Problem,
    ) -> Self {
        let mut found = Findings::new(config, name, element, resolver);
        let rule = if config.rule.is_empty() { None } else { found.rule(config, resolver) };
        let priority = found.priority(config, name);
        let entry_points = found.entry_points(config, resolver);
        // What it refers to is looked at as well, unless that is where it broke.
        if first_error(&element.problems).is_some() {
            found.steps(config, resolver);
            if !config.service.is_empty() {
                found.service(config, resolver);
            }
            found.tls(config, resolver);
        }
        found.problems.insert(0, place(problem, found.placed));
        Self {
            name: resolver.route_name(name, config),
            text: config.rule.as_str().into(),
            rule: rule.filter(|_| !found.is_out),
            priority,
            entry_points,
            is_child: !config.parent_refs.is_empty(),
            layer: None,
            tls_options: wanted_options(config),
            steps: Vec::new(),
            service: Arc::clone(&resolver.cx.disabled),
            disabled: disabled_by(&found.problems),
            problems: found.problems,
        }
    }

    /// Does this build still say what a new one would, given that what it refers to is the same?
    pub(crate) fn is_still(&self, name: &str, resolver: &Resolver<'_>) -> bool {
        let options =
            self.tls_options.as_ref().is_none_or(|o| resolver.certificates.check_options(o).is_ok());
        self.problems.is_empty() && options && self.layer.is_none() && resolver.children_of(name).is_empty()
    }
}

fn wanted_options(config: &Router) -> Option<Arc<str>> {
    let tls = config.tls.as_ref()?;
    Some(if tls.options.is_empty() { tls::config::DEFAULT.into() } else { tls.options.as_str().into() })
}

/// What there is to say of a rule's language that is not ours.
// Traefik: still reads its older language, and everything else as `v3`.
pub(crate) fn other_language(name: &str) -> Option<Problem> {
    match name {
        "" | "v3" => None,
        "v2" => Some(
            Problem::field("ruleSyntax", "the rule language `v2` is not supported")
                .with_code("unsupported_option")
                .hint("write the rule in the language `v3`: one value for each matcher, joined by `||`"),
        ),
        other => {
            let message = format!("there is no rule language `{other}`: the rule is read as `v3`");
            Some(Problem::warning("unknown_rule_syntax", message).with_path("ruleSyntax"))
        }
    }
}

/// Of a middleware that the entry point puts before those of every router: the router's own lines are not to blame.
fn of_entry_point(problem: Problem, config: &Router, index: usize) -> Problem {
    let name = config.entry_points.first().map_or("", String::as_str);
    let origin = Origin::Object(format!("the entry point `{name}`"));
    problem.at(origin).with_path(format!("http.middlewares[{index}]"))
}

fn disabled_by(problems: &[Problem]) -> Option<Disabled> {
    problems.iter().find(|problem| problem.is_error()).map(|problem| problem.message.as_str().into())
}

// === impl Findings ===

impl<'a> Findings<'a> {
    fn new(config: &Router, name: &'a str, element: &'a Element<Router>, resolver: &Resolver<'_>) -> Self {
        // The merge makes a copy of the router for each entry point that puts middlewares before the router's own.
        let model = match config.entry_points.as_slice() {
            [only] => resolver.cx.entry_points.iter().find(|entry_point| *entry_point.name == **only),
            _ => None,
        };
        let inherited = model.map_or(0, |entry_point| entry_point.model.middlewares.len());
        let placed = Placed::new(element, "router", name);
        Self { placed, inherited, is_out: false, problems: Vec::new() }
    }

    pub(super) fn note(&mut self, problem: Problem) {
        self.problems.push(place(problem, self.placed));
    }

    fn rule(&mut self, config: &Router, resolver: &Resolver<'_>) -> Option<Arc<Rule<HttpMatcher>>> {
        if let Some(problem) = other_language(&config.rule_syntax) {
            let is_fatal = problem.is_error();
            self.note(problem);
            if is_fatal {
                return None;
            }
        }
        let error = match resolver.rule(self.placed.name, &config.rule) {
            Ok(rule) => return Some(rule),
            Err(error) => error,
        };
        let mut problem = Problem::error("rule_syntax", &error.message).with_path("rule");
        problem.hint = error.hint;
        let problem = place_inside(problem, self.placed, error.column.saturating_sub(1), error.width);
        self.problems.push(problem);
        None
    }

    fn priority(&mut self, config: &Router, name: &str) -> i64 {
        let priority = Rank::http(config.priority, &config.rule, 0).priority;
        if priority > MAX_PRIORITY && provider_of(name) != "internal" && config.parent_refs.is_empty() {
            self.is_out = true;
            let message =
                format!("the priority {priority} is higher than the highest allowed, {MAX_PRIORITY}");
            self.note(Problem::error("priority_too_high", message).with_path("priority"));
        }
        priority
    }

    /// The ones that exist.
    fn entry_points(&mut self, config: &Router, resolver: &Resolver<'_>) -> Vec<Arc<str>> {
        let mut known: Vec<Arc<str>> = Vec::new();
        for (index, name) in config.entry_points.iter().enumerate() {
            if known.iter().any(|other| **other == **name) {
                continue;
            }
            if let Some(name) = resolver.cx.entry_point(name) {
                known.push(Arc::clone(name));
                continue;
            }
            let names = resolver.cx.entry_points.iter().filter(|ep| !ep.is_udp).map(|ep| &*ep.name);
            let problem =
                Problem::warning("unknown_entry_point", format_args!("there is no entry point `{name}`"))
                    .with_path(format!("entryPoints[{index}]"))
                    .did_you_mean(nearest(name, names));
            self.note(problem);
        }
        known.shrink_to_fit();
        if known.is_empty() && config.parent_refs.is_empty() {
            self.is_out = true;
            let message = "no entry point is left that the router could be attached to";
            self.note(Problem::error("no_entry_point", message).with_path("entryPoints"));
        }
        known
    }

    fn steps(&mut self, config: &Router, resolver: &Resolver<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        let named = config.middlewares.iter().enumerate().filter(|(_, name)| !name.is_empty());
        for (index, name) in named {
            match resolver.obtain::<Middlewares>(&resolver.qualify(name)) {
                Ok(own) => steps.extend(own),
                Err(problem) => self.note(match index.checked_sub(self.inherited) {
                    Some(own) => problem.with_path(format!("middlewares[{own}]")),
                    None => of_entry_point(problem, config, index),
                }),
            }
        }
        steps
    }

    fn service(&mut self, config: &Router, resolver: &Resolver<'_>) -> Option<(Arc<Service>, Vec<Step>)> {
        if config.service.is_empty() {
            self.note(Problem::error("no_service", "the router names no service").with_path("service"));
            return None;
        }
        match resolver.obtain::<Services>(&resolver.qualify(&config.service)) {
            Ok(built) => Some((built.bare, built.steps.to_vec())),
            Err(problem) => {
                self.note(problem.with_path("service"));
                None
            }
        }
    }

    fn tls(&mut self, config: &Router, resolver: &Resolver<'_>) {
        let Some(tls) = &config.tls else { return };
        if !tls.cert_resolver.is_empty() {
            let message = format!(
                "the certificate resolver `{}` is not available: the certificates at hand are used",
                tls.cert_resolver
            );
            self.note(Problem::warning("unsupported_option", message).with_path("tls.certResolver"));
        }
        let Some(name) = wanted_options(config) else {
            return;
        };
        let problem = match resolver.certificates.check_options(&name) {
            Ok(()) => return,
            Err(Refused::Unknown) => {
                let known = resolver.configuration.tls.options.keys().map(|known| &**known);
                let message = format!("there are no TLS options `{name}`");
                Problem::error("unknown_reference", message).did_you_mean(nearest(&name, known))
            }
            Err(Refused::Broken(why)) => {
                Problem::error("broken_reference", format_args!("the TLS options `{name}` are broken: {why}"))
            }
        };
        self.note(problem.with_path("tls.options"));
    }
}
