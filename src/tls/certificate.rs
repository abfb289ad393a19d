//! A certificate chain with its key: read from PEM, checked, described.

mod chain;
mod info;

use std::io;
use std::sync::Arc;

use document::FileOrContent;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::config::CertificateConfig;
use crate::digest::{self, Digest};
use crate::parameters;

pub use info::{CertificateInfo, Status};

/// What a handshake needs of a certificate, and what people want to know of it.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) info: CertificateInfo,
    /// Lower case, the common name among them, wildcards as written.
    pub(crate) names: Vec<String>,
    /// Of the PEM it came from.
    pub(crate) digest: Digest,
    /// Its own issuer: what `openssl req -x509` and temporary certificates are.
    pub(crate) is_self_signed: bool,
}

/// The two texts a certificate comes from.
pub(crate) struct Pem {
    chain: Vec<u8>,
    key: Vec<u8>,
    digest: Digest,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("failed to read {role}{file}: {source}")]
    Read { role: Role, file: Shown, source: io::Error },
    #[error("{role}{file} is empty")]
    Empty { role: Role, file: Shown },
    #[error("{role}{file} has no PEM block of that kind")]
    NoPem { role: Role, file: Shown },
    #[error("{role}{file} has a damaged PEM block")]
    DamagedPem { role: Role, file: Shown },
    #[error("the private key{file} is encrypted")]
    EncryptedKey { file: Shown },
    #[error("{role}{file} cannot be used: {reason}")]
    Unusable { role: Role, file: Shown, reason: String },
    #[error("the private key{key} does not belong to the certificate{certificate}")]
    Mismatch { key: Shown, certificate: Shown },
}

/// The path of a file, behind what it is; nothing of what was written as content.
#[derive(Debug)]
pub(crate) struct Shown(String);

/// What a [`FileOrContent`] shows of a content.
const HIDDEN: &str = "***";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Certificate,
    Key,
    Authority,
}

// === impl Pem ===

impl Pem {
    pub(crate) fn read(config: &CertificateConfig) -> Result<Self, LoadError> {
        let chain = read(&config.cert_file, Role::Certificate)?;
        let key = read(&config.key_file, Role::Key)?;
        let digest = digest::of_parts([&chain[..], &key]);
        Ok(Self { chain, key, digest })
    }

    /// The same digest is the same certificate: there is no need to parse its key again.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }
}

pub(crate) fn read(file: &FileOrContent, role: Role) -> Result<Vec<u8>, LoadError> {
    if file.is_empty() {
        return Err(LoadError::Empty { role, file: Shown(String::new()) });
    }
    let bytes =
        file.read_pem().map_err(|source| LoadError::Read { role, file: Shown::of(file, role), source })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(LoadError::Empty { role, file: Shown::of(file, role) });
    }
    Ok(bytes)
}

/// All certificates of a PEM text; at least one.
pub(crate) fn certificates(
    pem: &[u8],
    file: &FileOrContent,
    role: Role,
) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| LoadError::DamagedPem { role, file: Shown::of(file, role) })?;
    if found.is_empty() {
        return Err(LoadError::NoPem { role, file: Shown::of(file, role) });
    }
    Ok(found)
}

fn private_key(pem: &[u8], file: &FileOrContent) -> Result<PrivateKeyDer<'static>, LoadError> {
    let (role, shown) = (Role::Key, Shown::of(file, Role::Key));
    if String::from_utf8_lossy(pem).contains("ENCRYPTED") {
        return Err(LoadError::EncryptedKey { file: shown });
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => LoadError::NoPem { role, file: shown },
        _ => LoadError::DamagedPem { role, file: shown },
    })
}

// === impl Certificate ===

impl Certificate {
    pub(crate) fn load(config: &CertificateConfig) -> Result<Self, LoadError> {
        Self::parse(&Pem::read(config)?, config)
    }

    pub(crate) fn parse(pem: &Pem, config: &CertificateConfig) -> Result<Self, LoadError> {
        let chain = certificates(&pem.chain, &config.cert_file, Role::Certificate)?;
        let key = private_key(&pem.key, &config.key_file)?;
        let signing = parameters::provider().key_provider.load_private_key(key).map_err(|error| {
            let reason = error.to_string();
            LoadError::Unusable { role: Role::Key, file: Shown::of(&config.key_file, Role::Key), reason }
        })?;
        let chain = chain::ordered(chain, signing.as_ref()).ok_or_else(|| LoadError::Mismatch {
            key: Shown::of(&config.key_file, Role::Key),
            certificate: Shown::of(&config.cert_file, Role::Certificate),
        })?;
        let key = CertifiedKey::new(chain, signing);
        Self::of_key(Arc::new(key), pem.digest).map_err(|reason| LoadError::Unusable {
            role: Role::Certificate,
            file: Shown::of(&config.cert_file, Role::Certificate),
            reason,
        })
    }

    pub(crate) fn of_key(key: Arc<CertifiedKey>, digest: Digest) -> Result<Self, String> {
        let leaf = key.cert.first().ok_or("the chain is empty")?;
        let (info, is_self_signed) = CertificateInfo::of(leaf)?;
        // Traefik: the common name counts even beside alternative names.
        let mut names: Vec<String> = info.sans.iter().map(|name| name.to_lowercase()).collect();
        let common_name = info.common_name.to_lowercase();
        if !common_name.is_empty() && !names.contains(&common_name) {
            names.push(common_name);
        }
        Ok(Self { names, digest, is_self_signed, info, key })
    }
}

// === impl Shown ===

impl Shown {
    fn of(file: &FileOrContent, role: Role) -> Self {
        let written = file.as_written();
        // What is no path any more may be the content of a key; a certificate is no secret.
        let is_line = !file.is_pem() && written.len() <= 256 && !written.contains('\n');
        let is_public = role != Role::Key && is_line && !written.starts_with("MII");
        let shown = if is_public { written.to_owned() } else { file.to_string() };
        Self(if shown.is_empty() || shown == HIDDEN { String::new() } else { format!(" `{shown}`") })
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate",
            Self::Key => "the private key",
            Self::Authority => "the CA certificate",
        })
    }
}

impl LoadError {
    /// The field that is wrong, for the path of a problem.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Read { role, .. }
            | Self::Empty { role, .. }
            | Self::NoPem { role, .. }
            | Self::DamagedPem { role, .. }
            | Self::Unusable { role, .. } => match role {
                Role::Certificate => "certFile",
                Role::Key => "keyFile",
                Role::Authority => "caFiles",
            },
            Self::EncryptedKey { .. } | Self::Mismatch { .. } => "keyFile",
        }
    }
}

#[cfg(test)]
mod tests;
