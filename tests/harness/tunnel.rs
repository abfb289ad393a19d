//! A stream of HTTP/2 as a stream of bytes, opened with an extended CONNECT (RFC 8441).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Version};
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::connection::PATIENCE;
use super::http2::Http2;

/// Bytes both ways in one stream.
pub(crate) struct Tunnel {
    sender: SendStream<Bytes>,
    receiver: RecvStream,
    /// Came, but is not read yet.
    ahead: Bytes,
}

impl Http2 {
    /// Asks for a tunnel; gives the answer's head and, whatever it says, the stream.
    pub(crate) async fn tunnel(
        &mut self,
        protocol: &'static str,
        authority: &str,
        target: &str,
    ) -> Result<(http::response::Parts, Tunnel), h2::Error> {
        let request = Request::builder()
            .version(Version::HTTP_2)
            .method(Method::CONNECT)
            .uri(format!("{}://{authority}{target}", self.scheme))
            .header("sec-websocket-version", "13")
            .header("origin", "https://shop.test")
            .extension(Protocol::from_static(protocol));
        let (answer, sender) = self.sender.send_request(request.body(()).unwrap(), false)?;
        let (head, receiver) = timeout(PATIENCE, answer).await.expect("an answer in time")?.into_parts();
        Ok((head, Tunnel { sender, receiver, ahead: Bytes::new() }))
    }

    /// Has the gateway said that it takes extended CONNECT?
    pub(crate) fn offers_tunnels(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ahead.is_empty() {
            match ready!(this.receiver.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(data) => this.ahead = data.map_err(io::Error::other)?,
            }
        }
        let part = this.ahead.split_to(this.ahead.len().min(buf.remaining()));
        buf.put_slice(&part);
        let _ = this.receiver.flow_control().release_capacity(part.len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.sender.reserve_capacity(buf.len());
        while this.sender.capacity() == 0 {
            ready!(this.sender.poll_capacity(cx))
                .ok_or(io::ErrorKind::BrokenPipe)?
                .map_err(io::Error::other)?;
        }
        let part = &buf[..buf.len().min(this.sender.capacity())];
        this.sender.send_data(Bytes::copy_from_slice(part), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().sender.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
