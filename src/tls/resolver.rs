//! Name → certificate: the exact name, else the wildcard one label up, else the default.
//!
//! Built once for a snapshot and only read afterwards. Traefik compares lists of names in reverse order of
//! the alphabet, so that there a wildcard can win over the exact name.
//!
//! Several certificates may have one name, as ECDSA and RSA or across a renewal: all are kept, the best
//! first, and the client's signature schemes decide. A certificate for a challenge (TLS-ALPN-01) would be
//! looked for before all of these, by a client that offers `acme-tls/1` and nothing else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificate::Certificate;

type Names<K> = HashMap<K, Candidates, ahash::RandomState>;
type Candidates = Vec<Arc<Certificate>>;

/// The certificates of a snapshot by name.
#[derive(Debug)]
pub(crate) struct Index {
    all: Vec<Arc<Certificate>>,
    exact: Names<Box<str>>,
    /// By what follows `*.`.
    wildcard: Names<Box<str>>,
    /// For clients that send no name: by the address they came to.
    addresses: Names<IpAddr>,
    default: Option<Arc<Certificate>>,
    /// Unix time at which the candidates were put in order.
    built: i64,
}

/// What rustls asks. Holds what differs between sets of options.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) index: Arc<Index>,
    /// No default for a name that no certificate has.
    pub(crate) strict: bool,
}

/// One certificate whatever the client says.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Arc<CertifiedKey>);

// === impl Index ===

impl Index {
    pub(crate) fn build(all: Vec<Arc<Certificate>>, default: Option<Arc<Certificate>>, now: i64) -> Self {
        let mut ranked = all.clone();
        // Stable: what was written first wins where nothing else decides.
        ranked.sort_by_key(|certificate| rank(certificate, now));
        let (mut exact, mut wildcard, mut addresses) = (Names::default(), Names::default(), Names::default());
        for certificate in ranked {
            for name in &certificate.names {
                if let Ok(address) = name.parse::<IpAddr>() {
                    push(&mut addresses, address, &certificate);
                } else if let Some(parent) = name.strip_prefix("*.") {
                    push(&mut wildcard, parent.trim_end_matches('.').into(), &certificate);
                } else {
                    push(&mut exact, name.trim_end_matches('.').into(), &certificate);
                }
            }
        }
        Self { all, exact, wildcard, addresses, default, built: now }
    }

    /// Whether building it again would give the same: no other certificates, and none began or expired since.
    pub(crate) fn is_still(
        &self,
        all: &[Arc<Certificate>],
        default: Option<&Arc<Certificate>>,
        now: i64,
    ) -> bool {
        let same_default = match (&self.default, default) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let same_validity =
            |certificate: &Arc<Certificate>| validity(certificate, self.built) == validity(certificate, now);
        same_default
            && self.all.len() == all.len()
            && self.all.iter().zip(all).all(|(one, other)| Arc::ptr_eq(one, other))
            && all.iter().all(same_validity)
    }

    pub(crate) fn all(&self) -> &[Arc<Certificate>] {
        &self.all
    }

    pub(crate) fn default_certificate(&self) -> Option<&Arc<Certificate>> {
        self.default.as_ref()
    }

    /// For a name in lower case, or for no name. Without `schemes` the best candidate.
    pub(crate) fn find(
        &self,
        name: Option<&str>,
        strict: bool,
        schemes: Option<&[SignatureScheme]>,
    ) -> Option<&Arc<Certificate>> {
        let named = name.and_then(|name| self.by_name(name.trim_end_matches('.'), schemes));
        let default = if strict { None } else { self.default.as_ref() };
        named.or(default)
    }

    /// For a client that sent no name.
    pub(crate) fn by_address(
        &self,
        address: IpAddr,
        schemes: Option<&[SignatureScheme]>,
    ) -> Option<&Arc<Certificate>> {
        let candidates = self.addresses.get(&address.to_canonical())?;
        fitting(candidates, schemes).or(candidates.first())
    }

    fn by_name(&self, name: &str, schemes: Option<&[SignatureScheme]>) -> Option<&Arc<Certificate>> {
        let exact = self.exact.get(name);
        let wildcard = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        exact
            .and_then(|candidates| fitting(candidates, schemes))
            .or_else(|| wildcard().and_then(|candidates| fitting(candidates, schemes)))
            // None fits: a certificate of that name makes the clearer failure.
            .or_else(|| exact.or_else(wildcard).and_then(|candidates| candidates.first()))
    }
}

fn push<K: Eq + std::hash::Hash>(names: &mut Names<K>, name: K, certificate: &Arc<Certificate>) {
    names.entry(name).or_default().push(certificate.clone());
}

/// The first whose key can make a signature that the client understands.
fn fitting<'a>(
    candidates: &'a [Arc<Certificate>],
    schemes: Option<&[SignatureScheme]>,
) -> Option<&'a Arc<Certificate>> {
    match schemes {
        Some(schemes) => candidates.iter().find(|c| c.key.key.choose_scheme(schemes).is_some()),
        None => candidates.first(),
    }
}

/// Smaller is better: valid, ECDSA (cheaper to sign), from another issuer than itself, newest, longest.
fn rank(certificate: &Certificate, now: i64) -> (u8, bool, bool, i64, i64) {
    let info = &certificate.info;
    let slow_key = info.key_type == "RSA";
    (
        validity(certificate, now),
        slow_key,
        certificate.is_self_signed,
        info.not_before_unix.saturating_neg(),
        info.not_after_unix.saturating_neg(),
    )
}

/// Valid, not yet, no longer: an expired certificate says more to people than the default one.
fn validity(certificate: &Certificate, now: i64) -> u8 {
    if now > certificate.info.not_after_unix {
        return 2;
    }
    u8::from(now < certificate.info.not_before_unix)
}

// === impl Resolver ===

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = self.index.find(hello.server_name(), self.strict, Some(hello.signature_schemes()));
        found.map(|certificate| certificate.key.clone())
    }
}

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[cfg(test)]
mod tests;
