//! Names → middlewares, services and transports: built on demand from the routers inward, each name once.
//!
//! A part that panics while it is built is broken, as one that is refused; nothing else suffers.

mod parts;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use document::Problem;
use document::name::nearest;
use dynamic::http::Router;
use dynamic::{Configuration, Element};
use exchange::record::RouteName;
use middleware::Step;
use router::{HttpMatcher, Rule, SyntaxError};
use service::Service;
use tls::Certificates;

use crate::context::Context;
use crate::http::core::Core;
use crate::http::family::Family;
use crate::reuse::{Kept, Need, Parts, Stamp};

pub(crate) use parts::{BuiltService, Middlewares, Part, Routers, Services, Transports};

/// Deeper than any configuration written by hand; a chain of references must not exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Finds and builds what names mean.
pub(crate) struct Resolver<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) previous: Option<&'a Parts>,
    pub(crate) cx: &'a Context,
    pub(crate) certificates: &'a Certificates,
    family: Family,
    built: RefCell<Parts>,
    /// What is being built, outermost first, each with what it has asked for.
    open: RefCell<Vec<Frame>>,
}

/// A part, as snapshots share it.
type Shared<P> = Arc<Kept<<P as Part>::Config, <P as Part>::Built>>;

struct Frame {
    part: Need,
    needs: Vec<(Need, Stamp)>,
}

