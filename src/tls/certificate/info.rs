//! What the API says about a certificate.

use schemars::JsonSchema;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::digest;
use crate::subject::{Attribute, Description};

/// Serialises to the fields of Traefik's `/api/certificates`, but for `status`, which is a matter of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateInfo {
    /// The fingerprint again: certificates have no other name.
    pub name: String,
    /// DNS names and addresses, sorted.
    pub sans: Vec<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// Decimal.
    pub serial_number: String,
    pub common_name: String,
    pub issuer_org: String,
    #[serde(rename = "issuerCN")]
    pub issuer_cn: String,
    pub issuer_country: String,
    pub organization: String,
    pub country: String,
    pub version: String,
    pub key_type: String,
    pub key_size: usize,
    pub signature_algorithm: String,
    /// SHA-256 of the certificate.
    pub cert_fingerprint: String,
    /// SHA-256 of its public key.
    pub public_key_fingerprint: String,
    /// Unix time.
    #[serde(skip)]
    pub not_before_unix: i64,
    /// Unix time, for the gauge of the metrics.
    #[serde(skip)]
    pub not_after_unix: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Enabled,
    /// Less than 30 days left.
    Warning,
    Expired,
}

const WARNING_SECONDS: i64 = 30 * 24 * 3600;

impl CertificateInfo {
    /// Also tells whether the certificate is its own issuer.
    pub(super) fn of(der: &[u8]) -> Result<(Self, bool), String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| "it is no X.509 certificate")?;
        let said = Description::of(&parsed);
        let first =
            |name: &crate::subject::Name, attribute| name.get(attribute).next().unwrap_or("").to_owned();
        let mut sans = said.alternative_names.dns.clone();
        sans.extend(said.alternative_names.addresses.iter().map(ToString::to_string));
        sans.sort_unstable();
        let (key_type, key_size) = key_kind(&parsed);
        let fingerprint = digest::fingerprint(der);
        let info = Self {
            name: fingerprint.clone(),
            sans,
            not_before: rfc3339(said.not_before),
            not_after: rfc3339(said.not_after),
            common_name: said.subject.common_name().unwrap_or("").to_owned(),
            issuer_org: first(&said.issuer, Attribute::Organization),
            issuer_cn: said.issuer.common_name().unwrap_or("").to_owned(),
            issuer_country: first(&said.issuer, Attribute::Country),
            organization: first(&said.subject, Attribute::Organization),
            country: first(&said.subject, Attribute::Country),
            version: format!("v{}", parsed.version().0 + 1),
            key_type: key_type.to_owned(),
            key_size,
            signature_algorithm: signature_name(&parsed.signature_algorithm.algorithm.to_id_string()),
            public_key_fingerprint: digest::fingerprint(parsed.public_key().raw),
            cert_fingerprint: fingerprint,
            not_before_unix: said.not_before,
            not_after_unix: said.not_after,
            serial_number: said.serial_number,
        };
        Ok((info, parsed.subject().as_raw() == parsed.issuer().as_raw()))
    }

    /// At a time of the Unix clock.
    pub fn status(&self, now: i64) -> Status {
        match self.not_after_unix.saturating_sub(now) {
            i64::MIN..0 => Status::Expired,
            0..WARNING_SECONDS => Status::Warning,
            _ => Status::Enabled,
        }
    }
}

fn key_kind(certificate: &X509Certificate<'_>) -> (&'static str, usize) {
    match certificate.public_key().parsed() {
        Ok(key @ PublicKey::RSA(_)) => ("RSA", key.key_size()),
        // The parser gives the size of the point without its first byte, halved and in bits: rounded for
        // P-521.
        Ok(key @ PublicKey::EC(_)) => ("ECDSA", key.key_size().min(521)),
        Ok(
            PublicKey::DSA(_)
            | PublicKey::GostR3410(_)
            | PublicKey::GostR3410_2012(_)
            | PublicKey::Unknown(_),
        )
        | Err(_) => ("Unknown", 0),
    }
}

/// Go's names.
fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.10" => "SHA256-RSAPSS",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

fn rfc3339(unix: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(unix) else {
        return String::new();
    };
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
