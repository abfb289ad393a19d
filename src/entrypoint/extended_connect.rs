//! WebSockets over HTTP/2 (RFC 8441). An extended CONNECT becomes the upgrade that it would be over HTTP/1.1, so that
//! rules, middlewares and services know one form; and the `101` of the service becomes the `200` of the stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchange::error::Retry;
use exchange::upgrade::{Downstream, Duplex};
use exchange::{Error, Kind, Response};
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

/// The protocol that can be bridged.
const WEBSOCKET: &str = "websocket";

/// Turns an extended CONNECT into an upgrade. Gives back the client's stream, which comes once it is answered.
///
/// # Errors
/// For every other CONNECT. hyper makes a stream of HTTP/2 alone, and a protocol only where it was offered.
pub(crate) fn receive(head: &mut Parts) -> Result<Option<OnUpgrade>, Kind> {
    if head.method != Method::CONNECT {
        return Ok(None);
    }
    let stream = head.extensions.remove::<OnUpgrade>();
    let protocol = head.extensions.remove::<Protocol>();
    let is_websocket = protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case(WEBSOCKET));
    let stream = stream.filter(|_| is_websocket).ok_or(Kind::ConnectRefused)?;
    head.method = Method::GET;
    head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    head.headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    head.headers.insert(SEC_WEBSOCKET_KEY, key()?);
    head.headers.entry(SEC_WEBSOCKET_VERSION).or_insert(HeaderValue::from_static("13"));
    Ok(Some(stream))
}

/// Sixteen bytes that nobody can guess (RFC 6455 4.1).
fn key() -> Result<HeaderValue, Kind> {
    let random = || ahash::RandomState::new().hash_one(0_u8).to_ne_bytes();
    HeaderValue::from_str(&STANDARD.encode([random(), random()].concat())).map_err(|_invalid| Kind::Internal)
}

/// The client's side, as whoever splices wants it.
pub(crate) fn downstream(stream: OnUpgrade) -> Downstream {
    let (taker, taken) = oneshot::channel::<Box<dyn Duplex>>();
    let _ends_with_the_answer = tokio::task::spawn_local(async move {
        if let Ok(stream) = stream.await {
            // Whoever wanted it may be gone; then the stream is dropped here.
            let _unwanted = taker.send(Box::new(TokioIo::new(stream)));
        }
    });
    Downstream::new(taken)
}

/// Turns the `101` into what it is over HTTP/2. Any other success would say the same, and mean something else.
pub(crate) fn answer(mut res: Response) -> Response {
    if res.status().is_success() {
        return Error::upstream(Kind::UpstreamMalformed, Retry::Never).into_response();
    }
    if res.status() == StatusCode::SWITCHING_PROTOCOLS {
        res.head.status = StatusCode::OK;
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT, CONTENT_LENGTH] {
            res.head.headers.remove(name);
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use exchange::{Body, Kind, Response};
    use http::{HeaderValue, Method, Request};

    use super::{answer, key, receive};

    #[test]
    fn other_requests_are_left_alone_and_a_plain_connect_is_refused() {
        let (mut head, ()) = Request::new(()).into_parts();
        assert!(receive(&mut head).unwrap().is_none());
        head.method = Method::CONNECT;
        assert_eq!(receive(&mut head).unwrap_err(), Kind::ConnectRefused);
        head.extensions.insert(hyper::ext::Protocol::from_static("websocket"));
        assert_eq!(receive(&mut head).unwrap_err(), Kind::ConnectRefused);
    }

    #[test]
    fn only_a_switch_becomes_a_success() {
        let check = |status: u16, wanted: u16| {
            let mut res = Response::new(status.try_into().unwrap(), Body::Empty);
            res.head.headers.insert("sec-websocket-accept", HeaderValue::from_static("x"));
            let res = answer(res);
            assert_eq!(res.status().as_u16(), wanted);
            assert!(status != 101 || res.headers().is_empty());
        };
        check(101, 200);
        check(200, 502);
        check(204, 502);
        check(403, 403);
    }

    #[test]
    fn keys_are_sixteen_bytes_and_never_the_same() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert_eq!(one.len(), 24);
        assert_ne!(one, other);
    }
}
