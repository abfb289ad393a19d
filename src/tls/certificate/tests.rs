//! PEM in, and what is wrong with it.

use super::*;
use crate::testing::{Authority, Pair, Wanted, self_signed_ca};

fn loaded(chain: &str, key: &str) -> Result<Certificate, String> {
    let pair = Pair { chain: chain.to_owned(), key: key.to_owned() };
    Certificate::load(&pair.config()).map_err(|error| format!("{}: {error}", error.field()))
}

fn refused(chain: &str, key: &str, expected: &str) {
    assert_eq!(loaded(chain, key).map(|found| found.names), Err(expected.to_owned()));
}

#[test]
fn names_are_in_lower_case() {
    let wanted = Wanted { names: &["B.test", "*.A.test", "::1"], common_name: "C.test", ..Wanted::default() };
    let pair = Authority::new("root").issue(&wanted);
    let found = loaded(&pair.chain, &pair.key).unwrap();
    assert_eq!(found.names, ["*.a.test", "::1", "b.test", "c.test"]);
    assert!(!found.is_self_signed);
}

#[test]
fn what_is_wrong_is_said() {
    let authority = Authority::new("root");
    let (one, other) = (authority.certify(&["a.test"]), authority.certify(&["a.test"]));
    refused("", &one.key, "certFile: the certificate is empty");
    refused(&one.chain, "", "keyFile: the private key is empty");
    refused(
        "/nowhere/a.crt",
        &one.key,
        "certFile: failed to read the certificate `/nowhere/a.crt`: no such file, and not PEM itself",
    );
    refused(&one.key, &one.key, "certFile: the certificate has no PEM block of that kind");
    refused(&one.chain, &one.chain, "keyFile: the private key has no PEM block of that kind");
    refused(&one.chain, &other.key, "keyFile: the private key does not belong to the certificate");
    let damaged = one.chain.replace("-----END", "?\n-----END");
    refused(&damaged, &one.key, "certFile: the certificate has a damaged PEM block");
    let encrypted = one.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    refused(&one.chain, &encrypted, "keyFile: the private key is encrypted");
}

#[test]
fn a_chain_is_put_in_order_and_its_root_left_out() {
    let authority = Authority::new("root");
    let pair = authority.certify(&["a.test"]);
    for chain in [format!("{}{}", pair.chain, authority.pem), format!("{}{}", authority.pem, pair.chain)] {
        let found = loaded(&chain, &pair.key).unwrap();
        assert_eq!(found.key.cert.len(), 1);
        assert_eq!(found.names, ["a.test"]);
    }
}

#[test]
fn a_self_signed_certificate_is_kept() {
    let pair = self_signed_ca("a.test");
    let found = loaded(&pair.chain, &pair.key).unwrap();
    assert_eq!(found.key.cert.len(), 1);
    assert!(found.is_self_signed);
}

#[test]
fn text_around_the_blocks_does_not_matter() {
    let pair = Authority::new("root").certify(&["a.test"]);
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    assert!(
        loaded(&format!("subject=a\n{}\n# end", pair.chain), &format!("{parameters}{}", pair.key)).is_ok()
    );
}

#[test]
fn the_api_is_told_in_gos_words() {
    let wanted =
        Wanted { names: &["b.test", "a.test"], common_name: "a.test", years: (2020, 2030), rsa: true };
    let pair = Authority::new("The Root").issue(&wanted);
    let info = loaded(&pair.chain, &pair.key).unwrap().info;
    assert_eq!(info.sans, ["a.test", "b.test"]);
    assert_eq!(
        (info.not_before.as_str(), info.not_after.as_str()),
        ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")
    );
    assert_eq!((info.key_type.as_str(), info.key_size), ("RSA", 2048));
    assert_eq!((info.issuer_cn.as_str(), info.common_name.as_str()), ("The Root", "a.test"));
    assert_eq!((info.version.as_str(), info.signature_algorithm.as_str()), ("v3", "ECDSA-SHA256"));
    assert_eq!(info.name.len(), 64);
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["issuerCN"], "The Root");
    assert!(json.get("notAfterUnix").is_none());
    assert_eq!(info.status(info.not_after_unix + 1), Status::Expired);
    assert_eq!(info.status(info.not_after_unix - 60), Status::Warning);
    assert_eq!(info.status(0), Status::Enabled);
}
