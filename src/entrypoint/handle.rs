//! One request: made canonical, routed by one snapshot, run through its route, recorded.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use exchange::present::{Notable, Present};
use exchange::record::{Protocol, Seen};
use exchange::upgrade::{Downstream, Kept};
use exchange::{Body, Connection, Error, Kind, Record, Request, Response};
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use router::View;
use service::hop_by_hop;
use snapshot::Route;
use telemetry::Recorder;
use tokio::time::timeout_at;

use crate::body::{Open, Received, Sent, is_read_to_its_end, note_grpc_status};
use crate::canonical::{self, Authority};
use crate::forwarded::{self, Facts};
use crate::state::{State, WRITE_TIMEOUT};
use crate::{EntryPoint, drain, extended_connect};

/// What all requests of a connection share.
pub(crate) struct Serving {
    pub(crate) entry_point: Arc<EntryPoint>,
    pub(crate) connection: Rc<Connection>,
    pub(crate) state: Rc<State>,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) drain: Rc<drain::Local>,
    /// The last host that was made canonical: the next request's is nearly always the same.
    pub(crate) authority: RefCell<Option<Rc<Authority>>>,
    /// HTTP/2: will the next task of hyper's drive a tunnel? It is started by the answer that opens one.
    pub(crate) opens_tunnel: Cell<bool>,
}

impl Serving {
    /// HTTP/2: when a stream that has begun now is to have ended (`writeTimeout`). HTTP/1 has its connection's timer.
    fn answered_until(&self) -> Option<Instant> {
        let limit = self.entry_point.settings.write_timeout.filter(|_| self.state.is_multiplexed())?;
        Some(Instant::now() + limit)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A `101` that could not be written: an upgrade would wait for its stream, and keep the state it comes from alive.
        self.state.withdraw_upgrade();
    }
}

/// `writeTimeout` has passed on an HTTP/2 stream before there was an answer: hyper resets the stream, as Go does.
#[derive(Debug, thiserror::Error)]
#[error("the answer took too long")]
pub(crate) struct TooLate;

/// Answers one request. Every failure is an answer too.
pub(crate) async fn handle(
    cx: Rc<Serving>,
    req: http::Request<Incoming>,
) -> Result<http::Response<Sent>, TooLate> {
    let started = cx.state.begin();
    let mut record = Record::new(Rc::clone(&cx.connection), req.method().clone(), started);
    if cx.recorder.wants_seen() {
        record.seen = Some(Box::new(seen(&req, cx.recorder.wants_headers())));
    }
    let record = Rc::new(record);
    let until = cx.answered_until();
    let open = Open {
        record: Rc::clone(&record),
        state: Rc::clone(&cx.state),
        recorder: Rc::clone(&cx.recorder),
        until,
    };
    let is_http1 = req.version() <= Version::HTTP_11;
    let mut upgraded = None;
    let res = match receive(&cx, req, &record) {
        Ok(req) => {
            upgraded = req.upgrade.as_ref().map(Downstream::kept);
            // Pinned here, where it is made: a future of this size is not to be moved.
            let answer = pin!(route(&cx, req));
            match until {
                None => guarded(answer).await,
                Some(until) => {
                    let answer = Box::pin(timeout_at(until.into(), guarded(answer)));
                    answer.await.map_err(|_elapsed| {
                        record.reason.set(Some(WRITE_TIMEOUT));
                        TooLate
                    })?
                }
            }
        }
        Err(kind) => {
            if is_http1 {
                // Its framing cannot be trusted either.
                cx.state.part();
            }
            Error::downstream(kind).into_response()
        }
    };
    if let Some(left) = cx.state.take_left()
        && Box::pin(is_read_to_its_end(left)).await
    {
        cx.state.catch_up();
    }
    Ok(send(&cx, res, Answering { open, upgraded, until, is_http1 }))
}

/// The head as it was received, for the access log.
fn seen(req: &http::Request<Incoming>, with_headers: bool) -> Seen {
    let header = |name: http::HeaderName| req.headers().get(name).cloned();
    Seen {
        at: SystemTime::now(),
        target: req.uri().clone().into(),
        version: req.version(),
        host: header(http::header::HOST)
            .or_else(|| HeaderValue::from_str(req.uri().authority()?.as_str()).ok()),
        referer: header(http::header::REFERER),
        user_agent: header(http::header::USER_AGENT),
        forwarded_for: joined(req.headers(), &exchange::headers::X_FORWARDED_FOR),
        headers: with_headers.then(Box::default),
    }
}

