//! The client's half of a handshake, for upstreams.

mod verifier;

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use document::{FileOrContent, Problem};
use rustls::RootCertStore;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::accept::Version;
use crate::certificate::{self, Certificate, Role};
use crate::config::CertificateConfig;
use crate::error::{Error, Result};
use crate::parameters::{Parameters, Written, first};
use verifier::{PeerName, Verifier};

/// TLS towards upstreams, as a `serversTransport` has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientConfig {
    /// The name to ask for and to verify, instead of the host of the server's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Takes any certificate.
    pub insecure_skip_verify: bool,
    /// Certificates of the authorities to trust, instead of the system's: paths or contents.
    #[serde(rename = "rootCAs", skip_serializing_if = "Vec::is_empty")]
    pub root_cas: Vec<FileOrContent>,
    /// Certificates to show when the server asks for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<ClientCertificateConfig>,
    /// Cipher suites of TLS 1.2; those of TLS 1.3 cannot be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// Lowest version: `VersionTLS12` or `VersionTLS13`. The older names mean `VersionTLS12`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// Highest version: `VersionTLS12` or `VersionTLS13`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// A URI that the server's certificate must have. Deprecated, see `peerCertSANs`.
    #[serde(rename = "peerCertURI", skip_serializing_if = "String::is_empty")]
    pub peer_cert_uri: String,
    /// Names of which the server's certificate must have one.
    #[serde(rename = "peerCertSANs", skip_serializing_if = "Vec::is_empty")]
    pub peer_cert_sans: Vec<PeerSanConfig>,
    /// Not supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<SpiffeConfig>,
}

/// A certificate to show to upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientCertificateConfig {
    /// The chain in PEM, leaf first: a path or the content.
    pub cert_file: FileOrContent,
    /// The private key in PEM: a path or the content.
    pub key_file: FileOrContent,
}

/// One name that an upstream's certificate may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeerSanConfig {
    /// `DNSName` or `URI`.
    #[serde(rename = "type")]
    pub kind: PeerSanKind,
    /// The name.
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PeerSanKind {
    #[serde(rename = "DNSName")]
    DnsName,
    #[serde(rename = "URI")]
    Uri,
}

/// Identities of SPIFFE.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SpiffeConfig {
    /// Identities to trust.
    pub ids: Vec<String>,
    /// The domain whose identities are trusted.
    pub trust_domain: String,
}

/// Makes TLS connections to upstreams. Cheap to clone; its sessions are resumed.
#[derive(Clone, Debug)]
pub struct Connector {
    tls: Arc<rustls::ClientConfig>,
    server_name: Option<String>,
    verifies: bool,
    files: Arc<[PathBuf]>,
    warnings: Arc<[Problem]>,
}

/// A connection to an upstream whose handshake is done.
#[derive(Debug)]
pub struct ClientStream<IO>(TlsStream<IO>);

static SYSTEM_ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| Arc::new(system_roots()));

// === impl ClientConfig ===