// === impl Resolver ===

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        configuration: &'a Configuration,
        previous: Option<&'a Parts>,
        cx: &'a Context,
        certificates: &'a Certificates,
    ) -> Self {
        Self {
            configuration,
            previous,
            cx,
            certificates,
            family: Family::of(&configuration.http.routers),
            built: RefCell::new(Parts::with_room_for(configuration)),
            open: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn into_parts(self) -> Parts {
        self.built.into_inner()
    }

    /// What `name` means where it is written: full as it is, or with the provider of the object being built.
    pub(crate) fn qualify(&self, name: &str) -> Arc<str> {
        if name.contains('@') {
            return self.shared(name);
        }
        let open = self.open.borrow();
        let holder = open.last().map_or("", |frame| provider_of(frame.part.name()));
        self.shared(&qualified(name, holder))
    }

    /// A full name; if it is one of the document's, the very same text: there are thousands.
    fn shared(&self, name: &str) -> Arc<str> {
        let http = &self.configuration.http;
        let service = http.services.get_key_value(name).map(|(known, _)| known);
        let known = service.or_else(|| http.middlewares.get_key_value(name).map(|(known, _)| known));
        known.map_or_else(|| name.into(), Arc::clone)
    }

    /// The routers that name this one as their parent.
    pub(crate) fn children_of(&self, router: &str) -> &[Arc<str>] {
        self.family.children_of(router)
    }

    /// Does a chain of parents lead from this router to one that is attached to an entry point?
    pub(crate) fn is_reachable(&self, router: &str) -> bool {
        self.family.is_reachable(router)
    }

    /// The rule of a router, as it was read last time if its text is the same.
    pub(crate) fn rule(&self, router: &str, text: &str) -> Result<Arc<Rule<HttpMatcher>>, SyntaxError> {
        let before = self.before(router).filter(|core| *core.text == *text);
        match before.and_then(|core| core.rule.as_ref()) {
            Some(rule) => Ok(Arc::clone(rule)),
            None => router::parse_http(text).map(Arc::new),
        }
    }

    /// The names of a route; the number is kept while router and service stay the same.
    pub(crate) fn route_name(&self, router: &Arc<str>, config: &Router) -> Arc<RouteName> {
        let service = match config.service.as_str() {
            "" if self.children_of(router).is_empty() => "".into(),
            "" => format!("{router}-muxer").into(),
            service => self.shared(&qualified(service, provider_of(router))),
        };
        let before = self.before(router).map(|core| &core.name).filter(|name| name.service == service);
        let observability = config.observability.clone().unwrap_or_default();
        let wanted = RouteName {
            router: Arc::clone(router),
            id: before.map_or_else(next_id, |before| before.id),
            access_logs: observability.access_logs.unwrap_or(true),
            metrics: observability.metrics.unwrap_or(true),
            internal: provider_of(router) == "internal" || provider_of(&service) == "internal",
            service,
        };
        before.filter(|before| ***before == wanted).map_or_else(|| Arc::new(wanted), Arc::clone)
    }

    /// What the router of this name was in the last snapshot, sound or not.
    fn before(&self, router: &str) -> Option<&'a Core> {
        let remembered = self.previous?.remembered.get(router)?;
        Some(&*remembered.core)
    }

    /// The part called `name`, a full name.
    pub(crate) fn obtain<P: Part>(&self, name: &Arc<str>) -> Result<P::Built, Problem> {
        let kept = match self.known::<P>(name) {
            Some(kept) => kept,
            None => self.make::<P>(name)?,
        };
        if let Some(frame) = self.open.borrow_mut().last_mut() {
            frame.needs.push((P::need(name), kept.stamp));
        }
        kept.outcome.clone().map_err(|problem| broken::<P>(name, &problem))
    }

    /// What has become of a part that was asked for.
    pub(crate) fn known<P: Part>(&self, name: &str) -> Option<Shared<P>> {
        P::memo(&self.built.borrow()).get(name).cloned()
    }

    /// Takes the part over from the last snapshot or builds it, and remembers it. An error: the name leads nowhere.
    fn make<P: Part>(&self, name: &Arc<str>) -> Result<Shared<P>, Problem> {
        if let Some(own) = P::own(self.cx, name) {
            return Ok(self.remember::<P>(name, self.keep_own::<P>(name, own)));
        }
        let Some(element) = P::element(self.configuration, self.cx, name) else {
            return Err(self.unknown::<P>(name));
        };
        self.enter(P::need(name))?;
        let kept = self.unchanged::<P>(name, element);
        let kept = kept.unwrap_or_else(|| Arc::new(self.build::<P>(name, element)));
        self.open.borrow_mut().pop();
        Ok(self.remember::<P>(name, kept))
    }

    fn remember<P: Part>(&self, name: &Arc<str>, kept: Shared<P>) -> Shared<P> {
        P::memo_mut(&mut self.built.borrow_mut()).insert(Arc::clone(name), Arc::clone(&kept));
        kept
    }

    /// The part of the last snapshot, when nothing it was made of has changed.
    fn unchanged<P: Part>(&self, name: &str, element: &Arc<Element<P::Config>>) -> Option<Shared<P>> {
        let kept = P::memo(self.previous?).get(name)?;
        let is_still = kept.outcome.as_ref().is_ok_and(|built| P::is_still(built, name, self));
        let same = is_still
            && kept.comes_from(element)
            && kept.needs.iter().all(|(need, stamp)| self.is(need, *stamp));
        same.then(|| Arc::clone(kept))
    }

    /// Is what this need means now the very thing with that stamp?
    fn is(&self, need: &Need, stamp: Stamp) -> bool {
        let now = match need {
            Need::Middleware(name) => self.stamp::<Middlewares>(name),
            Need::Service(name) => self.stamp::<Services>(name),
            Need::Transport(name) => self.stamp::<Transports>(name),
            Need::Router(name) => self.stamp::<Routers>(name),
        };
        now == stamp
    }

    fn stamp<P: Part>(&self, name: &Arc<str>) -> Stamp {
        let known = self.known::<P>(name);
        known.map_or_else(|| self.make::<P>(name).map_or(Stamp::NONE, |kept| kept.stamp), |kept| kept.stamp)
    }

    fn build<P: Part>(
        &self,
        name: &Arc<str>,
        element: &Arc<Element<P::Config>>,
    ) -> Kept<P::Config, P::Built> {
        if let Some(frame) = self.open.borrow_mut().last_mut() {
            // What was asked while comparing is asked again, by the build itself.
            frame.needs.clear();
        }
        let depth = self.open.borrow().len();
        let files = element.config.as_ref().map(P::files).unwrap_or_default();
        let outcome = match first_error(&element.problems) {
            Some(problem) => Err(problem.clone()),
            None => match &element.config {
                None => Err(Problem::error("unreadable", "it could not be read")),
                Some(config) => catch_unwind(AssertUnwindSafe(|| P::build(config, name, element, self)))
                    .unwrap_or_else(|_panic| {
                        self.open.borrow_mut().truncate(depth);
                        Err(Problem::error("internal_panic", "building it failed from a mistake of ours"))
                    }),
            },
        };
        let needs = self.open.borrow_mut().last_mut().map(|frame| std::mem::take(&mut frame.needs));
        Kept {
            element: Some(Arc::clone(element)),
            outcome: outcome.map_err(Box::new),
            stamp: Stamp::next(),
            needs: needs.unwrap_or_default().into_boxed_slice(),
            files: files.into_boxed_slice(),
        }
    }

    /// A part of our own, with the stamp it had if it is the same.
    fn keep_own<P: Part>(&self, name: &str, own: P::Built) -> Shared<P> {
        let before = self.previous.and_then(|previous| P::memo(previous).get(name));
        let same = before.filter(|kept| kept.outcome.as_ref().is_ok_and(|built| P::is_same(built, &own)));
        same.map_or_else(
            || {
                Arc::new(Kept {
                    element: None,
                    outcome: Ok(own),
                    stamp: Stamp::next(),
                    needs: Box::default(),
                    files: Box::default(),
                })
            },
            Arc::clone,
        )
    }

    /// Begins to build a part, unless it is being built already.
    fn enter(&self, part: Need) -> Result<(), Problem> {
        let mut open = self.open.borrow_mut();
        if let Some(start) = open.iter().position(|frame| frame.part == part) {
            let mut names: Vec<&str> = open.iter().skip(start).map(|frame| frame.part.name()).collect();
            names.push(part.name());
            let round = names.join("` → `");
            return Err(Problem::error("reference_loop", format_args!("the references go round: `{round}`")));
        }
        if open.len() >= MAX_DEPTH {
            let message = format!("references are nested more than {MAX_DEPTH} deep");
            return Err(Problem::error("reference_loop", message));
        }
        open.push(Frame { part, needs: Vec::new() });
        Ok(())
    }

    fn unknown<P: Part>(&self, name: &Arc<str>) -> Problem {
        if let Some(frame) = self.open.borrow_mut().last_mut() {
            frame.needs.push((P::need(name), Stamp::NONE));
        }
        if let Some(problem) = P::missing(name) {
            return problem;
        }
        let problem = Problem::error("unknown_reference", format_args!("there is no {} `{name}`", P::NOUN));
        let known = P::names(self.configuration, self.cx);
        let (own, provider) = name.rsplit_once('@').unwrap_or((name, ""));
        // The same name of another provider is the likeliest slip.
        let other =
            known.iter().find(|known| known.rsplit_once('@').is_some_and(|(n, p)| n == own && p != provider));
        problem.did_you_mean(other.copied().or_else(|| nearest(name, known.iter().copied())))
    }
}

