//! WebSocket and other upgrades over HTTP/1: a connection of their own, spliced both ways after the `101`.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use exchange::error::Retry;
use exchange::upgrade::Downstream;
use exchange::{Body, Connection, Error, Kind, Record};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::dial;
use crate::endpoint::Endpoint;
use crate::failure::classify;
use crate::forward::{Outgoing, Upstream, frame};
use crate::handshake::{http1_builder, refused};
use crate::hop_by_hop;

/// How long one direction may go on after the other has ended.
const HALF_CLOSED: Duration = Duration::from_secs(60);
/// What is read at once, in each direction.
const BUFFER: usize = 16 * 1024;

/// An upgrade the client asked for.
pub(crate) struct Wanted {
    pub(crate) protocol: HeaderValue,
    pub(crate) downstream: Downstream,
    /// Kept while bytes flow, so that a drain knows of them.
    pub(crate) connection: Rc<Connection>,
}

/// Forwards a request that asks for an upgrade. Any other answer than `101` is passed on as it is.
pub(crate) async fn forward(
    endpoint: &Arc<Endpoint>,
    mut req: Outgoing,
    wanted: Wanted,
    record: Rc<Record>,
) -> Result<Upstream, Error> {
    req.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    req.headers_mut().insert(UPGRADE, wanted.protocol.clone());
    let dialled = dial::dial(endpoint, true).await?;
    record.endpoint_address.set(Some(dialled.address));
    let (mut sender, connection) =
        http1_builder().handshake(TokioIo::new(dialled.stream)).await.map_err(refused)?;
    let _owned_by_the_exchange = tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(error = %error, "upgraded connection to an endpoint has ended");
        }
    });
    frame(&mut req);
    if let Some(via) = endpoint.via() {
        via.address(&mut req, endpoint.authority())?;
    }
    let answer = async { sender.send_request(*req).await.map_err(|error| classify(error, &record)) };
    let mut res = match endpoint.transport().response_header_timeout {
        None => answer.await?,
        Some(limit) => timeout(limit, answer)
            .await
            .map_err(|_elapsed| Error::upstream(Kind::ResponseTimeout, Retry::Never))??,
    };
    if res.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (head, incoming) = res.into_parts();
        return Ok((head, Body::from(incoming)));
    }
    let upstream = hyper::upgrade::on(&mut res);
    let (mut head, _) = res.into_parts();
    if !is_agreed(&wanted.protocol, head.headers.get(UPGRADE)) {
        return Err(Error::upstream(Kind::UpstreamMalformed, Retry::Never));
    }
    head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRANSFER_ENCODING);
    let _owned_by_the_connection = tokio::task::spawn_local(splice(wanted, upstream, record));
    Ok((head, Body::Empty))
}

/// RFC 9110 7.8: an endpoint must not switch to what was not asked for.
fn is_agreed(asked: &HeaderValue, answer: Option<&HeaderValue>) -> bool {
    let Some(Ok(answer)) = answer.map(HeaderValue::to_str) else {
        return false;
    };
    answer.split(',').all(|protocol| hop_by_hop::has_token(asked, protocol.trim()))
}

async fn splice(wanted: Wanted, upstream: OnUpgrade, record: Rc<Record>) {
    // The exchange ends with `downstream`, after the last byte was counted. Traefik: counts none of them.
    let Wanted { mut downstream, connection, .. } = wanted;
    let (Some(client), Ok(upstream)) = (downstream.stream().await, upstream.await) else {
        tracing::debug!("upgrade was not completed");
        return;
    };
    let (down_read, down_write) = tokio::io::split(client);
    let (up_read, up_write) = tokio::io::split(TokioIo::new(upstream));
    let to_upstream =
        copy(down_read, up_write, |bytes| record.request_size.set(record.request_size.get() + bytes));
    let to_client =
        copy(up_read, down_write, |bytes| record.response_size.set(record.response_size.get() + bytes));
    tokio::pin!(to_upstream, to_client);
    tokio::select! {
        () = &mut to_upstream => { let _cut = timeout(HALF_CLOSED, to_client).await; }
        () = &mut to_client => { let _cut = timeout(HALF_CLOSED, to_upstream).await; }
    }
    drop(downstream);
    drop(connection);
}

/// Copies until the end, which it passes on; an error ends the direction too.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, count: impl Fn(u64)) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            break;
        }
        count(read as u64);
    }
    let _already_closed = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::is_agreed;

    fn check(asked: &'static str, answer: Option<&'static str>, wanted: bool) {
        let answer = answer.map(HeaderValue::from_static);
        assert_eq!(
            is_agreed(&HeaderValue::from_static(asked), answer.as_ref()),
            wanted,
            "{asked}: {answer:?}"
        );
    }

    #[test]
    fn only_what_was_asked_for_is_agreed() {
        check("websocket", Some("websocket"), true);
        check("websocket", Some("WebSocket"), true);
        check("foo/2, websocket", Some("websocket"), true);
        check("websocket", Some("foo"), false);
        check("websocket", Some("websocket, foo"), false);
        check("websocket", Some(""), false);
        check("websocket", None, false);
    }
}
