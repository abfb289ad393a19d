//! A client's stream: plain or TLS, what was read ahead first; it notes what the connection's state needs to know.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::state::State;

/// What is read at once of what nobody wants, and altogether.
const DISCARDED: usize = 8 * 1024;
const DISCARDED_AT_MOST: usize = 1024 * 1024;

/// Bytes both ways, with those that were read ahead.
pub(crate) struct Stream {
    /// Read before the rest of the stream.
    ahead: Bytes,
    transport: Transport,
    state: Rc<State>,
}

pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<tls::ServerStream<TcpStream>>),
}

impl Stream {
    pub(crate) fn new(transport: Transport, ahead: Bytes, state: Rc<State>) -> Self {
        Self { ahead, transport, state }
    }

    /// Puts bytes that were read, but not used, back in front.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            // Not kept: an empty slice holds its whole buffer.
        } else if self.ahead.is_empty() {
            self.ahead = bytes;
        } else {
            self.ahead = [bytes, std::mem::take(&mut self.ahead)].concat().into();
        }
    }

    /// Waits until the socket has something to read, its end included.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        if !self.ahead.is_empty() {
            return Ok(());
        }
        match &self.transport {
            Transport::Plain(tcp) => tcp.readable().await,
            Transport::Tls(tls) => tls.get_ref().readable().await,
        }
    }

    /// Has anything come that the event loop has not told us of yet?
    pub(crate) fn has_more(&self) -> bool {
        let tcp = match &self.transport {
            Transport::Plain(tcp) => tcp,
            Transport::Tls(tls) => tls.get_ref(),
        };
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        !self.ahead.is_empty()
            || rustix::net::recv(tcp, &mut [0_u8; 1][..], flags).is_ok_and(|(read, _)| read > 0)
    }

    /// Reads and forgets what the client is still sending. Closing with something unread makes the kernel reset the
    /// connection, and the client may lose the answer that is on its way.
    pub(crate) async fn discard(&mut self) {
        let mut buffer = vec![0; DISCARDED];
        let mut left = DISCARDED_AT_MOST;
        while let Ok(read) = self.read(&mut buffer).await
            && read > 0
            && left > read
        {
            left -= read;
        }
    }

    /// Does TLS hold nothing back that has come already?
    pub(crate) fn is_quiet(&mut self) -> bool {
        match &mut self.transport {
            Transport::Plain(_) => true,
            Transport::Tls(tls) => tls.is_quiet(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let length = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(length));
            this.state.note_read();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = match &mut this.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
        };
        this.state.read_dry.set(polled.is_pending());
        if buf.filled().len() > before {
            this.state.note_read();
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.state.unflushed.set(true);
        match &mut this.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.state.unflushed.set(true);
        match &mut this.transport {
            Transport::Plain(tcp) => service::gather::poll_write(tcp, cx, bufs),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(tcp) => tcp.is_write_vectored(),
            Transport::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = match &mut this.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        };
        if polled.is_ready() {
            this.state.unflushed.set(false);
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("ahead", &self.ahead.remaining()).finish_non_exhaustive()
    }
}
