//! Whether a client shows a certificate, and which ones are good enough.

use std::sync::Arc;

use document::{Problem, name};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use crate::certificate::{self, Role};
use crate::config::ClientAuthConfig;
use crate::digest::{self, Digest};

/// Ready to be put into a server configuration.
#[derive(Debug)]
pub(crate) struct ClientAuth {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    /// Of the mode and the authorities: sessions must not cross from one to another.
    pub(crate) digest: Digest,
    /// Certificates are checked, not just asked for.
    pub(crate) verifies: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

const MODES: [(&str, Mode); 5] = [
    ("NoClientCert", Mode::None),
    ("RequestClientCert", Mode::Request),
    ("RequireAnyClientCert", Mode::RequireAny),
    ("VerifyClientCertIfGiven", Mode::VerifyIfGiven),
    ("RequireAndVerifyClientCert", Mode::RequireAndVerify),
];

// === impl ClientAuthConfig ===

impl ClientAuthConfig {
    /// # Errors
    /// With everything that is wrong.
    pub(crate) fn build(&self, provider: &Arc<CryptoProvider>) -> Result<ClientAuth, Vec<Problem>> {
        let mut problems = Vec::new();
        let mode = self.mode().map_err(|problem| problems.push(problem));
        let mut authorities = Vec::new();
        for (index, file) in self.ca_files.iter().enumerate() {
            let found = certificate::read(file, Role::Authority)
                .and_then(|pem| certificate::certificates(&pem, file, Role::Authority));
            match found {
                Ok(found) => authorities.extend(found),
                Err(error) => problems.push(Problem::field(format!("caFiles[{index}]"), error)),
            }
        }
        let mode = match mode {
            Ok(mode) if problems.is_empty() => mode,
            Ok(_) | Err(()) => return Err(problems),
        };
        let verifies = matches!(mode, Mode::VerifyIfGiven | Mode::RequireAndVerify);
        if verifies && authorities.is_empty() {
            let message = "clients cannot be verified without a CA";
            let problem = Problem::field("caFiles", message);
            return Err(vec![problem.hint("name the CA's certificate in `caFiles`")]);
        }
        let name = MODES.iter().find(|(_, known)| *known == mode).map_or("", |(name, _)| name);
        let parts = std::iter::once(name.as_bytes()).chain(authorities.iter().map(AsRef::as_ref));
        let digest = digest::of_parts(parts);
        let verifier = mode.verifier(&authorities, provider).map_err(|problem| vec![problem])?;
        Ok(ClientAuth { verifier, digest, verifies })
    }

    fn mode(&self) -> Result<Mode, Problem> {
        let written = self.client_auth_type.as_str();
        if written.is_empty() {
            return Ok(if self.ca_files.is_empty() { Mode::None } else { Mode::RequireAndVerify });
        }
        MODES.iter().find(|(name, _)| *name == written).map(|(_, mode)| *mode).ok_or_else(|| {
            Problem::field("clientAuthType", format!("unknown client authentication `{written}`"))
                .did_you_mean(name::nearest(written, MODES.iter().map(|(name, _)| *name)))
        })
    }
}

// === impl Mode ===

impl Mode {
    fn verifier(
        self,
        authorities: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
        if self == Self::None {
            return Ok(WebPkiClientVerifier::no_client_auth());
        }
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.clone()).map_err(|error| {
                Problem::field("caFiles", format!("a CA certificate cannot be used: {error}"))
            })?;
        }
        let roots = Arc::new(roots);
        if matches!(self, Self::Request | Self::RequireAny) {
            return Ok(Arc::new(AnyCertificate {
                mandatory: self == Self::RequireAny,
                hints: roots.subjects(),
                provider: provider.clone(),
            }));
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
        if self == Self::VerifyIfGiven {
            builder = builder.allow_unauthenticated();
        }
        let chains = builder.build().map_err(|error| Problem::field("caFiles", error))?;
        Ok(Arc::new(Verified { chains, trusted: authorities.to_vec() }))
    }
}

// === impl AnyCertificate ===

/// Takes any certificate whose key the client has; what it says is for the upstream to judge.
#[derive(Debug)]
struct AnyCertificate {
    mandatory: bool,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

// === impl Verified ===

/// Chains to one of the authorities, or is one of them: Go takes a self-signed certificate that stands in the
/// pool itself, which webpki refuses if it says that it is a CA, as those of `openssl req -x509` do.
#[derive(Debug)]
struct Verified {
    chains: Arc<dyn ClientCertVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl ClientCertVerifier for Verified {
    fn client_auth_mandatory(&self) -> bool {
        self.chains.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let refused = match self.chains.verify_client_cert(end_entity, intermediates, now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        if !is_ca_as_leaf(&refused) || !self.trusted.iter().any(|trusted| trusted == end_entity) {
            return Err(refused);
        }
        check_validity(end_entity, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// webpki's complaint about an end-entity certificate that is a CA. rustls has no variant for it.
pub(crate) fn is_ca_as_leaf(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.to_string().contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}

pub(crate) fn check_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let said = crate::subject::describe(certificate)
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < said.not_before {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > said.not_after {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}
