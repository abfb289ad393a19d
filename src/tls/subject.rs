//! What a certificate says about its owner and its issuer, for headers, logs and the API.
//!
//! Spelled as Go's `crypto/x509` does, as that is what upstreams behind Traefik parse.

use std::fmt;
use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// One certificate, described.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub subject: Name,
    pub issuer: Name,
    /// Decimal.
    pub serial_number: String,
    /// Unix time.
    pub not_before: i64,
    /// Unix time.
    pub not_after: i64,
    pub alternative_names: AlternativeNames,
}

/// A distinguished name. `Display` gives what Go's `pkix.Name.String` gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    known: Vec<(Attribute, String)>,
    /// `oid=#hex` of the others.
    unknown: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    pub dns: Vec<String>,
    pub emails: Vec<String>,
    pub addresses: Vec<IpAddr>,
    pub uris: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    DomainComponent,
    Country,
    Province,
    Locality,
    Organization,
    OrganizationalUnit,
    Street,
    PostalCode,
    SerialNumber,
    CommonName,
}

/// Go's order, which is that of the sequence turned round. The domain component has no name in Go.
const PRINTED: [(Attribute, &str); 9] = [
    (Attribute::SerialNumber, "SERIALNUMBER"),
    (Attribute::CommonName, "CN"),
    (Attribute::PostalCode, "POSTALCODE"),
    (Attribute::Street, "STREET"),
    (Attribute::Province, "ST"),
    (Attribute::Locality, "L"),
    (Attribute::OrganizationalUnit, "OU"),
    (Attribute::Organization, "O"),
    (Attribute::Country, "C"),
];

/// `None` if the bytes are no certificate.
pub fn describe(der: &[u8]) -> Option<Description> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(Description::of(&certificate))
}

// === impl Description ===

impl Description {
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            subject: Name::of(certificate.subject()),
            issuer: Name::of(certificate.issuer()),
            serial_number: decimal(certificate.raw_serial()),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            alternative_names: AlternativeNames::of(certificate),
        }
    }
}

// === impl Name ===

impl Name {
    /// The values of an attribute, in the order of the certificate.
    pub fn get(&self, attribute: Attribute) -> impl Iterator<Item = &str> {
        self.known.iter().filter(move |(kind, _)| *kind == attribute).map(|(_, value)| value.as_str())
    }

    /// The last common name, as Go has it.
    pub fn common_name(&self) -> Option<&str> {
        self.get(Attribute::CommonName).last()
    }

    fn of(name: &X509Name<'_>) -> Self {
        let mut found = Self::default();
        for attribute in name.iter_attributes() {
            match Attribute::of(&attribute.attr_type().to_id_string()) {
                Some(kind) => found.known.push((kind, value(attribute))),
                None => found.unknown.push(raw(attribute)),
            }
            // Go has no field for it, so it prints it like any type it does not know.
            if let Some((Attribute::DomainComponent, _)) = found.known.last() {
                found.unknown.push(raw(attribute));
            }
        }
        found
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (attribute, label) in PRINTED {
            // Several values make one multi-valued part, but Go keeps only the last of these two.
            let single = matches!(attribute, Attribute::CommonName | Attribute::SerialNumber);
            let count = self.get(attribute).count();
            for value in self.get(attribute).skip(if single { count.saturating_sub(1) } else { 0 }) {
                write!(f, "{separator}{label}={}", escaped(value))?;
                separator = "+";
            }
            separator = if separator.is_empty() { "" } else { "," };
        }
        for other in self.unknown.iter().rev() {
            write!(f, "{separator}{other}")?;
            separator = ",";
        }
        Ok(())
    }
}

impl Attribute {
    fn of(oid: &str) -> Option<Self> {
        Some(match oid {
            "0.9.2342.19200300.100.1.25" => Self::DomainComponent,
            "2.5.4.3" => Self::CommonName,
            "2.5.4.5" => Self::SerialNumber,
            "2.5.4.6" => Self::Country,
            "2.5.4.7" => Self::Locality,
            "2.5.4.8" => Self::Province,
            "2.5.4.9" => Self::Street,
            "2.5.4.10" => Self::Organization,
            "2.5.4.11" => Self::OrganizationalUnit,
            "2.5.4.17" => Self::PostalCode,
            _ => return None,
        })
    }
}

