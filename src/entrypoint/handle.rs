//! One request: made canonical, routed by one snapshot, run through its route, recorded.

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use exchange::record::{Protocol, Seen};
use exchange::{Body, Connection, Error, Kind, Record, Request, Response};
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Version};
use hyper::body::Incoming;
use router::View;
use service::hop_by_hop;
use snapshot::Route;
use telemetry::Recorder;

use crate::body::{Open, Received, Sent, note_grpc_status};
use crate::canonical::{self, Authority};
use crate::forwarded::{self, Facts};
use crate::state::State;
use crate::{EntryPoint, drain};

/// What all requests of a connection share.
pub(crate) struct Serving {
    pub(crate) entry_point: Arc<EntryPoint>,
    pub(crate) connection: Rc<Connection>,
    pub(crate) state: Rc<State>,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) drain: Rc<drain::Local>,
    /// The last host that was made canonical: the next request's is nearly always the same.
    pub(crate) authority: RefCell<Option<Rc<Authority>>>,
}

/// Answers one request. Every failure is an answer too.
pub(crate) async fn handle(
    cx: Rc<Serving>,
    req: http::Request<Incoming>,
) -> Result<http::Response<Sent>, Infallible> {
    let started = cx.state.begin();
    let mut record = Record::new(Rc::clone(&cx.connection), req.method().clone(), started);
    if cx.recorder.wants_seen() {
        record.seen = Some(Box::new(seen(&req)));
    }
    let record = Rc::new(record);
    let open =
        Open { record: Rc::clone(&record), state: Rc::clone(&cx.state), recorder: Rc::clone(&cx.recorder) };
    let is_http1 = req.version() <= Version::HTTP_11;
    let res = match receive(&cx, req, &record) {
        // Pinned here, where it is made: a future of this size is not to be moved.
        Ok(req) => guarded(pin!(route(&cx, req))).await,
        Err(kind) => {
            if is_http1 {
                // Its framing cannot be trusted either.
                cx.state.part();
            }
            Error::downstream(kind).into_response()
        }
    };
    Ok(send(&cx, res, open, is_http1))
}

/// The head as it was received, for the access log.
fn seen(req: &http::Request<Incoming>) -> Seen {
    let header = |name: http::HeaderName| req.headers().get(name).cloned();
    Seen {
        at: SystemTime::now(),
        target: req.uri().clone().into(),
        version: req.version(),
        host: header(http::header::HOST)
            .or_else(|| HeaderValue::from_str(req.uri().authority()?.as_str()).ok()),
        referer: header(http::header::REFERER),
        user_agent: header(http::header::USER_AGENT),
        forwarded_for: header(exchange::headers::X_FORWARDED_FOR),
    }
}

/// Makes the request canonical, or says why it cannot be.
fn receive(cx: &Serving, req: http::Request<Incoming>, record: &Rc<Record>) -> Result<Box<Request>, Kind> {
    let (mut head, incoming) = req.into_parts();
    head.extensions.clear();
    let settings = &cx.entry_point.settings;
    let authority = canonical::authority(&mut head, cx)?;
    canonical::framing(&mut head)?;
    canonical::size(&head, settings.max_header_bytes)?;
    canonical::underscores(&mut head.headers, settings.underscores)?;
    canonical::target(&mut head, settings)?;
    if head.version == Version::HTTP_2 {
        canonical::cookies(&mut head.headers);
    }
    record.note_target(&head.uri);
    hop_by_hop::strip_received(&mut head.headers, &settings.forwarded.connection);
    let upgrade = hop_by_hop::requested_upgrade(&head.headers)
        .filter(|_| head.version == Version::HTTP_11)
        .inspect(|protocol| record.kind.set(upgrade_kind(protocol)));
    let trusted = cx.connection.trusted;
    let client = if trusted {
        forwarded::client(&head.headers, &settings.forwarded, cx.connection.peer.ip())
    } else {
        cx.connection.peer.ip()
    };
    record.client.set(client);
    note_kind(record, &head.headers);
    forwarded::apply(
        &mut head.headers,
        &Facts {
            peer: &cx.connection.peer_value,
            is_trusted: trusted,
            is_tls: cx.connection.tls.is_some(),
            is_websocket: record.kind.get() == Protocol::Websocket,
            port: &authority.port,
        },
    );
    Ok(Box::new(Request {
        head,
        body: Received::wrap(incoming, record, &cx.state, settings.read_timeout),
        host: Rc::clone(&authority.host),
        connection: Rc::clone(&cx.connection),
        client,
        record: Rc::clone(record),
        append_forwarded_for: !settings.forwarded.not_append_for,
        upgrade: upgrade.map(|_| cx.state.offer_upgrade()),
    }))
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
    if cx.entry_point.settings.encoded.refuse(req.path()) {
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

/// The response as hyper sends it.
fn send(cx: &Serving, res: Response, open: Open, is_http1: bool) -> http::Response<Sent> {
    let Response { mut head, body, failure } = res;
    let record = &open.record;
    record.status.set(Some(head.status));
    if let Some(failure) = failure {
        note_failure(record, &failure);
    }
    note_response_kind(record, &head.headers, &body);
    if head.status == http::StatusCode::SWITCHING_PROTOCOLS {
        cx.state.set_upgraded();
    } else {
        cx.state.withdraw_upgrade();
        if cx.drain.is_leaving() || cx.state.is_last(&cx.entry_point.settings) {
            cx.state.part();
        }
        if is_http1 && cx.state.is_parting() {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    head.version = Version::default();
    head.extensions.clear();
    http::Response::from_parts(head, Sent::new(body, open, cx.entry_point.settings.write_timeout))
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
