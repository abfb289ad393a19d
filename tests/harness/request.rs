//! A request as a client writes it, down to the byte.

use super::wire::Headers;

/// One request. Nothing is added to it but `Host` and, for a body, its framing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) chunked: bool,
    pub(crate) trailers: Headers,
}

impl Request {
    pub(crate) fn new(method: &str, host: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            host: Some(host.to_owned()),
            target: target.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.target)];
        lines.extend(self.host.iter().map(|host| format!("Host: {host}")));
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let told = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
        let wants = !self.body.is_empty() || ["POST", "PUT", "PATCH"].contains(&self.method.as_str());
        if self.chunked {
            lines.push("Transfer-Encoding: chunked".to_owned());
        } else if wants && !told {
            lines.push(format!("Content-Length: {}", self.body.len()));
        }
        let mut bytes = format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes();
        if self.chunked {
            bytes.extend(self.chunks());
        } else {
            bytes.extend(&self.body);
        }
        bytes
    }

    fn chunks(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.body.is_empty() {
            bytes.extend(format!("{:x}\r\n", self.body.len()).into_bytes());
            bytes.extend(&self.body);
            bytes.extend(b"\r\n");
        }
        let trailers: String =
            self.trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        bytes.extend(format!("0\r\n{trailers}\r\n").into_bytes());
        bytes
    }
}

/// `Authorization` for `name:password`.
pub(crate) fn basic(credentials: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for group in credentials.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, n| bits << 8 | usize::from(group.get(n).copied().unwrap_or(0)));
        let digits = (0..4).map(|n| char::from(ALPHABET[bits >> (18 - 6 * n) & 63]));
        text.extend(digits.take(group.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    text
}
