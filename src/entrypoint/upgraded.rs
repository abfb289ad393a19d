//! A client's stream after a `101`: whoever splices it does not know of drains, and is to end when one has no time left.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::drain::{Local, Seat};
use crate::stream::Stream;

/// Bytes both ways, until the drain cuts them off.
pub(crate) struct Upgraded {
    stream: Stream,
    drain: Rc<Local>,
    seat: Seat,
}

impl Upgraded {
    pub(crate) fn new(stream: Stream, drain: &Rc<Local>) -> Self {
        Self { stream, drain: Rc::clone(drain), seat: Seat::take(drain) }
    }

    /// Both directions are polled by one task.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.seat.wake_with(cx.waker());
        if self.drain.is_cut() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
