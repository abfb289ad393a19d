//! The bare stream that is left when both sides have agreed to speak something else.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// A stream of bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl std::fmt::Debug for dyn Duplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Duplex")
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// The client's stream; it comes once the `101` has been written, or never.
pub type Downstream = oneshot::Receiver<Box<dyn Duplex>>;
