//! What the resolver found → the report.

use std::collections::BTreeMap;
use std::sync::Arc;

use document::Problem;
use dynamic::Element;

use crate::context::DEFAULT_TRANSPORT;
use crate::http::Compiled;
use crate::layer4::Layer4;
use crate::report::{Entries, Entry, Placed, Report, ServiceEntry, entries, place};
use crate::resolve::{Middlewares, Part, Resolver, Services, Transports};

/// Routers by what they name.
type Users = BTreeMap<Arc<str>, Vec<Arc<str>>>;

pub(super) fn report(
    resolver: &Resolver<'_>,
    routers: &[Compiled],
    layer4: &Layer4,
    tls_problems: Vec<Problem>,
) -> Report {
    let configuration = resolver.configuration;
    let (middleware_users, service_users) = users(resolver);
    let mut middlewares = parts::<Middlewares>(resolver);
    for (name, entry) in &mut middlewares {
        entry.users = middleware_users.get(name).cloned().unwrap_or_default();
    }
    let mut report = Report {
        routers: routers.iter().map(router).collect(),
        services: services(resolver, &service_users),
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
            let own = tls_problems
                .iter()
                .filter(|problem| problem.object.as_ref() == Some(&object));
            own.map(|problem| place(problem.clone(), Placed::new(element, "TLS options", name)))
                .collect()
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
    report
        .problems
        .extend(tls_problems.iter().filter(|problem| elsewhere(problem)).cloned());
    report.problems.extend(default_transport(resolver));
    report
}

fn router(compiled: &Compiled) -> (Arc<str>, Entry<dynamic::http::Router>) {
    let core = compiled.core.as_deref();
    let problems = core
        .into_iter()
        .flat_map(|core| &core.problems)
        .chain(&compiled.problems)
        .cloned()
        .collect();
    let mut entry = Entry::new(&compiled.element, problems);
    if let Some(core) = core {
        entry.users.clone_from(&core.entry_points);
        entry.users.sort_unstable();
        entry.priority = Some(core.priority);
    }
    (Arc::clone(&compiled.name), entry)
}

/// What was found while the parts of one kind were built.
fn parts<P: Part>(resolver: &Resolver<'_>) -> Entries<P::Config> {
    entries(P::map(resolver.configuration), |name, element| {
        problem_of::<P>(resolver, name, element)
    })
}

fn problem_of<P: Part>(resolver: &Resolver<'_>, name: &str, element: &Element<P::Config>) -> Vec<Problem> {
    let kept = resolver.known::<P>(name);
    let problem = kept.and_then(|kept| kept.outcome.as_ref().err().cloned());
    problem
        .map(|problem| place(problem, Placed::new(element, P::NOUN, name)))
        .into_iter()
        .collect()
}

fn services(resolver: &Resolver<'_>, users: &Users) -> BTreeMap<Arc<str>, ServiceEntry> {
    let mut shown = BTreeMap::new();
    for (name, element) in &resolver.configuration.http.services {
        let mut problems = problem_of::<Services>(resolver, name, element);
        let balancer = element
            .config
            .as_ref()
            .and_then(|config| config.load_balancer.as_ref());
        for (key, sentence) in balancer
            .map(service::load_balancer::Config::without_effect)
            .unwrap_or_default()
        {
            let problem = Problem::warning("without_effect", sentence).with_path(key);
            problems.push(place(problem, Placed::new(element, Services::NOUN, name)));
        }
        let built = resolver
            .known::<Services>(name)
            .and_then(|kept| kept.outcome.as_ref().ok().cloned());
        let entry = ServiceEntry {
            entry: Some(Entry::new(element, problems)),
            service: built.map(|built| built.bare),
            used_by: users.get(name).cloned().unwrap_or_default(),
        };
        shown.insert(Arc::clone(name), entry);
    }
    for (name, service) in &resolver.cx.services {
        let used_by = users.get(name).cloned().unwrap_or_default();
        let entry = ServiceEntry {
            entry: None,
            service: Some(Arc::clone(service)),
            used_by,
        };
        shown.insert(Arc::clone(name), entry);
    }
    shown
}

/// Who names which middleware, who names which service.
fn users(resolver: &Resolver<'_>) -> (Users, Users) {
    let (mut middlewares, mut services) = (Users::new(), Users::new());
    for (router, element) in &resolver.configuration.http.routers {
        let Some(config) = &element.config else { continue };
        let provider = crate::resolve::provider_of(router);
        for middleware in &config.middlewares {
            let users = middlewares
                .entry(crate::resolve::qualified(middleware, provider))
                .or_default();
            // A middleware may be named twice.
            if users.last() != Some(router) {
                users.push(Arc::clone(router));
            }
        }
        if !config.service.is_empty() {
            let service = crate::resolve::qualified(&config.service, provider);
            services.entry(service).or_default().push(Arc::clone(router));
        }
    }
    (middlewares, services)
}

/// The install configuration's own transport has no entry.
fn default_transport(resolver: &Resolver<'_>) -> Option<Problem> {
    let kept = resolver.known::<Transports>(DEFAULT_TRANSPORT)?;
    let problem = kept.outcome.as_ref().err()?.clone();
    Some(problem.under("serversTransport"))
}
