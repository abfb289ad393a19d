//! What this snapshot does with a given request, step by step, and why. Nothing is sent, counted or changed.
//!
//! - `question` the request · `candidates` each router with the first term that was false
//! - `steps` what each middleware does to it · `text` the answer for people

mod candidates;
mod question;
mod steps;
mod text;

use std::sync::Arc;

use router::{Table, TcpView, View, routing_path};
use serde::Serialize;

use crate::report::Report;
use crate::{EntryPoint, Route, Snapshot};

pub use candidates::Candidate;
pub use question::Question;
pub use steps::Middleware;

use question::Canonical;
use steps::State;

/// What happens to a request. `Display` is the form for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub request: Asked,
    pub entry_point: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Handshake>,
    /// In the order they are asked; then those that would have matched, were they elsewhere or not disabled.
    pub candidates: Vec<Candidate>,
    /// How many routers of other hosts are not listed.
    pub omitted: usize,
    pub router: Option<Arc<str>>,
    pub middlewares: Vec<Middleware>,
    pub service: Option<Arc<str>>,
    pub servers: Vec<Server>,
    pub outcome: Outcome,
    pub source: Option<Origin>,
}

/// The request as routing reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    pub method: String,
    pub scheme: &'static str,
    pub host: String,
    /// The canonical path, with which the upstream is asked.
    pub path: String,
    /// What `Path` and `PathPrefix` compare, where that is something else.
    #[serde(rename = "routingPath", skip_serializing_if = "Option::is_none")]
    pub routing_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub client: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
}

/// What the handshake comes to.
#[derive(Clone, Debug, Serialize)]
pub struct Handshake {
    /// Name of the TLS options.
    pub options: Arc<str>,
    /// `None`: there is none to show, and the handshake fails.
    pub certificate: Option<Certificate>,
}

/// The certificate that is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    pub name: String,
    pub names: Vec<String>,
    pub not_after: String,
    pub fingerprint: String,
}

/// An endpoint that may get the request.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    pub url: Arc<str>,
    pub weight: i64,
    /// `up` or `down`.
    pub status: &'static str,
}

/// How it ends.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub kind: OutcomeKind,
    /// Where the gateway answers itself; what an endpoint will say nobody knows.
    pub status: Option<u16>,
    /// A reason as metrics and the access log name it, or a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// To one of the servers.
    Forwarded,
    /// A middleware or a service of our own answers.
    Answered,
    /// The gateway refuses it.
    Refused,
    /// The connection is closed without an answer.
    Closed,
}

/// Where the router was written.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    pub provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Answers what would happen. The report names the routers that are in no table.
///
/// # Errors
/// When it is no request, or the entry point does not exist.
pub fn explain(
    snapshot: &Snapshot,
    report: Option<&Report>,
    question: &Question,
) -> Result<Explanation, String> {
    let asked = question.canonical()?;
    let path = routing_path(&asked.path).map_err(|error| error.to_string())?;
    let view = asked.view(question, &path);
    let (name, entry_point) = choose(snapshot, question, &view)?;
    let mut told = Explanation::new(name, question, &asked, &path);
    if let Some(stop) = handshake(snapshot, entry_point, question, &asked, &mut told) {
        told.outcome = stop;
        return Ok(told);
    }
    let scope = candidates::Scope { snapshot, report, entry_point, name, secure: question.secure };
    (told.candidates, told.omitted) = candidates::list(&scope, &view);
    let Some(route) = entry_point.table(question.secure).find(&view) else {
        told.outcome = nobody(snapshot);
        return Ok(told);
    };
    follow(route, question, &asked, &mut told);
    Ok(told)
}

/// The entry point asked for; else the first with a route for the request; else the first with a route that is not
/// the gateway's own; else the first with any; else any.
fn choose<'s>(
    snapshot: &'s Snapshot,
    question: &Question,
    view: &View<'_>,
) -> Result<(&'s Arc<str>, &'s EntryPoint), String> {
    if let Some(name) = &question.entry_point {
        let found = snapshot.entry_points.get_key_value(&**name);
        return found
            .map(|(name, ep)| (name, &**ep))
            .ok_or_else(|| format!("there is no entry point `{name}`"));
    }
    let mut all: Vec<(&Arc<str>, &EntryPoint)> =
        snapshot.entry_points.iter().map(|(n, ep)| (n, &**ep)).collect();
    all.sort_by_key(|(name, _)| Arc::clone(name));
    let serving = all.iter().find(|(_, ep)| ep.table(question.secure).find(view).is_some());
    let is_wanted =
        |ep: &EntryPoint| ep.table(question.secure).iter().any(|entry| !entry.value.name.internal);
    let wanted = || all.iter().find(|(_, ep)| is_wanted(ep));
    let used = || all.iter().find(|(_, ep)| !ep.table(question.secure).is_empty());
    let found = serving.or_else(wanted).or_else(used).or_else(|| all.first());
    found.copied().ok_or_else(|| "there is no entry point".to_owned())
}

