//! One request over HTTP, for the commands that ask a running gateway: `healthcheck` and `explain --api`.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use document::Problem;
use http::Uri;
use tls::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longest answer that is read.
const MAX_ANSWER: u64 = 64 << 20;

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As in `Service Unavailable`; empty when the server says none.
    pub(crate) reason: String,
    pub(crate) body: String,
}

/// Why nothing did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{url}` is no URL that begins with `http://`")]
    Url { url: String },
    #[error("failed to prepare for TLS")]
    Tls { source: Problem },
    #[error("failed to find the address of `{host}`")]
    Resolve { host: String, source: io::Error },
    #[error("failed to connect to {address}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("failed to ask {address}")]
    Ask { address: SocketAddr, source: io::Error },
    #[error("what answers at {address} does not speak HTTP")]
    NoHttp { address: SocketAddr },
}

/// `GET` or `HEAD` of a URL over plain HTTP; the whole of it may take `patience`.
pub(crate) fn ask(method: &str, url: &str, patience: Duration) -> Result<Answer, Error> {
    exchange(method, url, None, patience)
}

/// The same where this very gateway listens, be it over TLS: by its address, which no certificate is for.
pub(crate) fn ask_ourselves(method: &str, url: &str, patience: Duration) -> Result<Answer, Error> {
    let anybody = tls::ClientConfig { insecure_skip_verify: true, ..tls::ClientConfig::default() };
    let connector = anybody.build().map_err(|source| Error::Tls { source })?;
    exchange(method, url, Some(&connector), patience)
}

fn exchange(
    method: &str,
    url: &str,
    connector: Option<&Connector>,
    patience: Duration,
) -> Result<Answer, Error> {
    let deadline = Instant::now() + patience;
    let wrong = || Error::Url { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_invalid| wrong())?;
    let (connector, port) = match (uri.scheme_str(), connector) {
        (Some("http"), _) => (None, 80),
        (Some("https"), Some(connector)) => (Some(connector), 443),
        _ => return Err(wrong()),
    };
    let authority = uri.authority().ok_or_else(wrong)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let (mut stream, address) = connect(host, authority.port_u16().unwrap_or(port), deadline)?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: portcullis\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    let raw = match connector {
        None => talk(&mut stream, request.as_bytes(), deadline),
        Some(connector) => talk_over_tls(stream, connector, host, request.as_bytes(), deadline),
    };
    let raw = raw.map_err(|source| Error::Ask { address, source })?;
    parse(&raw, method == "HEAD").ok_or(Error::NoHttp { address })
}

/// The first address that takes the connection.
fn connect(host: &str, port: u16, deadline: Instant) -> Result<(TcpStream, SocketAddr), Error> {
    let resolve = |source: io::Error| Error::Resolve { host: host.to_owned(), source };
    let addresses = (host, port).to_socket_addrs().map_err(resolve)?;
    let mut last = resolve(io::ErrorKind::NotFound.into());
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline)) {
            Ok(stream) => return Ok((stream, address)),
            Err(source) => last = Error::Connect { address, source },
        }
    }
    Err(last)
}

/// Sends the request and reads until the other side closes.
fn talk(stream: &mut TcpStream, request: &[u8], deadline: Instant) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(left(deadline)))?;
    stream.write_all(request)?;
    let mut raw = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        stream.set_read_timeout(Some(left(deadline)))?;
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Ok(raw),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        };
        raw.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if raw.len() as u64 > MAX_ANSWER {
            return Err(io::Error::other("the answer is too long"));
        }
    }
}

/// The same over TLS.
fn talk_over_tls(
    stream: TcpStream,
    connector: &Connector,
    host: &str,
    request: &[u8],
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    stream.set_nonblocking(true)?;
    let exchange = async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let mut stream = connector.connect(host, &[b"http/1.1"], stream).await.map_err(io::Error::other)?;
        stream.write_all(request).await?;
        stream.flush().await?;
        let mut raw = Vec::new();
        match stream.take(MAX_ANSWER).read_to_end(&mut raw).await {
            // Closed without a word: whether the answer is whole, it says itself.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(raw),
            read => read.map(|_length| raw),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limited = async { tokio::time::timeout(left(deadline), exchange).await };
    runtime.block_on(limited).map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Sockets take a timeout of zero for none at all.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn parse(raw: &[u8], is_head: bool) -> Option<Answer> {
    let end = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = str::from_utf8(raw.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.splitn(3, ' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = words.next()?.parse().ok()?;
    let reason = words.next().unwrap_or_default().to_owned();
    let is_chunked = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked")
    });
    let body = match raw.get(end + 4..)? {
        _ if is_head => Vec::new(),
        body if is_chunked => unchunk(body)?,
        body => body.to_vec(),
    };
    Some(Answer { status, reason, body: String::from_utf8_lossy(&body).into_owned() })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = str::from_utf8(rest.get(..line)?).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let begin = line + 2;
        let end = begin.checked_add(size)?;
        body.extend_from_slice(rest.get(begin..end)?);
        rest = rest.get(end + 2..)?;
    }
}

// === impl Answer ===

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " {}", self.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_answers_of_either_framing() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false).unwrap();
        assert_eq!((answer.to_string().as_str(), answer.body.as_str()), ("200 OK", "hi"));
        let chunked = b"HTTP/1.1 503 \r\nTransfer-Encoding: Chunked\r\n\r\n2;a\r\nhi\r\n1\r\n!\r\n0\r\n\r\n";
        let answer = parse(chunked, false).unwrap();
        assert_eq!((answer.to_string().as_str(), answer.body.as_str()), ("503", "hi!"));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true).unwrap().body, "");
    }

    #[test]
    fn what_is_no_http_is_refused() {
        assert_eq!(parse(b"SSH-2.0-x\r\n\r\n", false), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n", false), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort", false), None);
    }

    #[test]
    fn only_plain_http_is_asked() {
        let error = |url: &str| ask("GET", url, Duration::from_secs(1)).unwrap_err().to_string();
        assert_eq!(error("https://a/"), "`https://a/` is no URL that begins with `http://`");
        assert_eq!(error("no url"), "`no url` is no URL that begins with `http://`");
    }
}