/// A header that is a list may stand on several lines (RFC 9110 5.3).
fn joined(headers: &HeaderMap, name: &http::HeaderName) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_none() {
        return Some(first.clone());
    }
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).ok()
}

/// Makes the request canonical, or says why it cannot be.
fn receive(cx: &Serving, req: http::Request<Incoming>, record: &Rc<Record>) -> Result<Box<Request>, Kind> {
    let (mut head, incoming) = req.into_parts();
    // As they came, should the request be refused; what is passed on, at the end.
    record.note_headers(&head.headers, |seen| &seen.request);
    let tunnel = extended_connect::receive(&mut head)?;
    head.extensions.clear();
    let settings = &cx.entry_point.settings;
    let authority = canonical::authority(&mut head, cx)?;
    let present = Present::of(&head.headers);
    canonical::framing(&head, present)?;
    canonical::size(&head, settings)?;
    settings.admission.underscores.apply(&mut head.headers)?;
    canonical::target(&mut head, settings)?;
    if head.version == Version::HTTP_2 && present.has(Notable::Cookie) {
        canonical::cookies(&mut head.headers);
    }
    record.note_target(&head.uri);
    if present.has(Notable::Connection) {
        hop_by_hop::strip_received(&mut head.headers, &settings.forwarded.connection);
    }
    let upgrade = Some(&head.headers)
        .filter(|_| present.has(Notable::Upgrade))
        .filter(|_| head.version == Version::HTTP_11 || tunnel.is_some())
        .and_then(hop_by_hop::requested_upgrade)
        .inspect(|protocol| record.kind.set(upgrade_kind(protocol)));
    let client = client(cx, &head.headers);
    record.client.set(client);
    if present.has(Notable::ContentType) {
        note_kind(record, &head.headers);
    }
    forwarded::apply(
        &mut head.headers,
        present,
        &Facts {
            peer: &cx.connection.peer_value,
            is_trusted: cx.connection.trusted,
            is_tls: cx.connection.tls.is_some(),
            is_websocket: record.kind.get() == Protocol::Websocket,
            port: &authority.port,
            add_scheme: settings.forwarded.add_scheme,
        },
    );
    record.note_headers(&head.headers, |seen| &seen.request);
    cx.recorder.note_labels(record, &head.headers);
    // Who waits for a `100` before the body has not sent it, and is not to be asked for it.
    let drains = head.version <= Version::HTTP_11 && !present.has(Notable::Expect);
    Ok(Box::new(Request {
        head,
        body: Received::wrap(incoming, record, &cx.state, settings.read_timeout, drains),
        host: Rc::clone(&authority.host),
        connection: Rc::clone(&cx.connection),
        client,
        record: Rc::clone(record),
        append_forwarded_for: !settings.forwarded.not_append_for,
        upgrade: upgrade.map(|_| match tunnel {
            None => Downstream::new(cx.state.offer_upgrade()),
            Some(stream) => extended_connect::downstream(stream),
        }),
    }))
}

/// Who asks: the peer, or whom a trusted one names.
fn client(cx: &Serving, headers: &HeaderMap) -> IpAddr {
    let peer = cx.connection.peer.ip();
    if cx.connection.trusted {
        forwarded::client(headers, &cx.entry_point.settings.forwarded, peer)
    } else {
        peer
    }
}

fn upgrade_kind(protocol: &HeaderValue) -> Protocol {
    if hop_by_hop::has_token(protocol, "websocket") { Protocol::Websocket } else { Protocol::Http }
}

fn note_kind(record: &Record, headers: &HeaderMap) {
    let Some(content_type) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else {
        return;
    };
    if content_type.starts_with(b"application/grpc-web") {
        record.kind.set(Protocol::GrpcWeb);
    } else if content_type.starts_with(b"application/grpc") {
        record.kind.set(Protocol::Grpc);
    }
}