/// The handshake, or what a TCP router makes of the connection. `Some`: it ends here.
fn handshake(
    snapshot: &Snapshot,
    entry_point: &EntryPoint,
    question: &Question,
    asked: &Canonical,
    told: &mut Explanation,
) -> Option<Outcome> {
    let sni = asked.sni.as_deref();
    let connection = TcpView { sni: sni.unwrap_or_default(), alpn: &[], client: question.client };
    if let Some(route) = entry_point.claims(&connection, question.secure) {
        let reason =
            format!("the TCP router `{}` takes the connection, and TCP is not served yet", route.router);
        told.router = Some(Arc::clone(&route.router));
        return Some(Outcome::closed(reason));
    }
    if !question.secure {
        return None;
    }
    let options = entry_point.sni_options.get(sni);
    let certificate = snapshot.certificates.certificate_for(sni, options).map(|info| Certificate {
        name: info.common_name.clone(),
        names: info.sans.clone(),
        not_after: info.not_after.clone(),
        fingerprint: info.cert_fingerprint.clone(),
    });
    let is_missing = certificate.is_none();
    told.tls = Some(Handshake { options: Arc::clone(options), certificate });
    if let Err(refused) = snapshot.certificates.check_options(options) {
        return Some(Outcome::closed(format!(
            "the handshake is refused, TLS options `{options}`: {refused}"
        )));
    }
    is_missing
        .then(|| Outcome::closed("the handshake fails: there is no certificate for the name".to_owned()))
}

fn nobody(snapshot: &Snapshot) -> Outcome {
    if snapshot.complete { Outcome::refused(404, "no_router") } else { Outcome::refused(503, "starting") }
}

/// From the route on.
fn follow(route: &Route, question: &Question, asked: &Canonical, told: &mut Explanation) {
    let accepted = told.tls.as_ref().map(|tls| &tls.options);
    if accepted != route.tls_options.as_ref() {
        told.name(route);
        told.outcome = Outcome::refused(421, "misdirected");
        return;
    }
    let Some(mut state) = State::of(question, asked) else { return };
    let mut route = route;
    loop {
        told.name(route);
        if let Some(why) = &route.disabled {
            told.outcome = Outcome::refused(503, format!("router_disabled: {why}"));
            return;
        }
        if let Some(status) = steps::walk(route, &mut state, question, asked, told) {
            told.outcome = Outcome { kind: OutcomeKind::Answered, status: Some(status), reason: None };
            return;
        }
        let Some(layer) = &route.layer else { break };
        match below(layer, &state, question, asked, told) {
            Some(child) => route = child,
            None => {
                told.outcome = Outcome::refused(404, "no_router");
                return;
            }
        }
    }
    arrive(route, told);
}

/// The child that a request goes on to, as its parent's middlewares left it.
fn below<'r>(
    layer: &'r Table<Arc<Route>>,
    state: &State,
    question: &Question,
    asked: &Canonical,
    told: &mut Explanation,
) -> Option<&'r Route> {
    let path = routing_path(state.uri.path()).ok()?;
    let view = View {
        method: &state.method,
        host: &asked.host,
        path: &path,
        query: state.uri.query(),
        headers: &state.headers,
        client: question.client,
    };
    let (children, omitted) = candidates::of_table(layer, &view);
    told.candidates.extend(children);
    told.omitted += omitted;
    layer.find(&view).map(|child| &**child)
}

/// At the service.
fn arrive(route: &Route, told: &mut Explanation) {
    let endpoints = route.service.endpoints();
    told.servers = endpoints
        .into_iter()
        .map(|e| Server { url: e.url, weight: e.weight, status: if e.up { "up" } else { "down" } })
        .collect();
    told.outcome = if route.service.is_handler() {
        Outcome { kind: OutcomeKind::Answered, status: None, reason: None }
    } else if route.service.is_available() {
        Outcome { kind: OutcomeKind::Forwarded, status: None, reason: None }
    } else {
        Outcome::refused(503, "no_endpoint")
    };
}

// === impl Explanation ===

impl Explanation {
    fn new(entry_point: &Arc<str>, question: &Question, asked: &Canonical, routing_path: &str) -> Self {
        Self {
            request: Asked {
                method: question.method.to_string(),
                scheme: if question.secure { "https" } else { "http" },
                host: asked.host.clone(),
                path: asked.path.clone(),
                routing_path: Some(routing_path.to_owned()).filter(|path| *path != asked.path),
                query: asked.query.clone(),
                client: question.client,
                sni: asked.sni.clone(),
            },
            entry_point: Arc::clone(entry_point),
            tls: None,
            candidates: Vec::new(),
            omitted: 0,
            router: None,
            middlewares: Vec::new(),
            service: None,
            servers: Vec::new(),
            outcome: Outcome::refused(404, "no_router"),
            source: None,
        }
    }

    /// The router that was found, or the one below it.
    fn name(&mut self, route: &Route) {
        self.router = Some(Arc::clone(&route.name.router));
        self.service = Some(Arc::clone(&route.name.service)).filter(|service| !service.is_empty());
        self.source = Some(Origin::of(route));
    }
}

// === impl Outcome ===

impl Outcome {
    fn refused(status: u16, reason: impl Into<String>) -> Self {
        Self { kind: OutcomeKind::Refused, status: Some(status), reason: Some(reason.into()) }
    }

    fn closed(reason: String) -> Self {
        Self { kind: OutcomeKind::Closed, status: None, reason: Some(reason) }
    }
}

// === impl Origin ===

impl Origin {
    fn of(route: &Route) -> Self {
        let (name, provider) = route.name.router.rsplit_once('@').unwrap_or((&route.name.router, ""));
        let source = &route.source;
        let object = source.object.as_ref();
        let line = source.tree.as_ref().map(|tree| tree.place.line).filter(|line| *line > 0);
        Self {
            provider: provider.to_owned(),
            kind: object.map(|object| object.kind),
            namespace: object.map(|object| Arc::clone(&object.namespace)),
            name: object.map_or_else(|| name.to_owned(), |object| object.name.to_string()),
            file: source.file.as_ref().map(|file| file.display().to_string()),
            line: line.filter(|_| source.file.is_some()),
        }
    }
}

#[cfg(test)]
mod tests;
