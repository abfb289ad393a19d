//! A built middleware: its name, its request half and its response half.

use std::sync::Arc;

use exchange::headers::{X_FORWARDED_PREFIX, X_REPLACED_PATH};
use exchange::{Body, Request, Response};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::add_prefix::AddPrefix;
use crate::basic_auth::{self, BasicAuth};
use crate::headers::{Asked, Headers};
use crate::ip_allow_list::IpAllowList;
use crate::path::{self, Unclean};
use crate::rate_limit::RateLimit;
use crate::redirect_regex::RedirectRegex;
use crate::redirect_scheme::RedirectScheme;
use crate::replace_path::ReplacePath;
use crate::replace_path_regex::ReplacePathRegex;
use crate::strip_prefix::StripPrefix;
use crate::strip_prefix_regex::StripPrefixRegex;

/// One middleware of a route. Clones share its state.
#[derive(Clone)]
pub struct Step {
    name: Arc<str>,
    kind: &'static str,
    action: Action,
}

/// What a step does.
#[derive(Clone)]
pub(crate) enum Action {
    AddPrefix(Arc<AddPrefix>),
    BasicAuth(Arc<BasicAuth>),
    Headers(Arc<Headers>),
    IpAllowList(Arc<IpAllowList>),
    RateLimit(Arc<RateLimit>),
    RedirectRegex(Arc<RedirectRegex>),
    RedirectScheme(Arc<RedirectScheme>),
    ReplacePath(Arc<ReplacePath>),
    ReplacePathRegex(Arc<ReplacePathRegex>),
    StripPrefix(Arc<StripPrefix>),
    StripPrefixRegex(Arc<StripPrefixRegex>),
}

/// How it goes on after a step's request half.
pub(crate) enum Flow {
    Continue,
    /// Goes on; the response half will want to know this.
    Remember(Asked),
    /// The step answers itself. Boxed, since it is rare and large.
    Answer(Box<Response>),
}

// === impl Step ===

impl Step {
    pub(crate) fn new(name: &str, kind: &'static str, action: Action) -> Self {
        Self { name: name.into(), kind, action }
    }

    /// The step for one router's use: a limit may have to be each router's own.
    #[must_use]
    pub fn for_router(self, router: &str) -> Self {
        match self.action {
            Action::RateLimit(step) => Self { action: Action::RateLimit(step.for_router(router)), ..self },
            _ => self,
        }
    }

    /// The middleware's name with its provider, its kind as a document has it, and what it does in a few words.
    #[must_use]
    pub fn describe(&self) -> (&str, &'static str, String) {
        (&self.name, self.kind, self.effect())
    }

    fn effect(&self) -> String {
        match &self.action {
            Action::AddPrefix(step) => step.effect(),
            Action::BasicAuth(step) => step.effect(),
            Action::Headers(step) => step.effect(),
            Action::IpAllowList(step) => step.effect(),
            Action::RateLimit(step) => step.effect(),
            Action::RedirectRegex(step) => step.effect(),
            Action::RedirectScheme(step) => step.effect(),
            Action::ReplacePath(step) => step.effect(),
            Action::ReplacePathRegex(step) => step.effect(),
            Action::StripPrefix(step) => step.effect(),
            Action::StripPrefixRegex(step) => step.effect(),
        }
    }

    /// Does its request half compare a password that these headers give?
    #[must_use]
    pub fn compares_password(&self, headers: &HeaderMap) -> bool {
        matches!(self.action, Action::BasicAuth(_)) && basic_auth::credentials(headers).is_some()
    }

    /// The request half. Only those that may wait are awaited.
    pub(crate) async fn request(&self, req: &mut Request) -> Flow {
        match &self.action {
            Action::AddPrefix(step) => step.request(req),
            Action::BasicAuth(step) => step.request(req).await,
            Action::Headers(step) => step.request(req),
            Action::IpAllowList(step) => step.request(req),
            Action::RateLimit(step) => step.request(req).await,
            Action::RedirectRegex(step) => step.request(req),
            Action::RedirectScheme(step) => step.request(req),
            Action::ReplacePath(step) => step.request(req),
            Action::ReplacePathRegex(step) => step.request(req),
            Action::StripPrefix(step) => step.request(req),
            Action::StripPrefixRegex(step) => step.request(req),
        }
    }

    /// The response half, of those that have one.
    pub(crate) fn response(&self, asked: &Asked, res: &mut Response) {
        if let Action::Headers(step) = &self.action {
            step.response(asked, res);
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

macro_rules! from {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Action {
            fn from(step: $kind) -> Self {
                Self::$kind(Arc::new(step))
            }
        })*
    };
}

from!(
    AddPrefix,
    BasicAuth,
    Headers,
    IpAllowList,
    RateLimit,
    RedirectRegex,
    RedirectScheme,
    ReplacePath,
    ReplacePathRegex,
    StripPrefix,
    StripPrefixRegex
);

// === impl Flow ===

impl Flow {
    pub(crate) fn answer(res: Response) -> Self {
        Self::Answer(Box::new(res))
    }
}

/// A status with its reason phrase as body, as Traefik's middlewares answer.
pub(crate) fn status_text(status: StatusCode) -> Response {
    let text = status.canonical_reason().unwrap_or_default();
    Response::new(status, Body::from_static(text))
}

/// The answer to a path that must not go on.
pub(crate) fn refuse_path(req: &Request) -> Flow {
    req.record.reason.set(Some("path_refused"));
    Flow::answer(Response::text_error(StatusCode::BAD_REQUEST, "Bad Request\n"))
}

/// Takes a decoded prefix away and tells the service of it.
pub(crate) fn stripped(req: &mut Request, prefix: &[u8], force_slash: bool) -> Flow {
    // A prefix with a line end in it cannot be told, and is nothing that a client means well with.
    let Ok(value) = HeaderValue::from_bytes(prefix) else {
        return refuse_path(req);
    };
    match path::strip(req, prefix.len(), force_slash) {
        Ok(()) => {
            req.headers_mut().append(X_FORWARDED_PREFIX, value);
            Flow::Continue
        }
        Err(Unclean::Segments | Unclean::Malformed) => refuse_path(req),
    }
}

/// Puts another escaped path in place and tells the service of the old one.
pub(crate) fn replaced(req: &mut Request, new: &str) -> Flow {
    let old = HeaderValue::from_str(path::current(req));
    if let Some(broken) = path::broken_escape(new) {
        req.record.reason.set(Some("path_broken"));
        let mut res = Response::text_error(StatusCode::INTERNAL_SERVER_ERROR, "");
        res.body = Body::from(format!("{broken}\n"));
        return Flow::answer(res);
    }
    match (path::put(req, new), old) {
        (Ok(()), Ok(old)) => {
            req.headers_mut().append(X_REPLACED_PATH, old);
            Flow::Continue
        }
        _ => refuse_path(req),
    }
}
