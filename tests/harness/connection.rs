//! A client's connection to the gateway: plain or TLS, from any loopback address, bytes as the test says.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::request::Request;
use super::response::{Response, TlsFacts};
use super::secure::ClientTls;
use super::wire::{Body, Head, Reader};

/// A socket, plain or with TLS on it.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type Stream = Box<dyn Io>;

/// No answer within this is no answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One connection of a client.
pub(crate) struct Connection {
    pub(crate) reader: Reader<Stream>,
    pub(crate) tls: Option<TlsFacts>,
}

/// A socket from `source` (the usual address, if none) to `address`.
pub(crate) async fn dial(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = timeout(PATIENCE, socket.connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Connection {
    pub(crate) async fn open(
        address: SocketAddr,
        source: Option<IpAddr>,
        tls: Option<&ClientTls>,
    ) -> io::Result<Self> {
        let stream = dial(address, source).await?;
        let (stream, tls): (Stream, _) = match tls {
            None => (Box::new(stream), None),
            Some(tls) => {
                let (stream, facts) = timeout(PATIENCE, tls.connect(stream)).await??;
                (Box::new(stream), Some(facts))
            }
        };
        Ok(Self { reader: Reader::new(stream), tls })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.io.write_all(bytes).await?;
        self.reader.io.flush().await
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> Response {
        // The gateway may have answered before it closed: what it said is read even when it would not listen.
        let _ = self.send(&request.bytes()).await;
        let mut response = self.answer(&request.method).await;
        if let Some(host) = &request.host {
            response.about = format!("{} {} of {host}", request.method, request.target);
        }
        response
    }

    /// Reads the final answer to a request of this method.
    pub(crate) async fn answer(&mut self, method: &str) -> Response {
        let mut response =
            Response { tls: self.tls.clone(), about: "a request".to_owned(), ..Response::default() };
        match timeout(PATIENCE, self.read(method, &mut response)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => response.closed = true,
            Err(_) => response.about += " (timed out)",
        }
        response
    }

    async fn read(&mut self, method: &str, response: &mut Response) -> io::Result<()> {
        let head = loop {
            let head = self.reader.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let status = status_of(&head)?;
            if (100..200).contains(&status) && status != 101 {
                response.interim.push(status);
                continue;
            }
            response.status = status;
            break head;
        };
        response.version = head.line.split(' ').next().unwrap_or_default().to_owned();
        response.headers.clone_from(&head.headers);
        let mut body = Body::default();
        let read = self.body(method, &head, &mut body).await;
        response.body = body.bytes;
        response.trailers = body.trailers;
        response.complete = read.is_ok();
        read
    }

    async fn body(&mut self, method: &str, head: &Head, body: &mut Body) -> io::Result<()> {
        if method == "HEAD" || matches!(status_of(head)?, 101 | 204 | 304) {
            return Ok(());
        }
        if head.is_chunked() {
            return self.reader.chunks(body).await;
        }
        match head.values("Content-Length").first() {
            Some(length) => {
                self.reader.sized(length.parse().map_err(|_| io::ErrorKind::InvalidData)?, body).await
            }
            None => self.reader.rest(body).await,
        }
    }

    /// Everything the gateway still says, until it closes; `None` when it does not close.
    pub(crate) async fn until_closed(&mut self) -> Option<Vec<u8>> {
        let mut body = Body::default();
        let closed = timeout(PATIENCE, self.reader.rest(&mut body)).await.is_ok();
        closed.then_some(body.bytes)
    }
}

fn status_of(head: &Head) -> io::Result<u16> {
    let word = head.line.split(' ').nth(1).unwrap_or_default();
    word.parse().map_err(|_| io::ErrorKind::InvalidData.into())
}
