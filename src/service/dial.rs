//! One new connection to an endpoint: resolve, connect (all addresses, with a stagger), TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use exchange::error::Retry;
use exchange::{Error, Kind};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::endpoint::{Endpoint, Protocol, Target};
use crate::gather;
use crate::transport::Transport;

/// How long one address is tried before the next one is too (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Traefik's fixed value.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Traefik's fixed value.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

pub(crate) const HTTP1: &[&[u8]] = &[b"http/1.1"];
const HTTP2_FIRST: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A connection to an endpoint.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<tls::ClientStream<TcpStream>>),
    /// TLS inside what a proxy passes through.
    Tunnelled(Box<tls::ClientStream<Self>>),
}

/// A dialled connection and what is spoken on it.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    pub(crate) http2: bool,
    pub(crate) address: SocketAddr,
}

/// Dials an endpoint. `upgrade`: HTTP/1 only.
///
/// # Errors
/// What went wrong, as the kind that the client's status follows from. Nothing has been sent.
pub(crate) async fn dial(endpoint: &Arc<Endpoint>, upgrade: bool) -> Result<Dialled, Error> {
    let transport = endpoint.transport();
    let (tcp, address) = match transport.dial_timeout {
        None => connect(endpoint).await?,
        Some(limit) => match timeout(limit, connect(endpoint)).await {
            Ok(connected) => connected?,
            Err(_elapsed) => return Err(Error::upstream(Kind::DialTimeout, Retry::Safe)),
        },
    };
    // A socket that refuses an option still works.
    let _slower = tcp.set_nodelay(true);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE);
    let _unwatched = SockRef::from(&tcp).set_tcp_keepalive(&keep_alive);
    if let Some(via) = endpoint.via() {
        let (stream, http2) = Box::pin(via.open(endpoint, tcp, upgrade)).await?;
        return Ok(Dialled { stream, http2, address });
    }
    match endpoint.protocol() {
        Protocol::Http => Ok(Dialled { stream: Stream::Plain(tcp), http2: false, address }),
        Protocol::H2c => Ok(Dialled { stream: Stream::Plain(tcp), http2: true, address }),
        Protocol::Https => {
            let host = endpoint.authority().host();
            let stream = secure(transport, host, alpn(transport, upgrade), tcp).await?;
            let http2 = stream.is_h2();
            Ok(Dialled { stream: Stream::Tls(Box::new(stream)), http2, address })
        }
    }
}

/// The protocols to offer.
pub(crate) fn alpn(transport: &Transport, upgrade: bool) -> &'static [&'static [u8]] {
    if upgrade || !transport.http2 { HTTP1 } else { HTTP2_FIRST }
}

/// Shakes hands.
///
/// # Errors
/// When that takes too long, or comes to nothing.
pub(crate) async fn secure<IO: AsyncRead + AsyncWrite + Unpin>(
    transport: &Transport,
    host: &str,
    alpn: &[&[u8]],
    io: IO,
) -> Result<tls::ClientStream<IO>, Error> {
    timeout(TLS_TIMEOUT, transport.tls.connect(host, alpn, io))
        .await
        .map_err(|_elapsed| Error::upstream(Kind::DialTimeout, Retry::Safe))?
        .map_err(|error| Error::upstream(Kind::UpstreamTls, Retry::Safe).because(error))
}

async fn connect(endpoint: &Endpoint) -> Result<(TcpStream, SocketAddr), Error> {
    let connected = match endpoint.target() {
        Target::Address(address) => TcpStream::connect(address).await.map(|tcp| (tcp, *address)),
        Target::Name(name) => {
            let addresses = name
                .addresses()
                .await
                .map_err(|error| Error::upstream(Kind::NameNotResolved, Retry::Safe).because(error))?;
            connect_any(addresses).await
        }
    };
    connected.map_err(|error| {
        let kind =
            if error.kind() == io::ErrorKind::TimedOut { Kind::DialTimeout } else { Kind::DialRefused };
        Error::upstream(kind, Retry::Safe).because(error)
    })
}

/// Tries each address in turn, the next one as soon as one has failed or 250 ms have passed.
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<(TcpStream, SocketAddr)> {
    let mut tries = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = waiting.next();
        let had_next = next.is_some();
        if let Some(address) = next {
            tries.spawn_local(async move { TcpStream::connect(address).await.map(|tcp| (tcp, address)) });
        }
        if tries.is_empty() {
            return Err(last);
        }
        tokio::select! {
            Some(ended) = tries.join_next() => match ended {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => last = error,
                Err(error) => last = io::Error::other(error),
            },
            () = sleep(STAGGER), if had_next => {}
        }
    }
}

// === impl Stream ===

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
            Self::Tunnelled(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
            Self::Tunnelled(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => gather::poll_write(tcp, cx, bufs),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
            Self::Tunnelled(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
            Self::Tunnelled(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
            Self::Tunnelled(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
            Self::Tunnelled(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}