impl ClientConfig {
    /// Traefik: a mistake here drops all TLS settings and goes on; here the transport is not usable.
    pub fn build(&self) -> Result<Connector, Problem> {
        if self.spiffe.is_some() {
            return Err(Problem::field("spiffe", "SPIFFE is not supported").with_code("unsupported_option"));
        }
        let parameters = Parameters::build(&Written {
            min_version: &self.min_version,
            max_version: &self.max_version,
            cipher_suites: &self.cipher_suites,
            curve_preferences: &[],
        })
        .map_err(first)?;
        let verifier = self.verifier(&parameters)?;
        let builder = rustls::ClientConfig::builder_with_provider(parameters.provider.clone())
            .with_protocol_versions(&parameters.versions)
            .map_err(|error| Problem::error("invalid_value", error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let certificates = self.own_certificates()?;
        let mut tls = if certificates.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder.with_client_cert_resolver(Arc::new(verifier::OwnCertificates(certificates)))
        };
        tls.enable_early_data = false;
        Ok(Connector {
            tls: Arc::new(tls),
            server_name: Some(self.server_name.clone()).filter(|name| !name.is_empty()),
            verifies: !self.insecure_skip_verify,
            files: self.files().into(),
            warnings: parameters.warnings.into(),
        })
    }

    fn verifier(&self, parameters: &Parameters) -> Result<Verifier, Problem> {
        let mut names = Vec::new();
        if !self.peer_cert_uri.is_empty() {
            names.push(PeerName::Uri(self.peer_cert_uri.clone()));
        }
        for (index, san) in self.peer_cert_sans.iter().enumerate() {
            names.push(match san.kind {
                PeerSanKind::Uri => PeerName::Uri(san.value.clone()),
                PeerSanKind::DnsName => {
                    ServerName::try_from(san.value.clone()).map(PeerName::Dns).map_err(|_| {
                        let message = format!("`{}` is not a host name", san.value);
                        Problem::field(format!("peerCertSANs[{index}].value"), message)
                    })?
                }
            });
        }
        let (roots, trusted) = self.roots()?;
        Ok(Verifier {
            roots,
            trusted,
            names,
            skip: self.insecure_skip_verify,
            algorithms: parameters.provider.signature_verification_algorithms,
        })
    }

    /// As anchors, and as they are.
    fn roots(
        &self,
    ) -> Result<(Arc<RootCertStore>, Vec<rustls::pki_types::CertificateDer<'static>>), Problem> {
        if self.root_cas.is_empty() {
            return Ok((SYSTEM_ROOTS.clone(), Vec::new()));
        }
        let mut roots = RootCertStore::empty();
        let mut trusted = Vec::new();
        for (index, file) in self.root_cas.iter().enumerate() {
            let wrong = |error: &dyn std::fmt::Display| Problem::field(format!("rootCAs[{index}]"), error);
            let pem = certificate::read(file, Role::Authority).map_err(|error| wrong(&error))?;
            let found =
                certificate::certificates(&pem, file, Role::Authority).map_err(|error| wrong(&error))?;
            for certificate in found {
                let added = roots.add(certificate.clone());
                added.map_err(|error| wrong(&format!("a CA certificate cannot be used: {error}")))?;
                trusted.push(certificate);
            }
        }
        Ok((Arc::new(roots), trusted))
    }

    fn own_certificates(&self) -> Result<Vec<Arc<rustls::sign::CertifiedKey>>, Problem> {
        let load = |(index, pair): (usize, &ClientCertificateConfig)| {
            let config = CertificateConfig {
                cert_file: pair.cert_file.clone(),
                key_file: pair.key_file.clone(),
                stores: Vec::new(),
            };
            Certificate::load(&config)
                .map(|certificate| certificate.key)
                .map_err(|error| Problem::field(format!("certificates[{index}].{}", error.field()), error))
        };
        self.certificates.iter().enumerate().map(load).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let pairs = self.certificates.iter().flat_map(|pair| [&pair.cert_file, &pair.key_file]);
        let all = self.root_cas.iter().chain(pairs);
        let paths = all.filter(|file| !file.is_pem() && !file.is_empty());
        paths.map(|file| PathBuf::from(file.as_written())).collect()
    }
}

/// Read once: they do not change under a running process, and reading them takes milliseconds.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("the system has no trusted certificates");
    }
    roots
}

// === impl Connector ===

impl Connector {
    /// `server_name` is the host of the server's address, used unless the configuration has another. `alpn`
    /// is the caller's order of protocols.
    pub async fn connect<IO>(&self, server_name: &str, alpn: &[&[u8]], io: IO) -> Result<ClientStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = self.name(server_name)?;
        let alpn = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let connector = TlsConnector::from(self.tls.clone());
        connector.with_alpn(alpn).connect(name, io).await.map(ClientStream).map_err(Error::of_io)
    }

    /// What `build` found worth a warning.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The files it was built from: a change of one of them is a change of the configuration.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn name(&self, host: &str) -> Result<ServerName<'static>> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        // A zone is of this machine's network, not of the server's certificate.
        let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
        // A dot at the end is for resolvers.
        let bare = bare.strip_suffix('.').unwrap_or(bare);
        match ServerName::try_from(Cow::Borrowed(bare).into_owned()) {
            Ok(name) => Ok(name),
            // As Go: without a name there is no SNI, and with nothing to verify that is fine. rustls sends
            // none for an address.
            Err(_) if !self.verifies => Ok(ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0])))),
            Err(_) => Err(Error::ServerName(name.to_owned())),
        }
    }
}

// === impl ClientStream ===

impl<IO> ClientStream<IO> {
    pub fn alpn(&self) -> Option<&[u8]> {
        self.0.get_ref().1.alpn_protocol()
    }

    pub fn is_h2(&self) -> bool {
        self.alpn() == Some(b"h2")
    }

    pub fn version(&self) -> Version {
        Version::of(self.0.get_ref().1)
    }

    /// The connection below, for addresses and readiness; not for reading or writing.
    pub fn get_ref(&self) -> &IO {
        self.0.get_ref().0
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for ClientStream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
