//! The server's half of a handshake.
//!
//! The bytes that an entry point has read to see who is meant go straight into the handshake, so the stream
//! needs no buffer to replay them from, then or later. Deadlines are the caller's: 10 s is Traefik's.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::UnixTime;
use rustls::server::{Accepted, AcceptedAlert, Acceptor};
use rustls::{CommonState, HandshakeKind, ProtocolVersion, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::client_auth::check_validity;
use crate::error::{Error, Result};
use crate::options::ServerConfig;
use crate::parameters;
use crate::resolver::Fixed;

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct ServerStream<IO> {
    stream: TlsStream<IO>,
    negotiated: Arc<Negotiated>,
}

/// What a handshake came to. Shared by all exchanges of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    pub version: Version,
    /// IANA's name, as in `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    pub alpn: Option<Vec<u8>>,
    /// The name the client asked for, in lower case.
    pub sni: Option<String>,
    /// DER, the client's own certificate first; empty if it showed none.
    pub peer_certificates: Vec<Vec<u8>>,
    pub is_resumed: bool,
    /// The full name of the options.
    pub options: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// Fatal alerts in clear text, as they are before keys are agreed: handshake_failure and unrecognized_name.
const HANDSHAKE_FAILURE: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 112];

/// A ClientHello that rustls has understood, and what was read behind it.
struct Greeting<'a, IO> {
    accepted: Accepted,
    behind: &'a [u8],
    io: IO,
}

/// Does the handshake. `read` is what has been read from `io`; `local` is the address the client came to, by
/// which a client that names no host may be recognised.
///
/// Dropping the future drops the connection.
pub async fn accept<IO>(
    config: &ServerConfig,
    read: &[u8],
    io: IO,
    local: Option<IpAddr>,
) -> Result<ServerStream<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut greeting = greet(read, io).await?;
    let tls = match choose(config, &greeting.accepted, local) {
        Ok(tls) => tls,
        Err((alert, error)) => {
            say(&mut greeting.io, &alert).await;
            return Err(error);
        }
    };
    let Greeting { accepted, behind, io } = greeting;
    let start = tokio_rustls::StartHandshake::from_parts(accepted, io);
    let stream = start.into_stream_with(tls, |conn| replay(conn, behind)).await.map_err(Error::of_io)?;
    let negotiated = Negotiated::of(stream.get_ref().1, config.name());
    if config.verifies_clients() {
        negotiated.check_resumed_client()?;
    }
    Ok(ServerStream { stream, negotiated: Arc::new(negotiated) })
}

/// Tells a client that there will be no handshake, when there are no options to make one under. The
/// connection is to be closed.
pub async fn refuse<IO: AsyncWrite + Unpin>(io: &mut IO) {
    say(io, &HANDSHAKE_FAILURE).await;
}

/// The alert is a courtesy: the client may be gone.
async fn say<IO: AsyncWrite + Unpin>(io: &mut IO, alert: &[u8]) {
    if io.write_all(alert).await.is_ok() {
        let _ = io.shutdown().await;
    }
}

/// Reads the ClientHello, first from `read`.
async fn greet<IO>(read: &[u8], mut io: IO) -> Result<Greeting<'_, IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut acceptor = Acceptor::default();
    let mut behind = read;
    while !behind.is_empty() {
        // Zero bytes taken is rustls' way of saying that the message is too long.
        if acceptor.read_tls(&mut behind).map_err(Error::Connection)? == 0 {
            return Err(Error::Connection(io::ErrorKind::InvalidData.into()));
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(Greeting { accepted, behind, io }),
            Ok(None) => {}
            Err((error, mut alert)) => {
                say(&mut io, &bytes_of(&mut alert)).await;
                return Err(Error::of_tls(error));
            }
        }
    }
    let start = LazyConfigAcceptor::new(acceptor, io).await.map_err(Error::of_io)?;
    Ok(Greeting { accepted: start.accepted, behind: &[], io: start.io })
}

fn bytes_of(alert: &mut AcceptedAlert) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = alert.write_all(&mut bytes);
    bytes
}

