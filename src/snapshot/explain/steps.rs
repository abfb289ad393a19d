//! What each middleware does to the request. Those that count, or ask somebody, are described and not run.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use exchange::connection::{Open, Tls};
use exchange::record::Record;
use exchange::{Answer, Body, Connection, Handler, Request, Response};
use http::header::{HOST, LOCATION};
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

/// How far the request came.
#[derive(Default)]
pub(super) struct Walked {
    /// The status of the middleware that answers.
    pub(super) answered: Option<u16>,
    /// Goes on only if a password is right that was not compared.
    pub(super) hangs_on_password: bool,
}

/// Wakes the thread that waits.
struct Unpark(Thread);

/// Longest that a middleware is waited for: some passwords take a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the request through the route's middlewares, up to the one that answers.
pub(super) fn walk(
    route: &Route,
    state: &mut State,
    question: &Question,
    asked: &Canonical,
    told: &mut Explanation,
) -> Walked {
    let mut walked = Walked::default();
    for step in &route.steps {
        let (name, kind, mut effect) = step.describe();
        let is_left = !question.compares_passwords && step.compares_password(&state.headers);
        if is_left {
            effect.push_str("; answers 401 unless the password is right, which is not compared here");
            walked.hangs_on_password = true;
        }
        let outcome =
            (!is_left && is_harmless(kind)).then(|| run(step, state, question, asked, &told.entry_point));
        match outcome.flatten() {
            None => {}
            Some(Ok(after)) => {
                effect.push_str(&difference(state, &after));
                *state = after;
            }
            Some(Err(res)) => {
                effect.push_str(&format!("; answers {}", answer_text(&res)));
                walked.answered = Some(res.status().as_u16());
            }
        }
        told.middlewares.push(Middleware { name: name.to_owned(), kind: kind.to_owned(), effect });
        if walked.answered.is_some() {
            break;
        }
    }
    walked
}

/// May it be run without a trace? Counting would be one, and so would be asking somebody else.
fn is_harmless(kind: &str) -> bool {
    !matches!(
        kind,
        "rateLimit" | "inFlightReq" | "circuitBreaker" | "retry" | "buffering" | "forwardAuth" | "digestAuth"
    )
}

/// Runs one step. `None`: it took too long.
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
    let res = wait(std::pin::pin!(middleware::run(steps, Box::new(req), &service)))?;
    let passed = caught.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    Some(passed.ok_or(res))
}

/// Waits on this thread, which serves nobody: passwords are hashed on others.
fn wait<F: Future>(mut running: Pin<&mut F>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let until = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(done) = running.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(done);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
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
        let mut headers = asked.headers.clone();
        headers.insert(HOST, HeaderValue::from_str(&question.host).ok()?);
        Some(Self { method: question.method.clone(), uri: target.parse().ok()?, headers })
    }

    fn request(&self, question: &Question, asked: &Canonical, entry_point: &Arc<str>) -> Request {
        let tls = question.secure.then(|| Tls {
            version: "1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: question.server_name().as_deref().map(Into::into),
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
