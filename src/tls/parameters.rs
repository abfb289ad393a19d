//! Protocol versions, cipher suites and key exchange groups: Go's names → what rustls offers.
//!
//! Traefik: TLS 1.0 and 1.1, CBC and RC4 suites, RSA key exchange, 3DES, P-521 and secp384r1mlkem1024 do not
//! exist here. A version below 1.2 as minimum means 1.2; a missing suite or curve is a warning while a usable
//! one is left. An unknown name is an error, an unknown version as well (Traefik ignores it).

use std::sync::{Arc, LazyLock};

use document::{Problem, name};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// What both sides of a handshake can be told.
pub(crate) struct Parameters {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) warnings: Vec<Problem>,
}

/// The same as written.
pub(crate) struct Written<'a> {
    pub(crate) min_version: &'a str,
    pub(crate) max_version: &'a str,
    pub(crate) cipher_suites: &'a [String],
    pub(crate) curve_preferences: &'a [String],
}

const VERSIONS: [&str; 4] = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"];

/// Suites that Go knows and rustls, for good reasons, does not.
const LEGACY_SUITES: [&str; 18] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_FALLBACK_SCSV",
];

const LEGACY_CURVES: [&str; 4] = ["secp521r1", "CurveP521", "secp384r1mlkem1024", "SecP384r1MLKEM1024"];

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// The cryptography with nothing left out.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

/// The name that Go and IANA give a suite; rustls spells those of TLS 1.3 its own way.
pub(crate) fn suite_name(suite: SupportedCipherSuite) -> &'static str {
    let name = suite.suite().as_str().unwrap_or("");
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        _ => name,
    }
}

impl Parameters {
    /// # Errors
    /// With everything that is wrong.
    pub(crate) fn build(written: &Written<'_>) -> Result<Self, Vec<Problem>> {
        let mut found = Vec::new();
        let mut versions = versions(written, &mut found);
        let mut provider = aws_lc_rs::default_provider();
        if !written.cipher_suites.is_empty() {
            provider.cipher_suites = suites(written.cipher_suites, &mut found);
            let is_sound = !has_error(&found);
            versions.retain(|version| provider.cipher_suites.iter().any(|suite| suite.version() == *version));
            if versions.is_empty() && is_sound {
                let message = "none of the cipher suites fits the versions that are allowed";
                found.push(Problem::field("cipherSuites", message));
            }
        }
        if !written.curve_preferences.is_empty() {
            provider.kx_groups = groups(written.curve_preferences, &mut found);
        }
        if has_error(&found) {
            return Err(found);
        }
        let warnings = found;
        let untouched = written.cipher_suites.is_empty() && written.curve_preferences.is_empty();
        let provider = if untouched { self::provider() } else { Arc::new(provider) };
        Ok(Self { provider, versions, warnings })
    }
}

/// The first error, for whom one is enough.
pub(crate) fn first(found: Vec<Problem>) -> Problem {
    let error = found.into_iter().find(Problem::is_error);
    error.unwrap_or_else(|| Problem::error("invalid_value", "these settings cannot be used together"))
}

fn has_error(found: &[Problem]) -> bool {
    found.iter().any(Problem::is_error)
}

