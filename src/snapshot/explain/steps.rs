//! What each middleware does to the request. Those that count, or have to wait, are described and not run.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use exchange::connection::{Open, Tls};
use exchange::record::Record;
use exchange::{Answer, Body, Connection, Handler, Request, Response};
use http::header::{AUTHORIZATION, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use middleware::Step;
use serde::Serialize;
use service::Service;

use super::Explanation;
use super::question::{Canonical, Question};
use crate::Route;

/// One middleware on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Middleware {
    pub name: String,
    /// Traefik's name of the kind.
    #[serde(rename = "type")]
    pub kind: String,
    pub effect: String,
}

/// The part of a request that middlewares change.
#[derive(Clone)]
pub(super) struct State {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// Stands for everything behind a middleware, and keeps what reaches it.
#[derive(Default)]
struct Catch(Mutex<Option<State>>);

/// Takes the request through the route's middlewares, up to the one that answers: its status.
pub(super) fn walk(
    route: &Route,
    state: &mut State,
    question: &Question,
    asked: &Canonical,
    told: &mut Explanation,
) -> Option<u16> {
    for step in &route.steps {
        let (name, kind, mut effect) = step.describe();
        let mut answer = None;
        let outcome = is_harmless(kind, state).then(|| run(step, state, question, asked, &told.entry_point));
        match outcome.flatten() {
            None => {}
            Some(Ok(after)) => {
                effect.push_str(&difference(state, &after));
                *state = after;
            }
            Some(Err(res)) => {
                effect.push_str(&format!("; answers {}", answer_text(&res)));
                answer = Some(res.status().as_u16());
            }
        }
        told.middlewares.push(Middleware { name: name.to_owned(), kind: kind.to_owned(), effect });
        if answer.is_some() {
            return answer;
        }
    }
    None
}

/// May it be run without a trace? Counting would be one, and hashing a password takes a runtime.
fn is_harmless(kind: &str, state: &State) -> bool {
    match kind {
        "rateLimit" | "inFlightReq" | "circuitBreaker" | "retry" | "buffering" | "forwardAuth" => false,
        "basicAuth" | "digestAuth" => !state.headers.contains_key(AUTHORIZATION),
        _ => true,
    }
}

/// Runs one step. `None`: it has to wait for something.
fn run(
    step: &Step,
    state: &State,
    question: &Question,
    asked: &Canonical,
    entry_point: &Arc<str>,
) -> Option<Result<State, Response>> {
    let caught = Arc::new(Catch::default());
    let service = Service::handler(Arc::clone(&caught) as Arc<dyn Handler>);
    let req = state.request(question, asked, entry_point);
    let steps = std::slice::from_ref(step);
    let mut running = std::pin::pin!(middleware::run(steps, Box::new(req), &service));
    let polled = running.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
    let Poll::Ready(res) = polled else { return None };
    let passed = caught.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    Some(passed.ok_or(res))
}

/// What has become of the target and of the headers. Values of headers may be secrets.
fn difference(before: &State, after: &State) -> String {
    let mut text = String::new();
    if before.uri != after.uri {
        text.push_str(&format!(": `{}` becomes `{}`", before.uri, after.uri));
    }
    let changed: Vec<&str> = after
        .headers
        .keys()
        .chain(before.headers.keys().filter(|name| !after.headers.contains_key(*name)))
        .filter(|name| before.headers.get_all(*name).iter().ne(after.headers.get_all(*name).iter()))
        .map(http::HeaderName::as_str)
        .collect();
    if !changed.is_empty() {
        text.push_str(&format!("; changes {}", changed.join(", ")));
    }
    text
}

fn answer_text(res: &Response) -> String {
    let status = res.status();
    match res.headers().get(LOCATION).and_then(|value| value.to_str().ok()) {
        Some(location) => format!("{status}, to {location}"),
        None => status.to_string(),
    }
}

// === impl State ===

impl State {
    pub(super) fn of(question: &Question, asked: &Canonical) -> Option<Self> {
        let target = match &asked.query {
            Some(query) => format!("{}?{query}", asked.path),
            None => asked.path.clone(),
        };
        let mut headers = question.headers.clone();
        headers.insert(HOST, HeaderValue::from_str(&question.host).ok()?);
        Some(Self { method: question.method.clone(), uri: target.parse().ok()?, headers })
    }

    fn request(&self, question: &Question, asked: &Canonical, entry_point: &Arc<str>) -> Request {
        let tls = question.secure.then(|| Tls {
            version: "1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: asked.sni.as_deref().map(Into::into),
            options: tls::config::DEFAULT.into(),
            client_certificates: Arc::default(),
        });
        let peer = SocketAddr::new(question.client, 0);
        let connection = Rc::new(Connection {
            entry_point: Arc::clone(entry_point),
            peer,
            local: peer,
            peer_value: HeaderValue::try_from(question.client.to_string())
                .unwrap_or_else(|_invalid| HeaderValue::from_static("unknown")),
            trusted: false,
            tls,
            open: Open::count(&Arc::default()),
        });
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method.clone_from(&self.method);
        head.uri.clone_from(&self.uri);
        head.headers.clone_from(&self.headers);
        Request {
            record: Rc::new(Record::new(Rc::clone(&connection), self.method.clone(), Instant::now())),
            head,
            body: Body::Empty,
            host: asked.host.as_str().into(),
            connection,
            client: question.client,
            append_forwarded_for: true,
            upgrade: None,
        }
    }
}

// === impl Catch ===

impl Handler for Catch {
    fn handle(&self, req: Request) -> Answer<'_> {
        let state = State { method: req.head.method, uri: req.head.uri, headers: req.head.headers };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Box::pin(async { Response::new(StatusCode::OK, Body::Empty) })
    }
}
