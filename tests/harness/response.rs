//! What came back, and what a test says about it.

use serde_json::Value;

use super::backend::Backend;
use super::wire::{Headers, values};

/// The final answer to one request.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// 0 when there was none.
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    /// Statuses of 1xx answers before it.
    pub(crate) interim: Vec<u16>,
    /// The body ended as its framing says.
    pub(crate) complete: bool,
    /// The peer closed or reset the connection.
    pub(crate) closed: bool,
    pub(crate) tls: Option<TlsFacts>,
    /// What was asked, for messages.
    pub(crate) about: String,
}

/// What the handshake agreed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFacts {
    pub(crate) version: String,
    pub(crate) alpn: Option<String>,
    pub(crate) cipher: String,
    /// The leaf that the peer showed, DER.
    pub(crate) certificate: Vec<u8>,
}

/// What the backend saw, as it tells itself.
#[derive(Debug)]
pub(crate) struct Echo(Value);

impl Response {
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// `None` when no echo backend answered.
    pub(crate) fn echo(&self) -> Option<Echo> {
        if !self.body.starts_with(b"{\"backend\":") {
            return None;
        }
        serde_json::from_slice(&self.body).ok().map(Echo)
    }

    /// What the backend saw.
    #[track_caller]
    pub(crate) fn seen(&self) -> Echo {
        self.echo().unwrap_or_else(|| panic!("no backend answered: {self}"))
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn served_by(&self, backend: &Backend) -> &Self {
        assert_eq!(self.seen().backend(), backend.name(), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn has(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.values(name), [value], "{name} of {self}");
        self
    }

    #[track_caller]
    pub(crate) fn lacks(&self, name: &str) -> &Self {
        assert!(self.values(name).is_empty(), "{name} of {self}");
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "`{text}` is not in {self}");
        self
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "the answer to {}: {}{}",
            self.about,
            self.status,
            if self.closed { ", closed" } else { "" }
        )?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {value}")?;
        }
        let text = self.text();
        write!(f, "  {}", text.chars().take(600).collect::<String>())
    }
}

impl Echo {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    pub(crate) fn backend(&self) -> &str {
        self.text("backend")
    }

    pub(crate) fn target(&self) -> &str {
        self.text("target")
    }

    pub(crate) fn body(&self) -> &str {
        self.text("body")
    }

    pub(crate) fn body_length(&self) -> u64 {
        self.0["bodyLength"].as_u64().unwrap_or_default()
    }

    /// Number of the connection at the backend, from 1.
    pub(crate) fn connection(&self) -> u64 {
        self.0["connection"].as_u64().unwrap_or_default()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let all = self.0["headers"].as_array().cloned().unwrap_or_default();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        all.iter().filter(|h| text(&h[0]).eq_ignore_ascii_case(name)).map(|h| text(&h[1])).collect()
    }

    pub(crate) fn trailers(&self) -> &Value {
        &self.0["trailers"]
    }

    /// SNI, version and whether a client certificate was shown, of the connection to a TLS backend.
    pub(crate) fn tls(&self) -> &Value {
        &self.0["tls"]
    }

    #[track_caller]
    pub(crate) fn has(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.values(name), [value], "{name} at the backend: {}", self.0);
        self
    }

    #[track_caller]
    pub(crate) fn lacks(&self, name: &str) -> &Self {
        assert!(self.values(name).is_empty(), "{name} at the backend: {}", self.0);
        self
    }
}
