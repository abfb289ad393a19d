//! What this snapshot does with a given request, step by step, and why. Nothing is sent, counted or changed.
//!
//! - `question` the request · `candidates` each router with the first term that was false
//! - `steps` what each middleware does to it · `text` the answer for people

mod candidates;
mod question;
mod steps;
mod text;

use std::sync::Arc;

use exchange::Kind;
use exchange::admission::Admission;
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
/// When the entry point does not exist.
pub fn explain(
    snapshot: &Snapshot,
    report: Option<&Report>,
    question: &Question,
) -> Result<Explanation, String> {
    let (name, entry_point) = choose(snapshot, question)?;
    let admission = snapshot.admission(name);
    let canonical = question.canonical(&admission);
    let mut told = match &canonical {
        Ok(asked) => Explanation::new(name, question, asked),
        Err(_refused) => Explanation::new(name, question, &question.as_given()),
    };
    if let Some(stop) = handshake(snapshot, entry_point, question, &mut told) {
        told.outcome = stop;
        return Ok(told);
    }
    let asked = match canonical {
        Ok(asked) => asked,
        Err(kind) => {
            told.outcome = Outcome::of(kind);
            return Ok(told);
        }
    };
    let view = asked.view(question);
    let scope = candidates::Scope { snapshot, report, entry_point, name, secure: question.secure };
    (told.candidates, told.omitted) = candidates::list(&scope, &view);
    let Some(route) = entry_point.table(question.secure).find(&view) else {
        told.outcome = Outcome::of(if snapshot.complete { Kind::NoRouter } else { Kind::Starting });
        return Ok(told);
    };
    follow(route, question, &asked, &admission, &mut told);
    Ok(told)
}

/// The entry point asked for; else the first with a route for the request; else the first with a route that is not
/// the gateway's own; else the first with any; else any.
fn choose<'s>(snapshot: &'s Snapshot, question: &Question) -> Result<(&'s Arc<str>, &'s EntryPoint), String> {
    if let Some(name) = &question.entry_point {
        let found = snapshot.entry_points.get_key_value(&**name);
        return found
            .map(|(name, ep)| (name, &**ep))
            .ok_or_else(|| format!("there is no entry point `{name}`"));
    }
    let mut all: Vec<(&Arc<str>, &EntryPoint)> =
        snapshot.entry_points.iter().map(|(n, ep)| (n, &**ep)).collect();
    all.sort_by_key(|(name, _)| Arc::clone(name));
    let serves = |name: &str, ep: &EntryPoint| {
        let asked = question.canonical(&snapshot.admission(name));
        asked.is_ok_and(|asked| ep.table(question.secure).find(&asked.view(question)).is_some())
    };
    let serving = all.iter().find(|(name, ep)| serves(name, ep));
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
    told: &mut Explanation,
) -> Option<Outcome> {
    let sni = told.request.sni.as_deref();
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

/// From the route on.
fn follow(
    route: &Route,
    question: &Question,
    asked: &Canonical,
    admission: &Admission,
    told: &mut Explanation,
) {
    let accepted = told.tls.as_ref().map(|tls| &tls.options);
    if accepted != route.tls_options.as_ref() {
        told.name(route);
        told.outcome = Outcome::of(Kind::Misdirected);
        return;
    }
    let Some(mut state) = State::of(question, asked) else {
        told.outcome = Outcome::of(Kind::Malformed);
        return;
    };
    let mut route = route;
    let mut hangs_on_password = false;
    loop {
        told.name(route);
        if let Some(why) = &route.disabled {
            let mut outcome = Outcome::of(Kind::RouterDisabled);
            outcome.reason = outcome.reason.map(|reason| format!("{reason}: {why}"));
            told.outcome = outcome;
            return;
        }
        if admission.encoded.refuse(&asked.path) {
            told.outcome = Outcome::of(Kind::EncodedCharacter);
            return;
        }
        let walked = steps::walk(route, &mut state, question, asked, told);
        if let Some(status) = walked.answered {
            told.outcome = Outcome { kind: OutcomeKind::Answered, status: Some(status), reason: None };
            return;
        }
        hangs_on_password |= walked.hangs_on_password;
        let Some(layer) = &route.layer else { break };
        match below(layer, &state, question, asked, told) {
            Some(child) => route = child,
            None => {
                told.outcome = Outcome::of(Kind::NoRouter);
                return;
            }
        }
    }
    arrive(route, told);
    if hangs_on_password && told.outcome.reason.is_none() {
        told.outcome.reason = Some("if the password is right".to_owned());
    }
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
        Outcome::of(Kind::NoEndpoint)
    };
}

// === impl Explanation ===

impl Explanation {
    fn new(entry_point: &Arc<str>, question: &Question, asked: &Canonical) -> Self {
        Self {
            request: Asked {
                method: question.method.to_string(),
                scheme: if question.secure { "https" } else { "http" },
                host: asked.host.clone(),
                path: asked.path.clone(),
                routing_path: Some(asked.routing_path.clone()).filter(|path| *path != asked.path),
                query: asked.query.clone(),
                client: question.client,
                sni: question.server_name(),
            },
            entry_point: Arc::clone(entry_point),
            tls: None,
            candidates: Vec::new(),
            omitted: 0,
            router: None,
            middlewares: Vec::new(),
            service: None,
            servers: Vec::new(),
            outcome: Outcome::of(Kind::NoRouter),
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
    /// What the gateway answers to it.
    fn of(kind: Kind) -> Self {
        let (status, reason) = (kind.status().as_u16(), kind.reason().to_owned());
        Self { kind: OutcomeKind::Refused, status: Some(status), reason: Some(reason) }
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
        let line = source.tree().map(|tree| tree.place.line).filter(|line| *line > 0);
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
