//! The kinds of parts: where each is written, how it is built, when it lives on.

use std::sync::Arc;

use document::Problem;
use dynamic::http::Router;
use dynamic::{Configuration, Element, Map};
use exchange::{Answer, Handler, Request};
use middleware::Step;
use service::Service;
use service::transport::Transport;

use super::Resolver;
use crate::context::{Context, DEFAULT_TRANSPORT};
use crate::http::core::Core;
use crate::reuse::{FileState, Memo, Need, Parts};

/// More steps than any route has; chains of chains double with each level.
const MAX_STEPS: usize = 1_000;

/// A kind of part.
pub(crate) trait Part {
    type Config: PartialEq + 'static;
    type Built: Clone;

    /// As messages call it.
    const NOUN: &'static str;

    fn need(name: &Arc<str>) -> Need;
    fn memo(parts: &Parts) -> &Memo<Self::Config, Self::Built>;
    fn memo_mut(parts: &mut Parts) -> &mut Memo<Self::Config, Self::Built>;
    fn map(configuration: &Configuration) -> &Map<Self::Config>;

    fn element<'a>(
        configuration: &'a Configuration,
        _cx: &'a Context,
        name: &str,
    ) -> Option<&'a Arc<Element<Self::Config>>> {
        Self::map(configuration).get(name)
    }

    /// Names that could have been meant.
    fn names<'a>(configuration: &'a Configuration, _cx: &'a Context) -> Vec<&'a str> {
        Self::map(configuration).keys().map(|name| &**name).collect()
    }

    /// What the process itself has by this name.
    fn own(_cx: &Context, _name: &str) -> Option<Self::Built> {
        None
    }

    /// What there is to say of a name that nobody has, if it is known why.
    fn missing(_name: &str) -> Option<Problem> {
        None
    }

    fn is_same(_one: &Self::Built, _other: &Self::Built) -> bool {
        false
    }

    /// Does it hold for what is not among its needs?
    fn is_still(_built: &Self::Built, _name: &str, _resolver: &Resolver<'_>) -> bool {
        true
    }

    /// The files it is read from besides the documents.
    fn files(_config: &Self::Config) -> Vec<FileState> {
        Vec::new()
    }

    /// # Errors
    /// When the configuration or something it refers to is no good.
    fn build(
        config: &Self::Config,
        name: &Arc<str>,
        element: &Arc<Element<Self::Config>>,
        resolver: &Resolver<'_>,
    ) -> Result<Self::Built, Problem>;
}

pub(crate) struct Middlewares;
pub(crate) struct Services;
pub(crate) struct Transports;
pub(crate) struct Routers;

/// A service, and what its own middlewares make of it.
#[derive(Clone)]
pub(crate) struct BuiltService {
    /// Without its middlewares.
    pub(crate) bare: Arc<Service>,
    /// Its middlewares, for routes, which put them behind their own.
    pub(crate) steps: Arc<[Step]>,
    /// With its middlewares, for services made of it. The same as the bare one when there are none.
    pub(crate) whole: Arc<Service>,
}

/// A service behind its own middlewares.
struct Guarded {
    steps: Arc<[Step]>,
    service: Arc<Service>,
}

// === impl Guarded ===

impl Handler for Guarded {
    fn handle(&self, req: Request) -> Answer<'_> {
        Box::pin(middleware::run(&self.steps, Box::new(req), &self.service))
    }
}

// === impl Part ===

impl Part for Middlewares {
    type Config = middleware::Config;
    type Built = Vec<Step>;

    const NOUN: &'static str = "middleware";

    fn need(name: &Arc<str>) -> Need {
        Need::Middleware(Arc::clone(name))
    }

    fn memo(parts: &Parts) -> &Memo<Self::Config, Self::Built> {
        &parts.middlewares
    }

    fn memo_mut(parts: &mut Parts) -> &mut Memo<Self::Config, Self::Built> {
        &mut parts.middlewares
    }

    fn map(configuration: &Configuration) -> &Map<Self::Config> {
        &configuration.http.middlewares
    }

    fn files(config: &Self::Config) -> Vec<FileState> {
        config.reads_files().into_iter().map(FileState::of).collect()
    }

    fn build(
        config: &Self::Config,
        name: &Arc<str>,
        _element: &Arc<Element<Self::Config>>,
        resolver: &Resolver<'_>,
    ) -> Result<Self::Built, Problem> {
        #[cfg(test)]
        assert_ne!(resolver.cx.trap, Some(&**name), "the trap of a test");
        let steps = config.build(name, resolver)?;
        if steps.len() > MAX_STEPS {
            let message = format!("its members come to more than {MAX_STEPS} middlewares");
            return Err(Problem::error("chain_too_long", message));
        }
        Ok(steps)
    }
}

impl Part for Services {
    type Config = service::Config;
    type Built = BuiltService;

    const NOUN: &'static str = "service";

    fn need(name: &Arc<str>) -> Need {
        Need::Service(Arc::clone(name))
    }

    fn memo(parts: &Parts) -> &Memo<Self::Config, Self::Built> {
        &parts.services
    }

    fn memo_mut(parts: &mut Parts) -> &mut Memo<Self::Config, Self::Built> {
        &mut parts.services
    }

