//! The certificate that is shown when there is no other: Traefik's `TRAEFIK DEFAULT CERT`.
//!
//! Made once in a process, so that a reload does not change it. Traefik: RSA 2048; here ECDSA P-256, which
//! signs several times faster.

use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::time::ASN1Time;

use crate::certificate::Certificate;
use crate::{digest, parameters};

static GENERATED: LazyLock<Option<Arc<Certificate>>> = LazyLock::new(|| generate().map(Arc::new));

const YEAR_SECONDS: i64 = 365 * 24 * 3600;

/// `None` only where the system has no randomness.
pub(crate) fn certificate() -> Option<Arc<Certificate>> {
    GENERATED.clone()
}

fn generate() -> Option<Certificate> {
    let key = KeyPair::generate().ok()?;
    // Random, as Traefik's, so that browsers do not take two gateways for one.
    let label = digest::fingerprint(key.public_key_raw());
    let (first, second) = label.split_at_checked(32)?;
    let mut params = CertificateParams::new(vec![format!("{first}.{second}.traefik.default")]).ok()?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "TRAEFIK DEFAULT CERT");
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|now| i64::try_from(now.as_secs()).ok())?;
    params.not_before = ASN1Time::from_timestamp(now).ok()?.to_datetime();
    params.not_after = ASN1Time::from_timestamp(now + YEAR_SECONDS).ok()?.to_datetime();
    let certificate = params.self_signed(&key).ok()?;
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = parameters::provider().key_provider.load_private_key(der).ok()?;
    let certified = CertifiedKey::new(vec![certificate.der().clone()], signing);
    Certificate::of_key(Arc::new(certified), digest::of_parts([certificate.der().as_ref()])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_named_like_traefiks() {
        let (one, two) = (certificate().unwrap(), certificate().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(one.info.common_name, "TRAEFIK DEFAULT CERT");
        assert!(one.info.sans[0].ends_with(".traefik.default"));
        assert_eq!(one.info.not_after_unix - one.info.not_before_unix, YEAR_SECONDS);
        assert_eq!((one.info.key_type.as_str(), one.info.key_size), ("ECDSA", 256));
    }
}
