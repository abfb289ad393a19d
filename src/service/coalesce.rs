//! Fewer, larger writes for HTTP/2: frames are gathered and leave together once the connection has been polled.
//!
//! h2 flushes after each DATA frame, and TLS turns every write into a record and a system call of its own. Here a
//! flush is only promised; whoever drives the connection calls [`Writes::drain`] after each poll, with the same
//! context. A task of hyper's own that writes (a client's connection has one) wakes the driver.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is gathered at most. Larger writes go straight through.
const CAPACITY: usize = 64 * 1024;

struct Inner<T> {
    io: T,
    gathered: Vec<u8>,
    /// How much of it has been written.
    written: usize,
    unflushed: bool,
    /// Who drained last, and will again.
    driver: Option<Waker>,
    /// A task of hyper's own that waits for room. A stream wakes one writer only, and that is the driver.
    writer: Option<Waker>,
}

/// The stream that hyper owns.
pub struct Coalesced<T>(Rc<RefCell<Inner<T>>>);

/// The driver's end.
pub struct Writes<T>(Rc<RefCell<Inner<T>>>);

/// Makes both ends of a stream.
pub fn coalesced<T>(io: T) -> (Coalesced<T>, Writes<T>) {
    let inner = Rc::new(RefCell::new(Inner {
        io,
        gathered: Vec::new(),
        written: 0,
        unflushed: false,
        driver: None,
        writer: None,
    }));
    (Coalesced(Rc::clone(&inner)), Writes(inner))
}

impl<T: AsyncWrite + Unpin> Writes<T> {
    /// Writes and flushes what was gathered.
    ///
    /// # Errors
    /// When the stream fails: the connection is over.
    pub fn drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        if !inner.is_driven_by(cx) {
            inner.driver = Some(cx.waker().clone());
        }
        ready!(inner.write_out(cx))?;
        if let Some(writer) = inner.writer.take() {
            writer.wake();
        }
        if inner.unflushed {
            ready!(Pin::new(&mut inner.io).poll_flush(cx))?;
            inner.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the empty buffer back: the connection is idle.
    pub fn release(&self) {
        let mut inner = self.0.borrow_mut();
        if inner.pending() == 0 {
            inner.gathered = Vec::new();
            inner.written = 0;
        }
    }

    /// Has hyper let go of its end?
    pub fn is_last(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

impl<T> Inner<T> {
    fn is_driven_by(&self, cx: &Context<'_>) -> bool {
        self.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker()))
    }

    fn wake_driver(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }
}

impl<T> Drop for Coalesced<T> {
    fn drop(&mut self) {
        self.0.borrow().wake_driver();
    }
}

impl<T: AsyncWrite + Unpin> Inner<T> {
    fn write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.gathered.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.gathered.clear();
        Poll::Ready(Ok(()))
    }

    /// Makes the buffer empty, or waits until it is: a driver by the stream, others by the driver.
    fn make_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.driver.is_none() || self.is_driven_by(cx) {
            return self.write_out(cx);
        }
        if self.pending() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.writer = Some(cx.waker().clone());
        self.wake_driver();
        Poll::Pending
    }

    /// A write that is larger than the buffer.
    fn write_through(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.driver.is_none() || self.is_driven_by(cx) {
            return Pin::new(&mut self.io).poll_write(cx, buf);
        }
        let (first, _) = buf.split_at_checked(CAPACITY).unwrap_or((buf, &[]));
        self.gathered.extend_from_slice(first);
        Poll::Ready(Ok(first.len()))
    }

    fn pending(&self) -> usize {
        self.gathered.len() - self.written
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Coalesced<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Coalesced<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.0.borrow_mut();
        if inner.pending() + buf.len() > CAPACITY {
            ready!(inner.make_room(cx))?;
        }
        inner.unflushed = true;
        if buf.len() >= CAPACITY {
            return inner.write_through(cx, buf);
        }
        inner.gathered.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        let mut inner = self.0.borrow_mut();
        if inner.pending() + total > CAPACITY {
            ready!(inner.make_room(cx))?;
        }
        inner.unflushed = true;
        if total >= CAPACITY {
            let largest = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return inner.write_through(cx, largest);
        }
        for buf in bufs {
            inner.gathered.extend_from_slice(buf);
        }
        Poll::Ready(Ok(total))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Promised; the driver keeps it.
        let inner = self.0.borrow();
        if inner.unflushed && !inner.is_driven_by(cx) {
            inner.wake_driver();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        ready!(inner.make_room(cx))?;
        Pin::new(&mut inner.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
