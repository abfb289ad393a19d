//! The bytes of HTTP/1.1: heads and bodies read as strictly as the grammar allows, oddities noted. Written by hand,
//! because what is to be shown is exactly what passed the socket.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) type Headers = Vec<(String, String)>;

/// Reads from a socket what belongs together; keeps what came too early.
pub(crate) struct Reader<R> {
    pub(crate) io: R,
    pub(crate) buffer: Vec<u8>,
}

/// A head: first line and headers, in the order and case of the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) raw: Vec<u8>,
    pub(crate) line: String,
    pub(crate) headers: Headers,
    /// What should not be in a head.
    pub(crate) odd: Vec<&'static str>,
}

/// A body that ended as its framing says.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Headers,
    pub(crate) odd: Vec<&'static str>,
}

pub(crate) fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
}

impl Head {
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.values("Transfer-Encoding").iter().any(|v| v.to_ascii_lowercase().contains("chunked"))
    }

    fn parse(raw: &[u8]) -> Self {
        // Latin-1: every byte is a character, none is lost.
        let text: String = raw.iter().map(|b| char::from(*b)).collect();
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let mut odd = Vec::new();
        if text.replace("\r\n", "").contains(['\r', '\n', '\0']) {
            odd.push("control byte");
        }
        if line.split(' ').count() != 3 && !line.starts_with("HTTP/") {
            odd.push("request line");
        }
        let mut headers = Headers::new();
        for header in lines {
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            if name.is_empty() || name.trim() != name || !header.contains(':') {
                odd.push("header line");
            }
            headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let count = |name| values(&headers, name).len();
        if count("Content-Length") + count("Transfer-Encoding") > 1 {
            odd.push("framing");
        }
        Self { raw: raw.to_vec(), line, headers, odd }
    }
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(io: R) -> Self {
        Self { io, buffer: Vec::new() }
    }

    /// One more read; 0 at the end.
    pub(crate) async fn more(&mut self) -> io::Result<usize> {
        self.io.read_buf(&mut self.buffer).await
    }

    async fn need(&mut self) -> io::Result<()> {
        match self.more().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|w| w == end) {
                let rest = self.buffer.split_off(at + end.len());
                let mut found = std::mem::replace(&mut self.buffer, rest);
                found.truncate(at);
                return Ok(found);
            }
            self.need().await?;
        }
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.need().await?;
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// The next head, or `None` when the peer closed between two.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        if self.buffer.is_empty() && self.more().await? == 0 {
            return Ok(None);
        }
        Ok(Some(Head::parse(&self.until(b"\r\n\r\n").await?)))
    }

    /// A body in chunks. `into` holds what came, even when it breaks off.
    pub(crate) async fn chunks(&mut self, into: &mut Body) -> io::Result<()> {
        loop {
            let line = self.until(b"\r\n").await?;
            let digits = line.split(|b| *b == b';').next().unwrap_or_default();
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                into.odd.push("chunk size");
            }
            let size = usize::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                break;
            }
            into.bytes.extend(self.exactly(size).await?);
            if self.exactly(2).await? != b"\r\n" {
                into.odd.push("chunk end");
            }
        }
        loop {
            let line = self.until(b"\r\n").await?;
            if line.is_empty() {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            into.trailers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// A body of `length` bytes. `into` holds what came, even when it breaks off.
    pub(crate) async fn sized(&mut self, length: usize, into: &mut Body) -> io::Result<()> {
        loop {
            let take = (length - into.bytes.len()).min(self.buffer.len());
            into.bytes.extend(self.buffer.drain(..take));
            if into.bytes.len() == length {
                return Ok(());
            }
            self.need().await?;
        }
    }

    /// Everything until the peer closes.
    pub(crate) async fn rest(&mut self, into: &mut Body) -> io::Result<()> {
        loop {
            into.bytes.append(&mut self.buffer);
            if self.more().await? == 0 {
                return Ok(());
            }
        }
    }
}
