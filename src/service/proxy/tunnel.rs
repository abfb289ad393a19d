//! A connection to an endpoint through a proxy: TLS to the proxy, the tunnel, TLS to the endpoint, each where needed.

use std::time::Duration;

use exchange::error::Retry;
use exchange::{Error, Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{ProxyKind, Via, socks};
use crate::dial::{HTTP1, Stream, alpn, secure};
use crate::endpoint::{Endpoint, Protocol};

/// How long a proxy may take to open a tunnel. Go's fixed value.
const NEGOTIATION: Duration = Duration::from_secs(60);
/// The most bytes the head of its answer may have.
const HEAD: usize = 16 * 1024;

/// Why a proxy gave no tunnel.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the connection to the proxy broke")]
    Io(#[source] std::io::Error),
    #[error("the proxy answered CONNECT with {0}")]
    Status(u16),
    #[error("the proxy's answer to CONNECT is malformed")]
    Malformed,
    #[error("the SOCKS proxy gave no connection")]
    Socks(#[source] socks::Error),
}

impl Via {
    /// Goes on from a connection to the proxy: to one that takes requests, and whether in HTTP/2.
    ///
    /// # Errors
    /// What went wrong. Nothing of a request has been sent.
    pub(crate) async fn open(
        &self,
        endpoint: &Endpoint,
        tcp: TcpStream,
        upgrade: bool,
    ) -> Result<(Stream, bool), Error> {
        let transport = endpoint.transport();
        let mut stream = match self.proxy.kind {
            // As Go: the transport's settings hold for the proxy's certificate, too.
            ProxyKind::Https => Stream::Tls(Box::new(secure(transport, &self.proxy.host, HTTP1, tcp).await?)),
            ProxyKind::Http | ProxyKind::Socks5 => Stream::Plain(tcp),
        };
        if !self.asks_proxy {
            timeout(NEGOTIATION, self.negotiate(&mut stream))
                .await
                .map_err(|_elapsed| Error::upstream(Kind::DialTimeout, Retry::Safe))?
                .map_err(|why| Error::upstream(Kind::DialRefused, Retry::Safe).because(why))?;
        }
        if endpoint.protocol() != Protocol::Https {
            return Ok((stream, false));
        }
        let stream = secure(transport, endpoint.authority().host(), alpn(transport, upgrade), stream).await?;
        let http2 = stream.is_h2();
        Ok((Stream::Tunnelled(Box::new(stream)), http2))
    }

    async fn negotiate(&self, stream: &mut Stream) -> Result<(), Refused> {
        match self.proxy.kind {
            ProxyKind::Http | ProxyKind::Https => self.connect(stream).await,
            ProxyKind::Socks5 => {
                let credentials =
                    self.proxy.credentials.as_ref().map(|known| (&*known.user, &*known.password));
                socks::connect(stream, &self.host, self.port, credentials).await.map_err(Refused::Socks)
            }
        }
    }

    /// `CONNECT`.
    async fn connect(&self, stream: &mut Stream) -> Result<(), Refused> {
        let destination = self.destination();
        let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n").into_bytes();
        if let Some(credentials) = &self.proxy.credentials {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(credentials.basic.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await.map_err(Refused::Io)?;
        stream.flush().await.map_err(Refused::Io)?;
        let mut head = Vec::with_capacity(512);
        // The endpoint says nothing before we do, so nothing but the head can come.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD {
                return Err(Refused::Malformed);
            }
            if stream.read_buf(&mut head).await.map_err(Refused::Io)? == 0 {
                return Err(Refused::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            if let Some(status) = status(&head).filter(|status| !(200..300).contains(status)) {
                return Err(Refused::Status(status));
            }
        }
        status(&head).map(|_| ()).ok_or(Refused::Malformed)
    }
}

/// The status, once its line is there: `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let end = head.iter().position(|&byte| byte == b'\n')?;
    let line = std::str::from_utf8(head.get(..end)?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let digits = rest.get(..3).filter(|_| version.starts_with("HTTP/1."))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_is_read_once_its_line_is_there() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\nProxy-Authenticate: Basic\r\n"), Some(407));
        assert_eq!(status(b"HTTP/1.1 20"), None);
        assert_eq!(status(b"SSH-2.0-x 200 y\r\n"), None);
        assert_eq!(status(b"HTTP/1.1 \xff\r\n"), None);
    }
}
