//! TLS on both sides of the gateway, with the certificates of `tests/fixtures/certs`.
//!
//! `ca` signed all of them but `backend-untrusted` and `client-other`, which are of `other-ca`, and `backend-uri`, which
//! signed itself. They are valid until
//! 2120. The client here checks nothing: what the gateway shows is what a test looks at.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion, version,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::connection::Stream;
use super::response::TlsFacts;

/// A file of the fixtures, such as `ca.crt`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certs").join(name)
}

pub(crate) fn fixture_text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    let path = fixture(&format!("{name}.crt"));
    CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
}

fn key(name: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap()
}

fn roots(name: &str) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in chain(name) {
        store.add(certificate).unwrap();
    }
    Arc::new(store)
}

/// Which of the fixtures this certificate is; `generated` when it is none of them.
pub(crate) fn name_of(certificate: &[u8]) -> String {
    let folder = std::fs::read_dir(fixture("")).unwrap().flatten();
    let mut names =
        folder.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".crt").map(str::to_owned));
    names.find(|name| chain(name)[0].as_ref() == certificate).unwrap_or_else(|| "generated".to_owned())
}

/// Versions by the last two digits: 12 or 13.
fn versions(minimum: u16, maximum: u16) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(12, &version::TLS12), (13, &version::TLS13)];
    all.into_iter().filter(|(v, _)| (minimum..=maximum).contains(v)).map(|(_, version)| version).collect()
}

fn version_name(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

/// How a client shakes hands.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls {
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) minimum: u16,
    pub(crate) maximum: u16,
    /// Only cipher suites whose name (`TLS13_AES_128_GCM_SHA256`) holds one of these texts; all when empty.
    pub(crate) ciphers: Vec<String>,
    /// Name of a fixture to show as client certificate.
    pub(crate) identity: Option<String>,
}

impl ClientTls {
    pub(crate) fn to(sni: &str) -> Self {
        Self {
            sni: Some(sni.to_owned()),
            alpn: vec!["http/1.1".to_owned()],
            minimum: 12,
            maximum: 13,
            ciphers: Vec::new(),
            identity: None,
        }
    }

    pub(crate) fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|&p| p.to_owned()).collect();
        self
    }

    pub(crate) fn identity(mut self, name: &str) -> Self {
        self.identity = Some(name.to_owned());
        self
    }

    fn config(&self) -> ClientConfig {
        let mut provider = aws_lc_rs::default_provider();
        if !self.ciphers.is_empty() {
            let wanted = |name: &str| self.ciphers.iter().any(|c| name.contains(c.as_str()));
            provider.cipher_suites.retain(|suite| wanted(&format!("{:?}", suite.suite())));
        }
        let provider = Arc::new(provider);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(self.minimum, self.maximum))
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(name) => builder.with_client_auth_cert(chain(name), key(name)).unwrap(),
        };
        config.enable_sni = self.sni.is_some();
        config.alpn_protocols = self.alpn.iter().map(|p| p.clone().into_bytes()).collect();
        config
    }

    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
    ) -> io::Result<(client::TlsStream<TcpStream>, TlsFacts)> {
        let name = self.sni.clone().unwrap_or_else(|| "none.invalid".to_owned());
        let name = ServerName::try_from(name).map_err(|_| io::ErrorKind::InvalidInput)?;
        let stream = TlsConnector::from(Arc::new(self.config())).connect(name, stream).await?;
        let session = stream.get_ref().1;
        let facts = TlsFacts {
            version: version_name(session.protocol_version()),
            alpn: session.alpn_protocol().map(|p| String::from_utf8_lossy(p).into_owned()),
            cipher: session.negotiated_cipher_suite().map(|s| format!("{:?}", s.suite())).unwrap_or_default(),
            certificate: session.peer_certificates().map(|c| c[0].to_vec()).unwrap_or_default(),
        };
        Ok((stream, facts))
    }
}

impl ClientTls {
    /// Does the second connection take up the session of the first?
    pub(crate) async fn resumes(&self, address: SocketAddr) -> bool {
        let config = Arc::new(self.config());
        let name = ServerName::try_from(self.sni.clone().unwrap()).unwrap();
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream =
                TlsConnector::from(Arc::clone(&config)).connect(name.clone(), stream).await.unwrap();
            // Tickets of TLS 1.3 come after the handshake.
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: none.test\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_ne!(kinds[0], HandshakeKind::Resumed);
        kinds[1] == HandshakeKind::Resumed
    }
}

/// How an endpoint shakes hands.
#[derive(Clone)]
pub(crate) struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// `clients`: the fixture whose clients alone are let in; `maximum`: 12 or 13.
    pub(crate) fn build(name: &str, clients: Option<&str>, maximum: u16, alpn: &[&str]) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(12, maximum))
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots(ca), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain(name), key(name)).unwrap();
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    /// The stream, and what the handshake was like: SNI, version, whether a client certificate came.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(Stream, Value)> {
        let stream: server::TlsStream<TcpStream> =
            TlsAcceptor::from(Arc::clone(&self.0)).accept(stream).await?;
        let session = stream.get_ref().1;
        let facts = json!({
            "sni": session.server_name(),
            "version": version_name(session.protocol_version()),
            "client": session.peer_certificates().map(|c| !c.is_empty()),
            "alpn": session.alpn_protocol().map(String::from_utf8_lossy),
        });
        Ok((Box::new(stream), facts))
    }
}

/// Trusts everyone, but lets nobody sign wrongly.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
