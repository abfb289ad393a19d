//! Sends an exchange to an endpoint and brings the head of its answer back; the body follows by itself.
//!
//! An HTTP/1 connection is polled by the exchange that uses it, first here, then by the response's body: no task,
//! no channel, four system calls for a small exchange.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use exchange::error::Retry;
use exchange::present::{Notable, Present};
use exchange::{Body, Error, Kind, Record, Request, Response};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::endpoint::{Endpoint, Protocol};
use crate::failure::classify;
use crate::load_balancer::LoadBalancer;
use crate::pool::{self, Http1, Http2, Kept, Lease};
use crate::spare::Spare;
use crate::{expect, handshake, hop_by_hop, upgrade, watch};

/// An answer of an endpoint, before it becomes ours.
pub(crate) type Upstream = (http::response::Parts, Body);

/// What is sent upstream.
/// Boxed: it passes through futures that would each hold it by value, twice.
pub(crate) type Outgoing = Box<http::Request<Body>>;

/// A failed try. `unsent`: the request, when none of it was sent.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) unsent: Option<Outgoing>,
}

/// Chooses an endpoint and forwards to it; a failure becomes the response that stands for it.
pub(crate) async fn forward(balancer: &LoadBalancer, req: Box<Request>) -> Response {
    let Some(endpoint) = balancer.choose() else {
        return Error::internal(Kind::NoEndpoint).into_response();
    };
    let record = Rc::clone(&req.record);
    *record.endpoint.borrow_mut() = Some(Arc::clone(endpoint.url()));
    *record.service.borrow_mut() = Some(Arc::clone(balancer.name()));
    // Only the access log wants to know.
    let sent = record.seen.as_ref().map(|_| Instant::now());
    let answered = send(balancer, endpoint, req).await;
    record.origin_duration.set(sent.map(|sent| sent.elapsed()));
    match answered {
        Ok((mut head, body)) => {
            record.origin_status.set(Some(head.status));
            let present = Present::of(&head.headers);
            match head.status {
                StatusCode::SWITCHING_PROTOCOLS => {}
                StatusCode::NO_CONTENT => {
                    hop_by_hop::strip_response(&mut head.headers, present);
                    // RFC 9110 8.6. Over HTTP/2 a client would wait for what is promised, or break off.
                    head.headers.remove(CONTENT_LENGTH);
                }
                _ => hop_by_hop::strip_response(&mut head.headers, present),
            }
            record.note_headers(&head.headers, |seen| &seen.origin);
            Response { head, body, failure: None }
        }
        Err(res) => *res,
    }
}

async fn send(
    balancer: &LoadBalancer,
    endpoint: &Arc<Endpoint>,
    req: Box<Request>,
) -> Result<Upstream, Box<Response>> {
    let record = Rc::clone(&req.record);
    let (outgoing, upgrade) = prepare(balancer, endpoint, *req)?;
    let sent = match upgrade {
        Some(upgrade) => Box::pin(upgrade::forward(endpoint, outgoing, upgrade, record)).await,
        None => match send_pooled(endpoint, outgoing, &record).await {
            Ok((head, _)) if !is_sound(&head) => Err(Error::upstream(Kind::UpstreamMalformed, Retry::Never)),
            sent => sent,
        },
    };
    sent.map_err(|error| Box::new(error.into_response()))
}

/// Turns the request into what goes upstream.
fn prepare(
    balancer: &LoadBalancer,
    endpoint: &Endpoint,
    req: Request,
) -> Result<(Outgoing, Option<upgrade::Wanted>), Box<Response>> {
    let target = endpoint.target_of(&req.head.uri)?;
    let mut outgoing = Box::new(http::Request::new(req.body));
    *outgoing.method_mut() = req.head.method;
    *outgoing.uri_mut() = Uri::from(target);
    *outgoing.headers_mut() = req.head.headers;
    let headers = outgoing.headers_mut();
    let present = Present::of(headers);
    let protocol = hop_by_hop::strip_request(headers, present);
    if req.append_forwarded_for {
        append_forwarded_for(headers, &req.connection.peer_value, present);
    }
    if !balancer.passes_host_header() || !present.has(Notable::Host) {
        headers.insert(HOST, endpoint.host().clone());
    }
    let upgrade = match (protocol, req.upgrade) {
        (Some(protocol), Some(downstream)) if !is_h2c(&protocol) => {
            Some(upgrade::Wanted { protocol, downstream, connection: req.connection })
        }
        _ => None,
    };
    Ok((outgoing, upgrade))
}