    fn map(configuration: &Configuration) -> &Map<Self::Config> {
        &configuration.http.services
    }

    fn names<'a>(configuration: &'a Configuration, cx: &'a Context) -> Vec<&'a str> {
        let written = Self::map(configuration).keys();
        written.chain(cx.services.keys()).map(|name| &**name).collect()
    }

    fn own(cx: &Context, name: &str) -> Option<Self::Built> {
        cx.services.get(name).map(|service| BuiltService {
            bare: Arc::clone(service),
            steps: Arc::default(),
            whole: Arc::clone(service),
        })
    }

    fn missing(name: &str) -> Option<Problem> {
        let unbuilt = |why| {
            let message = format_args!("there is no service `{name}`: {why}").to_string();
            Some(Problem::error("unsupported_service", message))
        };
        let section = match name {
            "dashboard@internal" => return unbuilt("the dashboard is not built yet"),
            "acme-http@internal" => return unbuilt("certificates are not issued yet"),
            "rest@internal" => return unbuilt("the provider REST is not supported"),
            "api@internal" => "api",
            "ping@internal" => "ping",
            "prometheus@internal" => "metrics.prometheus",
            _ => return None,
        };
        let problem = Problem::error("unknown_reference", format_args!("there is no service `{name}`"));
        Some(problem.hint(format!("it is there once `{section}` stands in the install configuration")))
    }

    fn is_same(one: &Self::Built, other: &Self::Built) -> bool {
        Arc::ptr_eq(&one.bare, &other.bare)
    }

    fn build(
        config: &Self::Config,
        name: &Arc<str>,
        _element: &Arc<Element<Self::Config>>,
        resolver: &Resolver<'_>,
    ) -> Result<Self::Built, Problem> {
        let bare = Arc::new(config.build(name, resolver)?);
        let steps = steps_of(&config.middlewares, resolver)?;
        let whole = if steps.is_empty() {
            Arc::clone(&bare)
        } else {
            Arc::new(Service::handler(Arc::new(Guarded {
                steps: Arc::clone(&steps),
                service: Arc::clone(&bare),
            })))
        };
        Ok(BuiltService { bare, steps, whole })
    }
}

impl Part for Transports {
    type Config = service::transport::Config;
    type Built = Arc<Transport>;

    const NOUN: &'static str = "servers transport";

    fn need(name: &Arc<str>) -> Need {
        Need::Transport(Arc::clone(name))
    }

    fn memo(parts: &Parts) -> &Memo<Self::Config, Self::Built> {
        &parts.transports
    }

    fn memo_mut(parts: &mut Parts) -> &mut Memo<Self::Config, Self::Built> {
        &mut parts.transports
    }

    fn map(configuration: &Configuration) -> &Map<Self::Config> {
        &configuration.http.servers_transports
    }

    fn element<'a>(
        configuration: &'a Configuration,
        cx: &'a Context,
        name: &str,
    ) -> Option<&'a Arc<Element<Self::Config>>> {
        if name == DEFAULT_TRANSPORT { Some(&cx.transport) } else { Self::map(configuration).get(name) }
    }

    fn files(config: &Self::Config) -> Vec<FileState> {
        config.reads_files().into_iter().map(FileState::of).collect()
    }

    fn build(
        config: &Self::Config,
        _name: &Arc<str>,
        _element: &Arc<Element<Self::Config>>,
        resolver: &Resolver<'_>,
    ) -> Result<Self::Built, Problem> {
        config.build(resolver.cx.workers).map(Arc::new)
    }
}

impl Part for Routers {
    type Config = Router;
    type Built = Arc<Core>;

    const NOUN: &'static str = "router";

    fn need(name: &Arc<str>) -> Need {
        Need::Router(Arc::clone(name))
    }

    fn memo(parts: &Parts) -> &Memo<Self::Config, Self::Built> {
        &parts.routers
    }

    fn memo_mut(parts: &mut Parts) -> &mut Memo<Self::Config, Self::Built> {
        &mut parts.routers
    }

    fn map(configuration: &Configuration) -> &Map<Self::Config> {
        &configuration.http.routers
    }

    fn is_still(built: &Self::Built, name: &str, resolver: &Resolver<'_>) -> bool {
        built.is_still(name, resolver)
    }

    fn build(
        config: &Self::Config,
        name: &Arc<str>,
        element: &Arc<Element<Self::Config>>,
        resolver: &Resolver<'_>,
    ) -> Result<Self::Built, Problem> {
        #[cfg(test)]
        assert_ne!(resolver.cx.trap, Some(&**name), "the trap of a test");
        Ok(Arc::new(Core::build(config, name, element, resolver)))
    }
}

/// The steps of the middlewares with these names, in order; or the first that is missing or broken, with its place.
fn steps_of(names: &[String], resolver: &Resolver<'_>) -> Result<Arc<[Step]>, Problem> {
    let mut steps = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let name = resolver.qualify(name);
        let own = resolver
            .obtain::<Middlewares>(&name)
            .map_err(|p| p.with_path(format!("middlewares[{index}]")))?;
        steps.extend(own);
    }
    Ok(steps.into())
}