fn versions(written: &Written<'_>, found: &mut Vec<Problem>) -> Vec<&'static SupportedProtocolVersion> {
    let mut rank = |field, name| {
        rank(field, name).unwrap_or_else(|problem| {
            found.push(problem);
            None
        })
    };
    let (min, max) = (rank("minVersion", written.min_version), rank("maxVersion", written.max_version));
    let oldest = |name: &str| format!("`{name}` is not supported: TLS 1.2 is the oldest version");
    if max.is_some_and(|max| max < 2) {
        found.push(Problem::field("maxVersion", oldest(written.max_version)));
    } else if min.zip(max).is_some_and(|(min, max)| min > max) {
        let message = format!("`{}` is above the maxVersion `{}`", written.min_version, written.max_version);
        found.push(Problem::field("minVersion", message));
    }
    if min.is_some_and(|min| min < 2) {
        let message = oldest(written.min_version);
        found.push(Problem::warning("unsupported_value", message).with_path("minVersion"));
    }
    let allowed = |rank: usize| min.is_none_or(|min| min <= rank) && max.is_none_or(|max| max >= rank);
    [(3, &TLS13), (2, &TLS12)].into_iter().filter(|(rank, _)| allowed(*rank)).map(|(_, v)| v).collect()
}

/// Where a version stands in [`VERSIONS`]; an empty name is an unset field.
fn rank(field: &str, name: &str) -> Result<Option<usize>, Problem> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = VERSIONS.iter().position(|version| *version == name);
    found.map(Some).ok_or_else(|| {
        Problem::field(field, format!("unknown TLS version `{name}`"))
            .did_you_mean(name::nearest(name, VERSIONS))
    })
}

/// The suites of TLS 1.2 that were named, and all of TLS 1.3: as in Go, those cannot be chosen.
fn suites(names: &[String], found: &mut Vec<Problem>) -> Vec<SupportedCipherSuite> {
    let all = aws_lc_rs::ALL_CIPHER_SUITES;
    let mut chosen = Vec::new();
    let mut is_known = true;
    for (index, name) in names.iter().enumerate() {
        // Names that Go kept from before RFC 7905 was finished.
        let full = match name.as_str() {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            name => name,
        };
        let path = format!("cipherSuites[{index}]");
        if let Some(suite) = all.iter().find(|suite| suite_name(**suite) == full) {
            chosen.push(suite.suite());
        } else if LEGACY_SUITES.contains(&full) {
            let message = format!("the cipher suite `{name}` is not supported");
            found.push(Problem::warning("unsupported_value", message).with_path(path));
        } else {
            is_known = false;
            let known = all.iter().map(|suite| suite_name(*suite)).chain(LEGACY_SUITES);
            let problem = Problem::field(path, format!("unknown cipher suite `{name}`"));
            found.push(problem.did_you_mean(name::nearest(name, known)));
        }
    }
    if chosen.is_empty() && is_known {
        let problem = Problem::field("cipherSuites", "none of these cipher suites is supported");
        found.push(problem.hint("leave the field out to use all that are secure"));
    }
    let is_13 = |suite: &SupportedCipherSuite| suite.version().version == ProtocolVersion::TLSv1_3;
    all.iter().copied().filter(|suite| is_13(suite) || chosen.contains(&suite.suite())).collect()
}

fn groups(names: &[String], found: &mut Vec<Problem>) -> Vec<&'static dyn SupportedKxGroup> {
    let mut chosen: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    let mut is_known = true;
    for (index, name) in names.iter().enumerate() {
        let path = format!("curvePreferences[{index}]");
        if let Some(group) = group(name) {
            if !chosen.iter().any(|other| other.name() == group.name()) {
                chosen.push(group);
            }
        } else if LEGACY_CURVES.iter().any(|curve| curve.eq_ignore_ascii_case(name)) {
            let message = format!("the curve `{name}` is not supported");
            found.push(Problem::warning("unsupported_value", message).with_path(path));
        } else {
            is_known = false;
            let known = ["X25519", "CurveP256", "CurveP384", "x25519mlkem768", "secp256r1mlkem768"];
            let problem = Problem::field(path, format!("unknown curve `{name}`"));
            found.push(problem.did_you_mean(name::nearest(name, known)));
        }
    }
    if chosen.is_empty() && is_known {
        found.push(Problem::field("curvePreferences", "none of these curves is supported"));
    }
    chosen
}

fn group(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP256R1MLKEM768, SECP384R1, X25519, X25519MLKEM768};
    Some(match name.to_ascii_lowercase().as_str() {
        "secp256r1" | "curvep256" => SECP256R1,
        "secp384r1" | "curvep384" => SECP384R1,
        "x25519" => X25519,
        "x25519mlkem768" => X25519MLKEM768,
        "secp256r1mlkem768" => SECP256R1MLKEM768,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
