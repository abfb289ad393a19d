//! A table of facts as it is written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::secure::{ClientTls, ServerTls};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) entry_points: BTreeMap<String, Value>,
    pub(crate) backends: BTreeMap<String, Option<BackendTls>>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) dynamic: Value,
    pub(crate) checks: Vec<Check>,
}

/// How a TLS backend shakes hands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendTls {
    certificate: String,
    clients: Option<String>,
    maximum: Option<u16>,
}

/// One check; exactly one of `request`, `bursts`, `http2`, `router`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) request: Option<Ask>,
    #[serde(default)]
    pub(crate) see: Vec<String>,
    /// How many of so many requests pass.
    #[serde(default)]
    pub(crate) bursts: Vec<Burst>,
    #[serde(default)]
    pub(crate) at_once: bool,
    pub(crate) http2: Option<Ask>,
    /// Its status by the API.
    pub(crate) router: Option<String>,
    pub(crate) want: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Burst {
    pub(crate) count: usize,
    pub(crate) request: Ask,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ask {
    pub(crate) on: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) from: Option<String>,
    pub(crate) sni: Option<String>,
    pub(crate) tls: Option<Handshake>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Handshake {
    sni: Option<String>,
    alpn: Option<Vec<String>>,
    minimum: Option<u16>,
    maximum: Option<u16>,
    ciphers: Vec<String>,
    identity: Option<String>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            on: "web".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: "x.test".to_owned(),
            headers: Vec::new(),
            from: None,
            sni: None,
            tls: None,
        }
    }
}

impl Table {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/facts/{name}.json"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl BackendTls {
    pub(crate) fn server(&self) -> ServerTls {
        ServerTls::build(&self.certificate, self.clients.as_deref(), self.maximum.unwrap_or(13), &[])
    }
}

impl Handshake {
    pub(crate) fn client(&self) -> ClientTls {
        ClientTls {
            sni: self.sni.clone(),
            alpn: self.alpn.clone().unwrap_or_else(|| vec!["http/1.1".to_owned()]),
            minimum: self.minimum.unwrap_or(12),
            maximum: self.maximum.unwrap_or(13),
            ciphers: self.ciphers.clone(),
            identity: self.identity.clone(),
        }
    }
}
