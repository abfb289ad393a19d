//! What the resolver found → the report.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;
use document::Problem;
use dynamic::Element;

use crate::context::DEFAULT_TRANSPORT;
use crate::http::Compiled;
use crate::layer4::Layer4;
use crate::report::{Entries, Entry, Placed, Report, ServiceEntry, Status, entries, place};
use crate::resolve::{Middlewares, Part, Resolver, Services, Transports, provider_of};

/// Routers by what they name.
type Users<'a> = AHashMap<Cow<'a, str>, Vec<Arc<str>>>;

pub(super) fn report(
    resolver: &Resolver<'_>,
    routers: &[Compiled],
    layer4: &Layer4,
    tls_problems: &[Problem],
) -> Report {
    let configuration = resolver.configuration;
    let (mut middleware_users, service_users) = users(resolver);
    let mut middlewares = parts::<Middlewares>(resolver);
    for (name, entry) in &mut middlewares {
        entry.users = middleware_users.remove(&**name).unwrap_or_default();
        warn(entry, name);
    }
    let mut report = Report {
        routers: routers.iter().map(router).collect(),
        services: services(resolver, service_users),
        middlewares,
        servers_transports: parts::<Transports>(resolver),
        tcp_routers: layer4.tcp_report(resolver),
        tcp_services: entries(&configuration.tcp.services, |_, _| Vec::new()),
        tcp_middlewares: entries(&configuration.tcp.middlewares, |_, _| Vec::new()),
        tcp_servers_transports: entries(&configuration.tcp.servers_transports, |_, _| Vec::new()),
        udp_routers: layer4.udp_report(resolver),
        udp_services: entries(&configuration.udp.services, |_, _| Vec::new()),
        tls_options: entries(&configuration.tls.options, |name, element| {
            let object = format!("TLS options `{name}`");
            let own = tls_problems.iter().filter(|problem| problem.object.as_ref() == Some(&object));
            own.map(|problem| place(problem.clone(), Placed::new(element, "TLS options", name))).collect()
        }),
        ..Report::default()
    };
    report.problems.clone_from(&configuration.problems);
    let elsewhere = |problem: &Problem| {
        let name = problem
            .object
            .as_deref()
            .and_then(|object| object.strip_prefix("TLS options `")?.strip_suffix('`'));
        name.is_none_or(|name| !configuration.tls.options.contains_key(name))
    };
    report.problems.extend(tls_problems.iter().filter(|problem| elsewhere(problem)).cloned());
    report.problems.extend(default_transport(resolver));
    report
}

fn router(compiled: &Compiled) -> (Arc<str>, Entry<dynamic::http::Router>) {
    let core = compiled.core.as_deref();
    let problems =
        core.into_iter().flat_map(|core| &core.problems).chain(&compiled.problems).cloned().collect();
    let mut entry = Entry::new(&compiled.element, problems);
    if let Some(core) = core {
        entry.users.clone_from(&core.entry_points);
        entry.users.sort_unstable();
        entry.priority = Some(core.priority);
    }
    (Arc::clone(&compiled.name), entry)
}

/// Adds what is hardly meant to a middleware that was built.
fn warn(entry: &mut Entry<middleware::Config>, name: &str) {
    let warnings = match &entry.element.config {
        Some(config) if entry.status != Status::Disabled => config.warnings(),
        _ => return,
    };
    let placed = Placed::new(&*entry.element, Middlewares::NOUN, name);
    entry.problems.extend(warnings.into_iter().map(|problem| place(problem, placed)));
    entry.status = Status::of(&entry.problems);
}

/// What was found while the parts of one kind were built.
fn parts<P: Part>(resolver: &Resolver<'_>) -> Entries<P::Config> {
    entries(P::map(resolver.configuration), |name, element| problem_of::<P>(resolver, name, element))
}

fn problem_of<P: Part>(resolver: &Resolver<'_>, name: &str, element: &Element<P::Config>) -> Vec<Problem> {
    let kept = resolver.known::<P>(name);
    let problem = kept.and_then(|kept| kept.outcome.as_ref().err().map(|problem| (**problem).clone()));
    problem.map(|problem| place(problem, Placed::new(element, P::NOUN, name))).into_iter().collect()
}

fn services(resolver: &Resolver<'_>, mut users: Users<'_>) -> BTreeMap<Arc<str>, ServiceEntry> {
    let mut used_by = |name: &Arc<str>| users.remove(&**name).unwrap_or_default();
    let written = resolver.configuration.http.services.iter();
    let mut shown: BTreeMap<_, _> = written
        .map(|(name, element)| (Arc::clone(name), service(resolver, name, element, used_by(name))))
        .collect();
    for (name, service) in &resolver.cx.services {
        let entry = ServiceEntry { entry: None, service: Some(Arc::clone(service)), used_by: used_by(name) };
        shown.insert(Arc::clone(name), entry);
    }
    shown
}

fn service(
    resolver: &Resolver<'_>,
    name: &str,
    element: &Arc<Element<service::Config>>,
    used_by: Vec<Arc<str>>,
) -> ServiceEntry {
    let mut problems = Vec::new();
    let placed = Placed::new(&**element, Services::NOUN, name);
    let kept = resolver.known::<Services>(name);
    let service = match kept.as_ref().map(|kept| &kept.outcome) {
        Some(Ok(built)) => Some(Arc::clone(&built.bare)),
        Some(Err(problem)) => {
            problems.push(place((**problem).clone(), placed));
            None
        }
        None => None,
    };
    let warnings = element.config.iter().flat_map(service::Config::warnings);
    problems.extend(warnings.map(|problem| place(problem, placed)));
    ServiceEntry { entry: Some(Entry::new(element, problems)), service, used_by }
}

/// Who names which middleware, who names which service.
fn users<'a>(resolver: &Resolver<'a>) -> (Users<'a>, Users<'a>) {
    let http = &resolver.configuration.http;
    let mut middlewares = Users::with_capacity(http.middlewares.len());
    let mut services = Users::with_capacity(http.services.len());
    for (router, element) in &resolver.configuration.http.routers {
        let Some(config) = &element.config else { continue };
        for middleware in config.middlewares.iter().filter(|name| !name.is_empty()) {
            let users = middlewares.entry(full(middleware, router)).or_default();
            // A middleware may be named twice.
            if users.last() != Some(router) {
                users.push(Arc::clone(router));
            }
        }
        if !config.service.is_empty() {
            // Mostly one.
            let users = services.entry(full(&config.service, router));
            users.or_insert_with(|| Vec::with_capacity(1)).push(Arc::clone(router));
        }
    }
    (middlewares, services)
}

fn full<'a>(name: &'a str, holder: &str) -> Cow<'a, str> {
    if name.contains('@') {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{name}@{}", provider_of(holder)))
    }
}

/// The install configuration's own transport has no entry.
fn default_transport(resolver: &Resolver<'_>) -> Option<Problem> {
    let kept = resolver.known::<Transports>(DEFAULT_TRANSPORT)?;
    let problem = (**kept.outcome.as_ref().err()?).clone();
    Some(problem.under("serversTransport"))
}
