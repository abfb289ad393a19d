//! The order of a chain: the leaf, then each certificate's issuer.

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::sign::SigningKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Puts the key's own certificate first and each issuer behind what it issued; leaves out a root, which
/// clients have or do not trust. `None` if no certificate belongs to the key.
///
/// Traefik: sends the chain as it is, and refuses one whose leaf is not first.
pub(super) fn ordered(
    mut chain: Vec<CertificateDer<'static>>,
    key: &dyn SigningKey,
) -> Option<Vec<CertificateDer<'static>>> {
    let leaf = chain.iter().position(|certificate| belongs(certificate, key))?;
    let mut ordered = vec![chain.remove(leaf)];
    while let Some(issuer) = ordered.last().and_then(|last| issuer_of(last, &chain)) {
        ordered.push(chain.remove(issuer));
    }
    // What does not connect may still help a client that builds another path.
    ordered.append(&mut chain);
    let leaf_only = ordered.len() == 1;
    let mut is_leaf = true;
    ordered.retain(|certificate| {
        let keep = leaf_only || is_leaf || !is_self_issued(certificate);
        is_leaf = false;
        keep
    });
    Some(ordered)
}

/// A key that does not show its public half is taken at its word, as rustls does.
fn belongs(certificate: &CertificateDer<'_>, key: &dyn SigningKey) -> bool {
    let Some(public) = key.public_key() else {
        return true;
    };
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    SubjectPublicKeyInfoDer::from(parsed.public_key().raw) == public
}

fn issuer_of(certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<usize> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    others.iter().position(|other| {
        X509Certificate::from_der(other)
            .is_ok_and(|(_, other)| other.subject().as_raw() == parsed.issuer().as_raw())
    })
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}
