//! The bare stream that is left when both sides have agreed to speak something else.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// A stream of bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl fmt::Debug for dyn Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Duplex")
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// The client's side of an upgrade, for whoever splices; he keeps it until the last byte has passed.
#[derive(Debug)]
pub struct Downstream {
    stream: oneshot::Receiver<Box<dyn Duplex>>,
    kept: Kept,
}

/// Something that lives as long as the upgraded stream: the exchange, which ends with it.
#[derive(Clone, Default)]
pub struct Kept(Rc<RefCell<Option<Box<dyn Any>>>>);

// === impl Downstream ===

impl Downstream {
    #[must_use]
    pub fn new(stream: oneshot::Receiver<Box<dyn Duplex>>) -> Self {
        Self { stream, kept: Kept::default() }
    }

    /// The client's stream; it comes once the head that agrees has been written, or never.
    pub async fn stream(&mut self) -> Option<Box<dyn Duplex>> {
        (&mut self.stream).await.ok()
    }

    /// Where to put what is to live as long.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }
}

// === impl Kept ===

impl Kept {
    pub fn put(&self, thing: impl Any) {
        *self.0.borrow_mut() = Some(Box::new(thing));
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}
