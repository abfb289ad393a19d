//! Small writes of several buffers as one: `send` of one buffer costs the kernel less than `writev` of two.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// What is copied at most; above it the copy would cost more than it saves.
const SMALL: usize = 4096;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the socket what the buffers hold, or its beginning.
///
/// # Errors
/// Those of the socket.
pub fn poll_write(
    tcp: &mut TcpStream,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let tcp = Pin::new(tcp);
    if let [only] = bufs {
        return tcp.poll_write(cx, only);
    }
    let total: usize = bufs.iter().map(|buf| buf.len()).sum();
    if total > SMALL {
        return tcp.poll_write_vectored(cx, bufs);
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        for buf in bufs {
            scratch.extend_from_slice(buf);
        }
        tcp.poll_write(cx, scratch)
    })
}
