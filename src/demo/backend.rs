//! A sample backend: a small HTTP/1.1 server that tells who it is and what it saw.
//!
//! It is there to be asked through the gateway on the same machine, so it is small rather than complete: no TLS, no
//! HTTP/2, one answer for every path but `/sse`, which counts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections served at once; the next one waits.
const MAX_CONNECTIONS: usize = 256;

/// The longest head of a request, and the longest line in a chunked body.
const MAX_HEAD: u64 = 64 * 1024;

/// Events that `/sse` sends, and how far apart they are.
const EVENTS: u32 = 10;
const EVENT_EVERY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });

/// A backend with its socket.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) name: &'static str,
    listener: std::net::TcpListener,
}

/// The head of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    method: String,
    target: String,
    version: String,
    headers: Vec<(String, String)>,
}

/// The connection as it is read.
type Reader = BufReader<tokio::net::tcp::OwnedReadHalf>;

// === impl Backend ===

impl Backend {
    /// Listens on a port of this machine; 0 for any that is free.
    pub(super) fn bind(name: &'static str, port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        listener.set_nonblocking(true)?;
        Ok(Self { name, listener })
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        self.listener.local_addr().map(|address| address.port())
    }

    /// Serves for as long as it is awaited.
    pub(super) async fn serve(self) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
            }
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _peer)) => {
                        connections.spawn(converse(stream, self.name));
                    }
                    // The process is out of descriptors: some will come back.
                    Err(_error) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
    }
}

/// One connection, request by request. What goes wrong on it ends it.
async fn converse(stream: TcpStream, name: &'static str) {
    let _closed = talk(stream, name).await;
}

async fn talk(stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(head) = read_head(&mut reader).await? {
        if head.has("expect", "100-continue") {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        skip_body(&mut reader, &head).await?;
        let path = head.target.split('?').next().unwrap_or_default();
        if path == "/sse" && head.method != "HEAD" {
            count(&mut writer).await?;
            return Ok(());
        }
        let stays = head.version == "HTTP/1.1" && !head.has("connection", "close");
        writer.write_all(answer(&head, name, stays).as_bytes()).await?;
        if !stays {
            break;
        }
    }
    writer.shutdown().await
}

/// Who answers, and the request as it came.
fn answer(head: &Head, name: &str, stays: bool) -> String {
    let mut body = format!("name: {name}\n\n{} {} {}\n", head.method, head.target, head.version);
    for (name, value) in &head.headers {
        body.push_str(&format!("{name}: {value}\n"));
    }
    let connection = if stays { "keep-alive" } else { "close" };
    let length = body.len();
    let sent = if head.method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: {connection}\r\n\r\n{sent}"
    )
}

/// Server-sent events, each when its time has come.
async fn count(writer: &mut tokio::net::tcp::OwnedWriteHalf) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    writer.write_all(head.as_bytes()).await?;
    for number in 1..=EVENTS {
        let event = format!("data: {number} of {EVENTS}\n\n");
        writer.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        tokio::time::sleep(EVENT_EVERY).await;
    }
    writer.write_all(b"0\r\n\r\n").await?;
    writer.shutdown().await
}

/// `None`: the client has no more to ask.
async fn read_head(reader: &mut Reader) -> io::Result<Option<Head>> {
    let mut limited = reader.take(MAX_HEAD);
    let mut text = String::new();
    loop {
        let before = text.len();
        if limited.read_line(&mut text).await? == 0 {
            return if text.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let is_empty_line = text.get(before..).is_some_and(|line| line.trim_end().is_empty());
        if is_empty_line && before > 0 {
            return Ok(Some(Head::parse(&text)));
        }
        if is_empty_line {
            text.clear();
        }
    }
}

/// Nobody wants the body, but what follows it is the next request.
async fn skip_body(reader: &mut Reader, head: &Head) -> io::Result<()> {
    if head.has("transfer-encoding", "chunked") {
        return skip_chunks(reader).await;
    }
    let length = head.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    skip(reader, length).await
}

async fn skip(reader: &mut Reader, length: u64) -> io::Result<()> {
    tokio::io::copy(&mut reader.take(length), &mut tokio::io::sink()).await.map(|_skipped| ())
}

async fn skip_chunks(reader: &mut Reader) -> io::Result<()> {
    loop {
        let line = read_line(reader).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size =
            u64::from_str_radix(size, 16).map_err(|_invalid| io::Error::from(io::ErrorKind::InvalidData))?;
        if size == 0 {
            break;
        }
        skip(reader, size.saturating_add(2)).await?;
    }
    // Trailers.
    while !read_line(reader).await?.is_empty() {}
    Ok(())
}

async fn read_line(reader: &mut Reader) -> io::Result<String> {
    let mut line = String::new();
    if reader.take(MAX_HEAD).read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

// === impl Head ===

impl Head {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().split_whitespace().map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        Self {
            method: word(),
            target: word(),
            version: word(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        }
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// Is the word among the header's values?
    fn has(&self, name: &str, word: &str) -> bool {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests;