// === impl AlternativeNames ===

impl AlternativeNames {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut found = Self::default();
        let Ok(Some(extension)) = certificate.subject_alternative_name() else {
            return found;
        };
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => found.dns.push((*name).to_owned()),
                GeneralName::RFC822Name(name) => found.emails.push((*name).to_owned()),
                GeneralName::URI(uri) => found.uris.push((*uri).to_owned()),
                GeneralName::IPAddress(bytes) => found.addresses.extend(address(bytes)),
                GeneralName::OtherName(..)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_)
                | GeneralName::Invalid(..) => {}
            }
        }
        found
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    match attribute.as_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(attribute.as_slice()).into_owned(),
    }
}

/// `1.2.3=#…`, the value as DER in hexadecimal.
fn raw(attribute: &AttributeTypeAndValue<'_>) -> String {
    let (tag, data) = (attribute.attr_value().tag().0, attribute.as_slice());
    let mut text = format!("{}=#{tag:02x}", attribute.attr_type().to_id_string());
    match data.len() {
        length @ 0..128 => text.push_str(&format!("{length:02x}")),
        length @ 128..256 => text.push_str(&format!("81{length:02x}")),
        length => text.push_str(&format!("82{length:04x}")),
    }
    text.extend(data.iter().map(|byte| format!("{byte:02x}")));
    text
}

/// RFC 2253, the way Go does it.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (index, letter) in value.chars().enumerate() {
        let special = match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => index == 0 || index == last,
            '#' => index == 0,
            _ => false,
        };
        if special {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// A big-endian number in decimal. Serial numbers have at most 20 bytes (RFC 5280, 4.1.2.2); what is far
/// longer is cut, as the division below is quadratic.
fn decimal(bytes: &[u8]) -> String {
    let mut number: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).take(64).collect();
    let mut digits = Vec::new();
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 10).unwrap_or(0);
            rest = value % 10;
        }
        digits.push(char::from_digit(rest, 10).unwrap_or('0'));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn described(set: impl FnOnce(&mut CertificateParams)) -> Description {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        set(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        describe(certificate.der()).unwrap()
    }

    #[test]
    fn a_name_is_printed_in_gos_order() {
        let found = described(|params| {
            let name = &mut params.distinguished_name;
            name.push(DnType::CountryName, "FR");
            name.push(DnType::OrganizationName, "Cheese, Inc");
            name.push(DnType::CommonName, "#brie ");
        });
        assert_eq!(found.subject.to_string(), r"CN=\#brie\ ,O=Cheese\, Inc,C=FR");
        assert_eq!(found.subject, found.issuer);
        assert_eq!(found.subject.common_name(), Some("#brie "));
        assert_eq!(found.subject.get(Attribute::Locality).count(), 0);
    }

    #[test]
    fn unknown_attributes_come_last_in_hexadecimal() {
        let found = described(|params| {
            params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]), "a@b");
            params.distinguished_name.push(DnType::CommonName, "x");
        });
        assert_eq!(found.subject.to_string(), "CN=x,1.2.840.113549.1.9.1=#0c03614062");
    }

    #[test]
    fn alternative_names_by_kind() {
        let found = described(|params| {
            params.subject_alt_names = vec![
                SanType::DnsName("a.test".try_into().unwrap()),
                SanType::IpAddress("::1".parse().unwrap()),
                SanType::Rfc822Name("me@a.test".try_into().unwrap()),
                SanType::URI("spiffe://a/b".try_into().unwrap()),
            ];
            params.serial_number = Some(vec![1, 0].into());
        });
        let names = found.alternative_names;
        assert_eq!(names.dns, ["a.test"]);
        assert_eq!(names.addresses, ["::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(names.emails, ["me@a.test"]);
        assert_eq!(names.uris, ["spiffe://a/b"]);
        assert_eq!(found.serial_number, "256");
        assert_eq!(describe(b"no certificate"), None);
    }

    #[test]
    fn long_numbers_in_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 0]), "0");
        assert_eq!(decimal(&[0xff; 16]), u128::MAX.to_string());
        assert_eq!(decimal(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), "18446744073709551616");
    }
}
