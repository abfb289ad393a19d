//! Bodies: bytes on their way, an enum so that passing one through costs nothing.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::Kind;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to read the body")]
    Read(#[source] hyper::Error),
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body was aborted: {0}")]
    Aborted(&'static str),
}

/// The body of a request or of a response.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    /// All of it at once. `None` when it has been taken.
    Full(Option<Bytes>),
    /// What a connection of hyper's receives, with the one that drives it where that is our task too.
    Upstream(Incoming, Option<Box<dyn Drive>>),
    /// Something that changes or watches another body.
    Wrapped(Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error>>>),
}

/// The upstream connection a response body is read from.
/// It makes progress only while somebody polls it, and goes back to its pool when the body has ended.
pub trait Drive {
    /// Lets the connection read and write. Never an error: that comes out of the body.
    fn poll_drive(&mut self, cx: &mut Context<'_>);
    /// The body has ended well: the connection may serve another exchange.
    fn give_back(self: Box<Self>);
}

// === impl Error ===

impl Error {
    /// What it means when the body is a client's.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Aborted(_) => Kind::RequestTimeout,
            Self::Read(error) if error.is_parse() || is_invalid(error) => Kind::Malformed,
            Self::Read(_) | Self::TooLarge { .. } => Kind::ClientClosed,
        }
    }
}

/// hyper says so of chunks that break the rules.
fn is_invalid(error: &hyper::Error) -> bool {
    std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>()).is_some_and(
        |error| matches!(error.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData),
    )
}

// === impl Body ===

impl Body {
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        Self::Full(Some(Bytes::from_static(text.as_bytes())))
    }

    /// Is it known to hold nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_end_stream()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(Some(bytes)) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self::Empty } else { Self::Upstream(incoming, None) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Contents are never printed.
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Full(_) => "Full",
            Self::Upstream(..) => "Upstream",
            Self::Wrapped(_) => "Wrapped",
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Upstream(incoming, driver) => poll_upstream(incoming, driver, cx),
            Self::Wrapped(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Upstream(incoming, _) => incoming.is_end_stream(),
            Self::Wrapped(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Upstream(incoming, _) => incoming.size_hint(),
            Self::Wrapped(body) => body.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // hyper stops polling a body once it knows that nothing follows, so the end is seen here at the latest.
        // A body dropped before its end takes its connection with it.
        if let Self::Upstream(incoming, driver) = self
            && incoming.is_end_stream()
            && let Some(driver) = driver.take()
        {
            driver.give_back();
        }
    }
}

fn poll_upstream(
    incoming: &mut Incoming,
    driver: &mut Option<Box<dyn Drive>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
    let mut polled = Pin::new(&mut *incoming).poll_frame(cx);
    if polled.is_pending()
        && let Some(connection) = driver
    {
        connection.poll_drive(cx);
        polled = Pin::new(&mut *incoming).poll_frame(cx);
    }
    match polled {
        Poll::Ready(Some(Ok(frame))) => {
            if incoming.is_end_stream()
                && let Some(connection) = driver.take()
            {
                connection.give_back();
            }
            Poll::Ready(Some(Ok(frame)))
        }
        Poll::Ready(None) => {
            if let Some(connection) = driver.take() {
                connection.give_back();
            }
            Poll::Ready(None)
        }
        Poll::Ready(Some(Err(error))) => {
            *driver = None;
            Poll::Ready(Some(Err(Error::Read(error))))
        }
        Poll::Pending => Poll::Pending,
    }
}