impl middleware::Context for Resolver<'_> {
    fn middleware(&self, name: &str) -> Result<Vec<Step>, Problem> {
        self.obtain::<Middlewares>(&self.qualify(name))
    }
}

impl service::Context for Resolver<'_> {
    fn service(&self, name: &str) -> Result<Arc<Service>, Problem> {
        self.obtain::<Services>(&self.qualify(name)).map(|built| built.whole)
    }

    fn transport(&self, name: &str) -> Result<Arc<service::Transport>, Problem> {
        self.obtain::<Transports>(&self.qualify(name))
    }

    fn previous(&self, name: &str) -> Option<Arc<Service>> {
        let kept = self.previous?.services.get(name)?;
        kept.outcome.as_ref().ok().map(|built| Arc::clone(&built.bare))
    }

    fn resolver(&self) -> &service::resolve::Resolver {
        &self.cx.resolver
    }

    fn proxies(&self) -> &service::proxy::Proxies {
        &self.cx.proxies
    }
}

/// The provider in a full name.
pub(crate) fn provider_of(name: &str) -> &str {
    name.rsplit_once('@').map_or("", |(_, provider)| provider)
}

/// A name with its provider.
pub(crate) fn qualified(name: &str, provider: &str) -> Arc<str> {
    if name.contains('@') || provider.is_empty() { name.into() } else { format!("{name}@{provider}").into() }
}

pub(crate) fn first_error(problems: &[Problem]) -> Option<&Problem> {
    problems.iter().find(|problem| problem.is_error())
}

/// What the one who refers to a broken part says.
fn broken<P: Part>(name: &str, problem: &Problem) -> Problem {
    Problem::error(
        "broken_reference",
        format_args!("the {} `{name}` is broken: {}", P::NOUN, problem.message),
    )
}

/// A number that no other route of this process has.
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