/// `Upgrade: h2c` is not forwarded: the request is served as HTTP/1.1.
fn is_h2c(protocol: &HeaderValue) -> bool {
    hop_by_hop::has_token(protocol, "h2c")
}

/// Lines are joined; the peer is the last of them.
fn append_forwarded_for(headers: &mut HeaderMap, peer: &HeaderValue, present: Present) {
    use exchange::headers::X_FORWARDED_FOR;
    if !present.has(Notable::ForwardedFor) {
        headers.insert(X_FORWARDED_FOR, peer.clone());
        return;
    }
    let mut joined = Vec::with_capacity(64);
    for value in headers.get_all(X_FORWARDED_FOR) {
        joined.extend_from_slice(value.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(peer.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)) {
        headers.insert(X_FORWARDED_FOR, value);
    }
}

/// Sends on a kept connection; when that one turns out to have been closed meanwhile, and it is safe, once more
/// on a new one.
async fn send_pooled(
    endpoint: &Arc<Endpoint>,
    mut req: Outgoing,
    record: &Record,
) -> Result<Upstream, Error> {
    expect::gate(&mut req);
    let limit = endpoint.transport().response_header_timeout;
    let Some(kept) = pool::take(endpoint) else {
        return Box::pin(send_fresh(endpoint, req, record)).await;
    };
    let spare = Spare::of(&req);
    let reused = match &kept {
        Kept::Http1(connection) => connection.reused,
        Kept::Http2(..) => true,
    };
    let sent = match limit {
        None => send_on(kept, endpoint, req, record).await,
        Some(limit) => {
            Box::pin(watch::deadline(limit, req, |req| send_on(kept, endpoint, req, record))).await
        }
    };
    match sent {
        Ok(answer) => Ok(answer),
        Err(Failed { error, unsent }) => {
            let again = || spare.filter(|_| error.retry == Retry::IfReused).and_then(Spare::into_request);
            match unsent.or_else(again) {
                Some(req) if reused => Box::pin(send_fresh(endpoint, req, record)).await,
                _ => Err(error),
            }
        }
    }
}

/// Sends on a new connection.
async fn send_fresh(endpoint: &Arc<Endpoint>, req: Outgoing, record: &Record) -> Result<Upstream, Error> {
    let kept = if endpoint.shares() {
        dial_shared(endpoint).await?
    } else {
        handshake::connect(endpoint, false).await?
    };
    let sent = match endpoint.transport().response_header_timeout {
        None => send_on(kept, endpoint, req, record).await,
        Some(limit) => watch::deadline(limit, req, |req| send_on(kept, endpoint, req, record)).await,
    };
    sent.map_err(|failed| failed.error)
}

/// One exchange dials, the others wait for the connection they will share, or for its failure.
async fn dial_shared(endpoint: &Arc<Endpoint>) -> Result<Kept, Error> {
    let asked = Instant::now();
    let dialling = pool::dialling(endpoint);
    let turn = dialling.turn.lock().await;
    pool::settled(endpoint).await;
    if let Some(kept) = pool::take(endpoint) {
        return Ok(kept);
    }
    if let Some(kind) = dialling.failed_since(asked) {
        return Err(Error::upstream(kind, Retry::Safe));
    }
    // The endpoint may have turned to HTTP/1 meanwhile.
    let _turn = endpoint.shares().then_some(turn);
    handshake::connect(endpoint, false).await.inspect_err(|error| dialling.fail(error.kind))
}

async fn send_on(
    kept: Kept,
    endpoint: &Endpoint,
    req: Outgoing,
    record: &Record,
) -> Result<Upstream, Failed> {
    match kept {
        Kept::Http1(connection) => {
            record.endpoint_address.set(Some(connection.address));
            send_http1(connection, req, record).await
        }
        Kept::Http2(connection, lease) => {
            record.endpoint_address.set(Some(connection.address));
            send_http2(connection, lease, endpoint, req, record).await
        }
    }
}

async fn send_http1(
    mut connection: Box<Http1>,
    mut req: Outgoing,
    record: &Record,
) -> Result<Upstream, Failed> {
    frame(&mut req);
    if let Some(via) = connection.endpoint.via()
        && let Err(error) = via.address(&mut req, connection.endpoint.authority())
    {
        return Err(Failed { error, unsent: None });
    }
    let is_bare = req.body().is_empty();
    let answer = connection.sender.try_send_request(*req);
    let mut answer = pin!(answer);
    let answered = poll_fn(|cx| {
        connection.poll_once(cx);
        answer.as_mut().poll(cx)
    })
    .await;
    match answered {
        Ok(res) => {
            let (head, incoming) = res.into_parts();
            connection.persists = is_bare && hop_by_hop::persists(&head);
            if incoming.is_end_stream() {
                exchange::body::Drive::give_back(connection);
                return Ok((head, Body::Empty));
            }
            Ok((head, Body::Upstream(incoming, Some(connection))))
        }
        Err(mut failed) => {
            let unsent = failed.take_message().map(|req| origin_form(Box::new(req)));
            Err(Failed { error: classify(failed.into_error(), record), unsent })
        }
    }
}

/// Says how the body ends, where hyper would not.
pub(crate) fn frame(req: &mut Outgoing) {
    if req.body().size_hint().exact().is_none() {
        // hyper would send a GET without its body.
        req.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else if req.body().is_empty()
        && matches!(*req.method(), Method::POST | Method::PUT | Method::PATCH)
        && !req.headers().contains_key(CONTENT_LENGTH)
    {
        // RFC 9110 8.6; some endpoints answer 411 otherwise.
        req.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// A request that comes back from hyper, without what was added for its connection.
fn origin_form(mut req: Outgoing) -> Outgoing {
    req.headers_mut().remove(TRANSFER_ENCODING);
    let Some(authority) = req.uri().authority() else {
        return req;
    };
    let host = HeaderValue::from_str(authority.as_str());
    let target = req.uri().path_and_query().cloned();
    if let (Ok(host), Some(target)) = (host, target) {
        req.headers_mut().insert(HOST, host);
        *req.uri_mut() = Uri::from(target);
    }
    req
}

async fn send_http2(
    mut connection: Http2,
    lease: Lease,
    endpoint: &Endpoint,
    mut req: Outgoing,
    record: &Record,
) -> Result<Upstream, Failed> {
    if let Err(error) = absolute_form(&mut req, endpoint) {
        return Err(Failed { error, unsent: None });
    }
    match connection.sender.try_send_request(*req).await {
        Ok(res) => {
            let (head, incoming): (_, Incoming) = res.into_parts();
            if incoming.is_end_stream() {
                return Ok((head, Body::Empty));
            }
            Ok((head, Body::Upstream(incoming, Some(Box::new(lease)))))
        }
        Err(mut failed) => {
            let unsent = failed.take_message().map(|req| origin_form(Box::new(req)));
            let error = classify(failed.into_error(), record);
            if error.retry == Retry::IfReused {
                // It may not know yet that it ends, and would be given to the next try.
                pool::retire(&connection);
            }
            Err(Failed { error, unsent })
        }
    }
}

/// HTTP/2 has `:scheme` and `:authority` where HTTP/1 has `Host`.
fn absolute_form(req: &mut Outgoing, endpoint: &Endpoint) -> Result<(), Error> {
    *req.version_mut() = Version::HTTP_2;
    let host = req.headers_mut().remove(HOST);
    if req.uri().authority().is_some() {
        return Ok(());
    }
    let authority = host
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .unwrap_or_else(|| endpoint.authority().clone());
    let mut parts = std::mem::take(req.uri_mut()).into_parts();
    parts.scheme = Some(match endpoint.protocol() {
        Protocol::Https => Scheme::HTTPS,
        Protocol::Http | Protocol::H2c => Scheme::HTTP,
    });
    parts.authority = Some(authority);
    *req.uri_mut() =
        Uri::from_parts(parts).map_err(|error| Error::internal(Kind::Internal).because(error))?;
    Ok(())
}

/// Can the answer be passed on as what it says it is?
fn is_sound(head: &http::response::Parts) -> bool {
    // An unasked `101`; more headers than HTTP/1 is let have; and a transfer coding that would be lost, as the header
    // that names it does not pass.
    !head.status.is_informational()
        && head.headers.len() <= handshake::HEADERS
        && head.headers.get_all(TRANSFER_ENCODING).iter().all(hop_by_hop::is_chunked)
}

#[cfg(test)]
mod tests;
