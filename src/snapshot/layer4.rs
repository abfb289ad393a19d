//! TCP and UDP routers: compiled so that `sniff` can ask them and their mistakes are known. They are not served yet:
//! a connection that one of them claims is closed, never given to an HTTP router.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use document::Problem;
use document::name::nearest;
use dynamic::Element;
use dynamic::layer4::{tcp, udp};
use router::{Entry, Rank, Rule, TcpMatcher, TcpTable, TcpView, parse_tcp};

use crate::EntryPoint;
use crate::http::core::{MAX_PRIORITY, other_language};
use crate::report::{self, Entries, Placed, place, place_inside};
use crate::resolve::{Resolver, provider_of, qualified};

/// Where a connection goes.
pub struct TcpRoute {
    /// `name@provider`.
    pub router: Arc<str>,
    /// The rule as it was written.
    pub text: Arc<str>,
    pub priority: i64,
    pub tls: Option<tcp::RouterTls>,
    /// Is its rule ``HostSNI(`*`)`` and nothing else?
    pub is_catch_all: bool,
}

/// All TCP and UDP routers.
pub(crate) struct Layer4 {
    tcp: Vec<CompiledTcp>,
}

struct CompiledTcp {
    name: Arc<str>,
    /// With its rule; `None`: it is in no table.
    route: Option<(Rule<TcpMatcher>, Arc<TcpRoute>)>,
    precedence: usize,
    entry_points: Vec<Arc<str>>,
    priority: Option<i64>,
    problems: Vec<Problem>,
}

/// The TCP half of one entry point.
pub(crate) struct Tables {
    pub(crate) plain: TcpTable<Arc<TcpRoute>>,
    pub(crate) secure: TcpTable<Arc<TcpRoute>>,
}

// === impl EntryPoint ===

impl EntryPoint {
    /// The TCP route that takes this connection, if HTTP does not.
    /// Traefik, "What happens to a new connection": for TLS, a specific HTTPS host goes before TCP, TCP before an HTTPS
    /// router that names no host, and that before a TCP route for everything.
    #[must_use]
    pub fn claims(&self, view: &TcpView<'_>, is_tls: bool) -> Option<&Arc<TcpRoute>> {
        if !is_tls {
            return self.tcp.find(view);
        }
        if self.tcp_tls.is_empty() || self.sni_options.names(view.sni) {
            return None;
        }
        self.tcp_tls.find(view).filter(|route| !route.is_catch_all || !self.sni_options.has_catch_all())
    }
}

// === impl CompiledTcp ===

impl CompiledTcp {
    fn empty(name: &Arc<str>, resolver: &Resolver<'_>) -> Self {
        Self {
            name: Arc::clone(name),
            route: None,
            precedence: resolver.cx.precedence_of(provider_of(name)),
            entry_points: Vec::new(),
            priority: None,
            problems: Vec::new(),
        }
    }
}

// === impl Tables ===

impl Tables {
    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.secure.is_empty()
    }
}

pub(crate) fn compile(resolver: &Resolver<'_>) -> Layer4 {
    let routers = &resolver.configuration.tcp.routers;
    let mut tcp: Vec<CompiledTcp> =
        routers.iter().map(|(name, element)| guarded(name, element, resolver)).collect();
    tcp.sort_by(|one, other| (one.precedence, &one.name).cmp(&(other.precedence, &other.name)));
    Layer4 { tcp }
}

pub(crate) fn tables(entry_point: &str, layer4: &Layer4) -> Tables {
    let build = |is_tls: bool| {
        let attached =
            layer4.tcp.iter().filter(|router| router.entry_points.iter().any(|ep| **ep == *entry_point));
        let routes =
            attached.filter_map(|router| router.route.as_ref()).filter(|(_, r)| r.tls.is_some() == is_tls);
        let entry = |((rule, route), tie): (&(Rule<TcpMatcher>, Arc<TcpRoute>), u64)| Entry {
            rule: rule.clone(),
            rank: Rank::new(route.priority, tie),
            value: Arc::clone(route),
        };
        TcpTable::build(routes.zip(0..).map(entry).collect())
    };
    Tables { plain: build(false), secure: build(true) }
}

/// A panic breaks this router alone.
fn guarded(name: &Arc<str>, element: &Element<tcp::Router>, resolver: &Resolver<'_>) -> CompiledTcp {
    catch_unwind(AssertUnwindSafe(|| one(name, element, resolver))).unwrap_or_else(|_panic| {
        let problem = Problem::error("internal_panic", "building it failed from a mistake of ours");
        let mut compiled = CompiledTcp::empty(name, resolver);
        compiled.problems.push(place(problem, Placed::new(element, "TCP router", name)));
        compiled
    })
}