/// The configuration for this client, or the alert that refuses it.
///
/// rustls would say `access_denied` where there is no certificate; clients of Traefik get
/// `unrecognized_name`.
fn choose(
    config: &ServerConfig,
    accepted: &Accepted,
    local: Option<IpAddr>,
) -> Result<Arc<rustls::ServerConfig>, ([u8; 7], Error)> {
    let hello = accepted.client_hello();
    let (name, schemes) = (hello.server_name(), Some(hello.signature_schemes()));
    let by_address = match (name, local) {
        (None, Some(address)) => config.index().by_address(address, schemes),
        (Some(_) | None, _) => None,
    };
    let mut tls = config.tls().clone();
    let mut alone = None;
    if let Some(certificate) = by_address {
        alone = Some(certificate.key.clone());
    } else if config.certificate(name, schemes).is_none() {
        let alert = if name.is_some() { UNRECOGNIZED_NAME } else { HANDSHAKE_FAILURE };
        return Err((alert, Error::NoCertificate(name.map(str::to_owned))));
    }
    if let Some(key) = alone {
        Arc::make_mut(&mut tls).cert_resolver = Arc::new(Fixed(key));
    }
    // As in Go: a client that offers http/1.1 to a server with h2 alone goes on as if there were no ALPN.
    if is_h2_only(&tls.alpn_protocols) && hello.alpn().is_some_and(offers_only_http1) {
        Arc::make_mut(&mut tls).alpn_protocols.clear();
    }
    Ok(tls)
}

fn is_h2_only(protocols: &[Vec<u8>]) -> bool {
    !protocols.is_empty() && protocols.iter().all(|protocol| protocol == b"h2")
}

fn offers_only_http1<'a>(mut offered: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut http1 = false;
    let h2 = offered.any(|protocol| {
        http1 |= protocol == b"http/1.1";
        protocol == b"h2"
    });
    http1 && !h2
}

/// Gives the connection what came behind the ClientHello. A mistake in it comes back at the next read.
fn replay(conn: &mut ServerConnection, mut behind: &[u8]) {
    while !behind.is_empty() {
        if conn.read_tls(&mut behind).is_ok_and(|taken| taken > 0) && conn.process_new_packets().is_ok() {
            continue;
        }
        break;
    }
}

// === impl Negotiated ===

impl Negotiated {
    fn of(conn: &ServerConnection, options: &str) -> Self {
        let certificates = conn.peer_certificates().unwrap_or_default();
        Self {
            version: Version::of(conn),
            cipher: conn.negotiated_cipher_suite().map_or("", parameters::suite_name),
            alpn: conn.alpn_protocol().map(<[u8]>::to_vec),
            sni: conn.server_name().map(|name| name.strip_suffix('.').unwrap_or(name).to_owned()),
            peer_certificates: certificates.iter().map(|der| der.to_vec()).collect(),
            is_resumed: conn.handshake_kind() == Some(HandshakeKind::Resumed),
            options: options.to_owned(),
        }
    }

    pub fn is_h2(&self) -> bool {
        self.alpn.as_deref() == Some(b"h2")
    }

    /// A ticket outlives the check that it was issued after, so the client's certificate may have expired
    /// since.
    fn check_resumed_client(&self) -> Result<()> {
        match self.peer_certificates.first() {
            Some(leaf) if self.is_resumed => check_validity(&leaf.as_slice().into(), UnixTime::now())
                .map_err(|_| Error::ExpiredClientCertificate),
            Some(_) | None => Ok(()),
        }
    }
}

// === impl Version ===

impl Version {
    pub(crate) fn of(conn: &CommonState) -> Self {
        match conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Self::Tls12,
            _ => Self::Tls13,
        }
    }

    /// As in access logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

// === impl ServerStream ===

impl<IO> ServerStream<IO> {
    pub fn negotiated(&self) -> &Arc<Negotiated> {
        &self.negotiated
    }

    /// The connection below, for addresses and readiness; not for reading or writing.
    pub fn get_ref(&self) -> &IO {
        self.stream.get_ref().0
    }

    /// Nothing is waiting here, neither decrypted bytes nor bytes to send: it is enough to wait for the
    /// connection below to become readable.
    pub fn is_quiet(&mut self) -> bool {
        let (_, conn) = self.stream.get_mut();
        let waiting = conn.process_new_packets();
        waiting.is_ok_and(|state| {
            state.plaintext_bytes_to_read() == 0
                && state.tls_bytes_to_write() == 0
                && !state.peer_has_closed()
        })
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for ServerStream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ServerStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
