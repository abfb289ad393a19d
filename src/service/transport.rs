//! `serversTransport` — how endpoints are reached: TLS, timeouts, how many connections are kept.
//! Traefik, "serversTransport (HTTP)".

use std::path::PathBuf;
use std::time::Duration;

use document::problem::Problem;
use document::scalar::{self, FileOrContent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Idle connections kept to each endpoint where a named transport does not say.
/// Traefik: a named transport does not inherit the install configuration's 200.
const NAMED_IDLE: i64 = 2;

/// How long a dial may take where nothing is said.
const DIAL_TIMEOUT: scalar::Duration = scalar::Duration::from_secs(30);
/// How long a connection may lie idle where nothing is said.
const IDLE_TIMEOUT: scalar::Duration = scalar::Duration::from_secs(90);
/// How long an HTTP/2 endpoint may take to answer a ping where nothing is said.
const PING_TIMEOUT: scalar::Duration = scalar::Duration::from_secs(15);

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The name that is verified and sent as SNI; empty means the URL's host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
    /// Authorities to trust instead of the system's.
    #[serde(rename = "rootCAs", skip_serializing_if = "Vec::is_empty")]
    pub root_cas: Vec<FileOrContent>,
    /// Certificates to show when the endpoint asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<tls::client::ClientCertificateConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Idle connections kept to each endpoint; 0 means 2, negative none.
    pub max_idle_conns_per_host: i64,
    #[serde(rename = "disableHTTP2", skip_serializing_if = "std::ops::Not::not")]
    pub disable_http2: bool,
    /// Deprecated: one name the endpoint's certificate must hold.
    #[serde(rename = "peerCertURI", skip_serializing_if = "String::is_empty")]
    pub peer_cert_uri: String,
    /// Names of which the endpoint's certificate must hold one.
    #[serde(rename = "peerCertSANs", skip_serializing_if = "Vec::is_empty")]
    pub peer_cert_sans: Vec<tls::client::PeerSanConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Not supported; read, so that the mistake is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<tls::client::SpiffeConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForwardingTimeouts {
    /// Unset means 30 s, 0 none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<scalar::Duration>,
    /// From the request's end to the answer's head; 0 means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_header_timeout: Option<scalar::Duration>,
    /// Unset means 90 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_conn_timeout: Option<scalar::Duration>,
    /// HTTP/2: silence after which the endpoint is pinged; 0 means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_idle_timeout: Option<scalar::Duration>,
    /// HTTP/2: how long an answer to a ping may take. Unset means 15 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_timeout: Option<scalar::Duration>,
}

/// A built transport.
#[derive(Debug)]
pub struct Transport {
    pub(crate) tls: tls::Connector,
    pub(crate) dial_timeout: Option<Duration>,
    pub(crate) response_header_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) ping_timeout: Duration,
    /// Idle connections one worker keeps to one endpoint.
    pub(crate) idle_per_worker: usize,
    pub(crate) http2: bool,
}

// === impl Config ===

impl Config {
    /// Files this transport was read from.
    #[must_use]
    pub fn reads_files(&self) -> Vec<PathBuf> {
        let certificates = self.certificates.iter().flat_map(|c| [&c.cert_file, &c.key_file]);
        self.root_cas.iter().chain(certificates).filter_map(|f| f.path().map(PathBuf::from)).collect()
    }

    /// Builds it for a process with so many workers.
    ///
    /// # Errors
    /// When a file cannot be read, or a TLS setting cannot be met. Traefik: uses such a transport without its TLS settings.
    pub fn build(&self, workers: usize) -> Result<Transport, Problem> {
        let tls = self.client_config().build()?;
        let timeouts = self.forwarding_timeouts.clone().unwrap_or_default();
        let idle = match self.max_idle_conns_per_host {
            0 => NAMED_IDLE,
            other => other,
        };
        Ok(Transport {
            tls,
            dial_timeout: timeouts.dial_timeout.unwrap_or(DIAL_TIMEOUT).positive(),
            response_header_timeout: timeouts.response_header_timeout.and_then(scalar::Duration::positive),
            idle_timeout: timeouts.idle_conn_timeout.unwrap_or(IDLE_TIMEOUT).positive(),
            ping_interval: timeouts.read_idle_timeout.and_then(scalar::Duration::positive),
            ping_timeout: timeouts.ping_timeout.unwrap_or(PING_TIMEOUT).to_std(),
            idle_per_worker: idle_per_worker(idle, workers),
            http2: !self.disable_http2,
        })
    }

    fn client_config(&self) -> tls::ClientConfig {
        tls::ClientConfig {
            server_name: self.server_name.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
            root_cas: self.root_cas.clone(),
            certificates: self.certificates.clone(),
            cipher_suites: self.cipher_suites.clone(),
            min_version: self.min_version.clone(),
            max_version: self.max_version.clone(),
            peer_cert_uri: self.peer_cert_uri.clone(),
            peer_cert_sans: self.peer_cert_sans.clone(),
            spiffe: self.spiffe.clone(),
        }
    }
}

/// The share of one worker, at least four where any are kept: a worker with fewer would dial all the time.
fn idle_per_worker(configured: i64, workers: usize) -> usize {
    match usize::try_from(configured) {
        Err(_) => 0,
        Ok(configured) => (configured / workers.max(1)).max(4),
    }
}

#[cfg(test)]
mod tests;
