//! For tests only: `POST /test-hooks/{kill,hang}?actor=NAME` on the entry point `traefik`.

use std::sync::{Arc, LazyLock};

use dynamic::http::Router;
use dynamic::{Configuration, Element, Source};
use exchange::{Answer, Body, Request, Response};
use http::{Method, StatusCode};

use crate::install::{INTERNAL_ENTRY_POINT, Install};

pub(crate) const SERVICE: &str = "test-hooks@internal";

/// Kills or hangs actors, or names them.
pub(crate) struct Handler;

/// Those of the process.
pub(crate) fn hooks() -> &'static actors::hooks::Hooks {
    static HOOKS: LazyLock<actors::hooks::Hooks> = LazyLock::new(actors::hooks::Hooks::default);
    &HOOKS
}

/// Adds the router to a gateway that is going to run and has the entry point.
pub(crate) fn route(mut document: Configuration, install: &Install) -> Configuration {
    if !install.entry_points.contains_key(INTERNAL_ENTRY_POINT) {
        return document;
    }
    let router = Router {
        entry_points: vec![INTERNAL_ENTRY_POINT.to_owned()],
        rule: "PathPrefix(`/test-hooks/`)".to_owned(),
        priority: i64::MAX,
        service: SERVICE.to_owned(),
        ..Router::default()
    };
    document.http.routers.insert("test-hooks".into(), Arc::new(Element::new(router, Source::default())));
    document
}

impl exchange::Handler for Handler {
    fn handle(&self, req: Request) -> Answer<'_> {
        let actor = req.query().and_then(|query| query.strip_prefix("actor=")).unwrap_or_default();
        let done = match (req.method(), req.path()) {
            (&Method::GET, "/test-hooks/actors") => {
                let names = hooks().names().join("\n");
                return Box::pin(async { Response::new(StatusCode::OK, Body::from(names)) });
            }
            (&Method::POST, "/test-hooks/kill") => hooks().kill(actor),
            (&Method::POST, "/test-hooks/hang") => hooks().hang(actor),
            _ => false,
        };
        let status = if done { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND };
        Box::pin(async move { Response::new(status, Body::Empty) })
    }
}
