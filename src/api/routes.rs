//! `api@internal`: paths below the base path → resources.

use std::sync::Arc;

use exchange::{Answer, Body, Handler, Request, Response};
use http::{HeaderValue, Method, StatusCode, header};
use snapshot::{Published, Report};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::certificates;
use crate::config::Config;
use crate::desk::{Desk, Reply};
use crate::explain;
use crate::overview::Facts;
use crate::query::{Query, decode};
use crate::resources::{self, Kind};

/// Answers what the API is asked.
pub struct Api {
    /// Without its final slash.
    base: String,
    facts: Arc<Facts>,
    published: Arc<Published>,
    reports: watch::Receiver<Arc<Report>>,
    desk: Desk,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Resource {
    Version,
    Overview,
    RawData,
    Explain,
    EntryPoints,
    EntryPoint(String),
    Certificates,
    Certificate(String),
    List(Kind),
    Object(Kind, String),
    /// A name that cannot be decoded.
    BadName,
}

// === impl Api ===

impl Api {
    #[must_use]
    pub fn new(
        config: &Config,
        facts: Facts,
        published: Arc<Published>,
        reports: watch::Receiver<Arc<Report>>,
        control: Handle,
    ) -> Self {
        Self {
            base: config.base_path.trim_end_matches('/').to_owned(),
            facts: Arc::new(facts),
            published,
            reports,
            desk: Desk::new(control),
        }
    }

    async fn answer(&self, req: Request) -> Response {
        let path = req.path().strip_prefix(self.base.as_str());
        let Some(resource) = path.and_then(Resource::of) else {
            return Response::text_error(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            let mut res = Response::new(StatusCode::METHOD_NOT_ALLOWED, Body::Empty);
            res.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return res;
        }
        let query = Query::parse(req.query());
        let report = Arc::clone(&self.reports.borrow());
        let (facts, published) = (Arc::clone(&self.facts), Arc::clone(&self.published));
        let work = move || match resource {
            Resource::Version => facts.version(),
            Resource::Overview => facts.overview(&report, &published.load_full()),
            Resource::RawData => resources::raw(&report),
            Resource::Explain => explain::answer(&published.load_full(), &report, &query),
            Resource::EntryPoints => facts.entry_points(&query),
            Resource::EntryPoint(name) => facts.entry_point(&name),
            Resource::Certificates => certificates::page(&published.load_full(), &query),
            Resource::Certificate(name) => certificates::get(&published.load_full(), &name),
            Resource::List(kind) => kind.list(&report, &query),
            Resource::Object(kind, name) => kind.get(&report, &name),
            Resource::BadName => Reply::error(StatusCode::BAD_REQUEST, "the name cannot be decoded"),
        };
        self.desk.ask(work).await
    }
}

impl Handler for Api {
    fn handle(&self, req: Request) -> Answer<'_> {
        Box::pin(self.answer(req))
    }
}

// === impl Resource ===

impl Resource {
    /// The resource of an escaped path below the base path.
    fn of(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
        let named =
            |name: &str, make: &dyn Fn(String) -> Self| decode(name, false).map_or(Self::BadName, make);
        Some(match *segments.as_slice() {
            ["version"] => Self::Version,
            ["overview"] => Self::Overview,
            ["rawdata"] => Self::RawData,
            ["explain"] => Self::Explain,
            ["entrypoints"] => Self::EntryPoints,
            ["entrypoints", name] => named(name, &Self::EntryPoint),
            ["certificates"] => Self::Certificates,
            ["certificates", name] => named(name, &Self::Certificate),
            [protocol, plural] => Self::List(Kind::of(protocol, plural)?),
            [protocol, plural, name] => {
                let kind = Kind::of(protocol, plural)?;
                named(name, &|name| Self::Object(kind, name))
            }
            _ => return None,
        })
    }
}
