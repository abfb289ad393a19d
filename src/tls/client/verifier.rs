//! Whether an upstream's certificate is good enough, and which of ours to show it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::client_auth::{check_validity, is_ca_as_leaf};
use crate::subject;

/// Go's rules for a server's certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) roots: Arc<RootCertStore>,
    /// The configured roots once more: one of them may be the server's own, self-signed certificate.
    pub(super) trusted: Vec<CertificateDer<'static>>,
    /// Of these one must be there, if there are any. Beside the host name, not instead of it.
    pub(super) names: Vec<PeerName>,
    /// `insecureSkipVerify`: no chain and no host name, but `names` still have to be vouched for by a root.
    pub(super) skip: bool,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
pub(super) enum PeerName {
    Dns(ServerName<'static>),
    Uri(String),
}

impl Verifier {
    fn check_chain(
        &self,
        parsed: &ParsedCertificate<'_>,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.algorithms.all;
        let checked =
            verify_server_cert_signed_by_trust_anchor(parsed, &self.roots, intermediates, now, algorithms);
        match checked {
            // webpki takes no CA as a server's certificate; Go does if it is trusted itself, and what
            // `openssl req -x509` makes is both.
            Err(error) if is_ca_as_leaf(&error) && self.trusted.iter().any(|trusted| trusted == leaf) => {
                check_validity(leaf, now)
            }
            other => other,
        }
    }

    fn check_names(&self, parsed: &ParsedCertificate<'_>, leaf: &CertificateDer<'_>) -> Result<(), Error> {
        let uris = subject::describe(leaf).map(|said| said.alternative_names.uris).unwrap_or_default();
        let has = |name: &PeerName| match name {
            PeerName::Dns(name) => verify_server_name(parsed, name).is_ok(),
            PeerName::Uri(uri) => uris.contains(uri),
        };
        if self.names.is_empty() || self.names.iter().any(has) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForName))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.skip && self.names.is_empty() {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        self.check_chain(&parsed, end_entity, intermediates, now)?;
        if !self.skip {
            verify_server_name(&parsed, server_name)?;
        }
        self.check_names(&parsed, end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The first of ours that the server can check.
///
/// Traefik: Go also looks at the authorities that the server names, and shows none if no certificate is from
/// one of them; here the first is shown then, and the server decides.
#[derive(Debug)]
pub(super) struct OwnCertificates(pub(super) Vec<Arc<CertifiedKey>>);

impl ResolvesClientCert for OwnCertificates {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let vouched =
            |key: &&Arc<CertifiedKey>| key.cert.iter().any(|der| is_issued_by(der, root_hint_subjects));
        let preferred = self.0.iter().filter(fits).find(vouched);
        preferred.or_else(|| self.0.iter().find(fits)).cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

fn is_issued_by(der: &CertificateDer<'_>, authorities: &[&[u8]]) -> bool {
    use x509_parser::prelude::FromDer;
    x509_parser::certificate::X509Certificate::from_der(der)
        .is_ok_and(|(_, parsed)| authorities.contains(&parsed.issuer().as_raw()))
}
