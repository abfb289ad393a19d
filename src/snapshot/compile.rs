//! Documents → snapshot and report. Never fails: what is wrong is reported and answers 503, the rest serves.

mod outcome;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ahash::AHashMap;
use document::Problem;
use dynamic::{Configuration, Element};
use tls::{CertificateConfig, Certificates, OptionsConfig, StoreConfig};

use crate::context::{Context, DEFAULT_TRANSPORT};
use crate::report::{Placed, Report, place};
use crate::resolve::{Middlewares, Part, Resolver, Services, Transports, first_error};
use crate::{EntryPoint, Snapshot, http, layer4};

/// Compiles a merged configuration. What did not change since `previous` is taken over from it.
///
/// The snapshot counts as complete; whoever knows that a provider is still missing says so in it.
#[must_use]
pub fn compile(
    configuration: &Configuration,
    previous: Option<&Snapshot>,
    cx: &Context,
) -> (Snapshot, Report) {
    let generation = previous.map_or(0, |previous| previous.generation) + 1;
    let (certificates, tls_problems) = certificates(configuration, previous);
    let parts = previous.map(|previous| &previous.parts);
    let resolver = Resolver::new(configuration, parts, cx, &certificates);
    let mut routers = http::routers(&resolver);
    build_the_rest(&resolver);
    let layer4 = layer4::compile(&resolver);
    let mut entry_points = AHashMap::new();
    let before = parts.into_iter().flat_map(|parts| parts.entry_points.values());
    let mut known = before.flat_map(|ep| [Arc::clone(&ep.http), Arc::clone(&ep.https)]).collect();
    for ep in cx.entry_points.iter().filter(|ep| !ep.is_udp) {
        let http = http::tables(&ep.name, &mut routers, &resolver, &mut known);
        let tcp = layer4::tables(&ep.name, &layer4);
        let before = parts.and_then(|parts| parts.entry_points.get(&ep.name));
        entry_points.insert(Arc::clone(&ep.name), entry_point(http, tcp, before));
    }
    let mut report = outcome::report(&resolver, &routers, &layer4, &tls_problems);
    report.generation = generation;
    let mut parts = resolver.into_parts();
    http::remember(&mut parts, routers, &entry_points);
    let certificates = Arc::new(certificates);
    let admissions = Arc::clone(&cx.admissions);
    (Snapshot { generation, entry_points, certificates, complete: true, admissions, parts }, report)
}

/// The last one, if nothing in it has changed.
fn entry_point(
    http: http::Tables,
    tcp: layer4::Tables,
    previous: Option<&Arc<EntryPoint>>,
) -> Arc<EntryPoint> {
    if let Some(previous) = previous
        && Arc::ptr_eq(&previous.http, &http.http)
        && Arc::ptr_eq(&previous.https, &http.https)
        && previous.sni_options == http.sni_options
        && tcp.is_empty()
        && previous.tcp.is_empty()
        && previous.tcp_tls.is_empty()
    {
        return Arc::clone(previous);
    }
    Arc::new(EntryPoint {
        http: http.http,
        https: http.https,
        tcp: tcp.plain,
        tcp_tls: tcp.secure,
        sni_options: http.sni_options,
    })
}

/// What no router refers to is built as well: its mistakes are to be known before it is used.
fn build_the_rest(resolver: &Resolver<'_>) {
    build_all::<Middlewares>(resolver);
    build_all::<Services>(resolver);
    build_all::<Transports>(resolver);
    for name in resolver.cx.services.keys() {
        let _known = resolver.obtain::<Services>(name);
    }
    let _known = resolver.obtain::<Transports>(&DEFAULT_TRANSPORT.into());
}

fn build_all<P: Part>(resolver: &Resolver<'_>) {
    for name in P::map(resolver.configuration).keys() {
        // An error is remembered with the part.
        let _known = resolver.obtain::<P>(name);
    }
}

fn certificates(configuration: &Configuration, previous: Option<&Snapshot>) -> (Certificates, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut written: Vec<(CertificateConfig, document::Origin)> = Vec::new();
    for element in &configuration.tls.certificates {
        problems.extend(element.problems.iter().cloned());
        let placed = place(Problem::error("", ""), Placed::new(element, "certificate", ""));
        written.extend(sound(element).map(|config| (config.clone(), placed.origin)));
    }
    let stores: BTreeMap<String, StoreConfig> = sound_of(&configuration.tls.stores);
    let options: BTreeMap<String, OptionsConfig> = sound_of(&configuration.tls.options);
    for element in configuration.tls.stores.values() {
        problems.extend(element.problems.iter().cloned());
    }
    let last = previous.map(|previous| &*previous.certificates);
    let build = || Certificates::build(&written, &stores, &options, last);
    let (mut certificates, found) = catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_panic| {
        let problem =
            Problem::error("internal_panic", "the certificates could not be built, from a mistake of ours");
        let (empty, _) = Certificates::build(&[], &BTreeMap::new(), &BTreeMap::new(), None);
        (empty, vec![problem])
    });
    let mut found: Vec<Problem> =
        found.into_iter().map(|problem| place_in_store(problem, configuration)).collect();
    found.iter_mut().for_each(|problem| name_secret(problem, configuration));
    problems.append(&mut found);
    for (name, element) in &configuration.tls.options {
        if sound(element).is_none() {
            let why =
                first_error(&element.problems).map_or("they could not be read", |problem| &problem.message);
            certificates.refuse(name, why);
        }
    }
    (certificates, problems)
}

/// A store is known by its name alone to those who build it.
fn place_in_store(problem: Problem, configuration: &Configuration) -> Problem {
    const NOUN: &str = "TLS store";
    let name = problem.object.as_deref().and_then(|object| object.strip_prefix(NOUN));
    let name = name.map(|name| name.trim().trim_matches('`'));
    match name.and_then(|name| configuration.tls.stores.get_key_value(name)) {
        Some((name, element)) => place(problem, Placed::new(element, NOUN, name)),
        None => problem,
    }
}

/// A certificate has no name, but the Secret that holds it has one.
fn name_secret(problem: &mut Problem, configuration: &Configuration) {
    if problem.object.is_some() || problem.origin.is_none() {
        return;
    }
    let held = |element: &Arc<Element<CertificateConfig>>| {
        let placed = place(Problem::error("", ""), Placed::new(element, "certificate", ""));
        (placed.origin == problem.origin).then(|| element.source.object.clone()).flatten()
    };
    let object = configuration.tls.certificates.iter().find_map(held);
    problem.object = object.map(|object| format!("{} `{}/{}`", object.kind, object.namespace, object.name));
}

fn sound<C>(element: &Element<C>) -> Option<&C> {
    element.config.as_ref().filter(|_| first_error(&element.problems).is_none())
}

fn sound_of<C: Clone>(map: &dynamic::Map<C>) -> BTreeMap<String, C> {
    map.iter().filter_map(|(name, element)| Some((name.to_string(), sound(element)?.clone()))).collect()
}

#[cfg(test)]
mod tests;