/// Finds the route in the snapshot of this moment and runs it.
async fn route(cx: &Serving, req: Box<Request>) -> Response {
    let route = match find(cx, &req) {
        Ok(route) => route,
        Err(kind) => return Error::internal(kind).into_response(),
    };
    *req.record.route.borrow_mut() = Some(Arc::clone(&route.name));
    if let (Some(wanted), Some(tls)) = (&route.tls_options, &cx.connection.tls)
        && **wanted != *tls.options
    {
        return Error::downstream(Kind::Misdirected).into_response();
    }
    if route.disabled.is_some() {
        return Error::internal(Kind::RouterDisabled).into_response();
    }
    if cx.entry_point.settings.admission.encoded.refuse(req.path()) {
        return Error::downstream(Kind::EncodedCharacter).into_response();
    }
    middleware::run(&route.steps, req, &route.service).await
}

fn find(cx: &Serving, req: &Request) -> Result<Arc<Route>, Kind> {
    let snapshot = cx.entry_point.published.load();
    let missing = if snapshot.complete { Kind::NoRouter } else { Kind::Starting };
    let routes = snapshot.entry_point(&cx.entry_point.name).ok_or(missing)?;
    let path = router::routing_path(req.path()).map_err(|_bad_escape| Kind::Malformed)?;
    let view = View {
        method: req.method(),
        host: &req.host,
        path: &path,
        query: req.query(),
        headers: req.headers(),
        client: cx.connection.peer.ip(),
    };
    routes.table(cx.connection.tls.is_some()).find(&view).map(Arc::clone).ok_or(missing)
}

/// A panic in a route is a 500, not the end of the connection.
async fn guarded(mut answer: Pin<&mut impl Future<Output = Response>>) -> Response {
    let caught = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_panic) => std::task::Poll::Ready(None),
        }
    })
    .await;
    caught.unwrap_or_else(|| {
        tracing::error!("a request handler panicked");
        Error::internal(Kind::Internal).into_response()
    })
}

/// An exchange whose answer is there.
struct Answering {
    open: Open,
    /// What lives as long as an upgraded stream.
    upgraded: Option<Kept>,
    until: Option<Instant>,
    is_http1: bool,
}

/// The response as hyper sends it.
fn send(cx: &Serving, res: Response, answering: Answering) -> http::Response<Sent> {
    let Answering { mut open, upgraded, until, is_http1 } = answering;
    let res = if upgraded.is_some() && !is_http1 { extended_connect::answer(res) } else { res };
    let Response { mut head, body, failure } = res;
    let agreed = if is_http1 { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::OK };
    let upgraded = upgraded.filter(|_| head.status == agreed);
    cx.opens_tunnel.set(upgraded.is_some() && !is_http1);
    let record = &open.record;
    record.status.set(Some(head.status));
    if let Some(failure) = failure {
        note_failure(record, &failure);
    }
    note_response_kind(record, &head.headers, &body);
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        cx.state.set_upgraded();
    } else {
        cx.state.withdraw_upgrade();
        if cx.drain.is_leaving() || cx.state.is_last(&cx.entry_point.settings) {
            cx.state.part();
        }
        if is_http1 && cx.state.answers_early() {
            cx.state.part();
        }
        if is_http1 && cx.state.is_parting() {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    record.note_headers(&head.headers, |seen| &seen.response);
    head.version = Version::default();
    head.extensions.clear();
    let open = match upgraded {
        None => Some(open),
        Some(kept) => {
            open.until = None;
            kept.put(open);
            None
        }
    };
    http::Response::from_parts(head, Sent::new(body, open, until))
}

fn note_failure(record: &Record, failure: &Error) {
    record.reason.set(Some(failure.kind.reason()));
    if failure.side == exchange::error::Side::Upstream {
        record.origin_status.set(Some(failure.kind.status()));
    }
    tracing::debug!(reason = failure.kind.reason(), error = %telemetry::chain(failure), "exchange failed");
}

fn note_response_kind(record: &Record, headers: &HeaderMap, body: &Body) {
    if record.kind.get() == Protocol::Grpc && body.is_empty() {
        note_grpc_status(record, headers);
    }
    if record.kind.get() == Protocol::Http
        && headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
    {
        record.kind.set(Protocol::Sse);
    }
}