fn one(name: &Arc<str>, element: &Element<tcp::Router>, resolver: &Resolver<'_>) -> CompiledTcp {
    let mut problems = Vec::new();
    let placed = Placed::new(element, "TCP router", name);
    let mut compiled = CompiledTcp::empty(name, resolver);
    let Some(config) = &element.config else {
        return compiled;
    };
    compiled.entry_points = entry_points(config, placed, resolver, &mut problems);
    if let Some(rule) = rule(config, placed, &mut problems) {
        let priority = Rank::tcp(config.priority, &rule, &config.rule, 0).priority;
        compiled.priority = Some(priority);
        if priority > MAX_PRIORITY {
            let message =
                format!("the priority {priority} is higher than the highest allowed, {MAX_PRIORITY}");
            problems.push(place(Problem::error("priority_too_high", message).with_path("priority"), placed));
        } else {
            let route = TcpRoute {
                router: Arc::clone(name),
                text: config.rule.as_str().into(),
                priority,
                tls: config.tls.clone(),
                is_catch_all: rule.is_catch_all(),
            };
            compiled.route = Some((rule, Arc::new(route)));
        }
    }
    service(config, name, placed, resolver, &mut problems);
    let message = "TCP routers are not served yet: a connection this one claims is closed";
    problems.push(place(Problem::error("not_served", message), placed));
    compiled.problems = problems;
    compiled
}

fn entry_points(
    config: &tcp::Router,
    placed: Placed<'_>,
    resolver: &Resolver<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<str>> {
    let mut known = Vec::new();
    for (index, name) in config.entry_points.iter().enumerate() {
        if resolver.cx.has_entry_point(name) {
            known.push(name.as_str().into());
            continue;
        }
        let names = resolver.cx.entry_points.iter().filter(|ep| !ep.is_udp).map(|ep| &*ep.name);
        let problem =
            Problem::warning("unknown_entry_point", format_args!("there is no entry point `{name}`"))
                .with_path(format!("entryPoints[{index}]"))
                .did_you_mean(nearest(name, names));
        problems.push(place(problem, placed));
    }
    known
}

fn rule(config: &tcp::Router, placed: Placed<'_>, problems: &mut Vec<Problem>) -> Option<Rule<TcpMatcher>> {
    if let Some(problem) = other_language(&config.rule_syntax) {
        let is_fatal = problem.is_error();
        problems.push(place(problem, placed));
        if is_fatal {
            return None;
        }
    }
    let rule = match parse_tcp(&config.rule) {
        Ok(rule) => rule,
        Err(error) => {
            let mut problem = Problem::error("rule_syntax", &error.message).with_path("rule");
            problem.hint = error.hint;
            problems.push(place_inside(problem, placed, error.column.saturating_sub(1), error.width));
            return None;
        }
    };
    let names_host = rule.hosts().first().is_some_and(|host| *host != "*");
    if names_host && config.tls.is_none() {
        let problem = Problem::error("host_without_tls", "a rule with a host in `HostSNI` needs `tls`")
            .with_path("rule")
            .hint("only TLS connections carry a name; without TLS, write HostSNI(`*`)");
        problems.push(place(problem, placed));
        return None;
    }
    Some(rule)
}

fn service(
    config: &tcp::Router,
    name: &str,
    placed: Placed<'_>,
    resolver: &Resolver<'_>,
    problems: &mut Vec<Problem>,
) {
    let known = &resolver.configuration.tcp.services;
    if config.service.is_empty() {
        let problem = Problem::error("no_service", "the router names no service").with_path("service");
        problems.push(place(problem, placed));
        return;
    }
    let wanted = qualified(&config.service, provider_of(name));
    if !known.contains_key(&wanted) {
        let problem = Problem::error("unknown_reference", format_args!("there is no TCP service `{wanted}`"))
            .with_path("service")
            .did_you_mean(nearest(&wanted, known.keys().map(|name| &**name)));
        problems.push(place(problem, placed));
    }
}

// === impl Layer4 ===

impl Layer4 {
    pub(crate) fn tcp_report(&self, resolver: &Resolver<'_>) -> Entries<tcp::Router> {
        let mut shown = report::entries(&resolver.configuration.tcp.routers, |name, _| {
            let own = self.tcp.iter().find(|router| router.name == *name);
            own.map(|router| router.problems.clone()).unwrap_or_default()
        });
        for router in &self.tcp {
            if let Some(entry) = shown.get_mut(&router.name) {
                entry.users.clone_from(&router.entry_points);
                entry.priority = router.priority;
            }
        }
        shown
    }

    #[expect(clippy::unused_self, reason = "one way to ask for both halves")]
    pub(crate) fn udp_report(&self, resolver: &Resolver<'_>) -> Entries<udp::Router> {
        report::entries(&resolver.configuration.udp.routers, |name, element| {
            let problem = Problem::error("not_served", "UDP routers are not served yet");
            vec![place(problem, Placed::new(element, "UDP router", name))]
        })
    }
}
