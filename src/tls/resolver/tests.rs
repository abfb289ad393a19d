//! Which certificate a name gets.

use super::*;
use crate::testing::{Authority, Pair, Wanted};

const NOW: i64 = 1_800_000_000; // 2027

fn certificate(pair: &Pair) -> Arc<Certificate> {
    Arc::new(Certificate::load(&pair.config()).unwrap())
}

/// By their first names; the default is called so.
struct Store(Index);

fn store(lists: &[&[&str]]) -> Store {
    let authority = Authority::new("root");
    let all = lists.iter().map(|names| certificate(&authority.certify(names))).collect();
    Store(Index::build(all, Some(certificate(&authority.certify(&["default"]))), NOW))
}

impl Store {
    fn check(&self, name: &str, expected: &str) {
        let found = self.0.find(Some(name), false, None).unwrap();
        assert_eq!(found.names.first().unwrap(), expected, "for `{name}`");
    }
}

#[test]
fn the_exact_name_wins_whatever_the_order() {
    for lists in [[&["*.a.test"][..], &["b.a.test"]], [&["b.a.test"], &["*.a.test"]]] {
        let store = store(&lists);
        store.check("b.a.test", "b.a.test");
        store.check("c.a.test", "*.a.test");
    }
}

#[test]
fn an_exact_name_wins_even_in_a_certificate_with_wildcards() {
    let store = store(&[&["*.b.test", "a.example.test"], &["*.example.test"]]);
    store.check("a.example.test", "*.b.test");
    store.check("b.example.test", "*.example.test");
}

#[test]
fn a_wildcard_stands_for_one_label() {
    let store = store(&[&["*.a.test"]]);
    store.check("x.a.test", "*.a.test");
    store.check("a.test", "default");
    store.check("x.y.a.test", "default");
    store.check(".a.test", "*.a.test");
    store.check("", "default");
}

#[test]
fn a_dot_at_the_end_does_not_matter() {
    store(&[&["a.test"]]).check("a.test.", "a.test");
}

#[test]
fn strict_has_no_default() {
    let Store(index) = store(&[&["a.test"]]);
    assert!(index.find(Some("b.test"), true, None).is_none());
    assert!(index.find(None, true, None).is_none());
    assert!(index.find(None, false, None).is_some());
    assert!(index.find(Some("a.test"), true, None).is_some());
}

#[test]
fn the_common_name_counts_beside_others() {
    let authority = Authority::new("root");
    let wanted = Wanted { names: &["other.test"], common_name: "CN.test", ..Wanted::default() };
    let index = Index::build(vec![certificate(&authority.issue(&wanted))], None, NOW);
    assert!(index.find(Some("cn.test"), true, None).is_some());
    assert!(index.find(Some("other.test"), true, None).is_some());
}

#[test]
fn addresses_are_for_clients_without_a_name() {
    let Store(index) = store(&[&["192.0.2.1", "a.test"], &["2001:db8::1"]]);
    let first = |address: &str| index.by_address(address.parse().unwrap(), None).map(|c| c.names[0].clone());
    assert_eq!(first("192.0.2.1").as_deref(), Some("192.0.2.1"));
    assert_eq!(first("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
    assert_eq!(first("2001:db8::1").as_deref(), Some("2001:db8::1"));
    assert_eq!(first("192.0.2.2"), None);
}

/// Years of the certificates for one name, and of the one that is chosen.
fn check_years(years: &[(i32, i32)], expected: (i32, i32)) {
    let authority = Authority::new("root");
    let issue = |years| authority.issue(&Wanted { names: &["a.test"], years, ..Wanted::default() });
    let all = years.iter().map(|years| certificate(&issue(*years))).collect();
    let index = Index::build(all, None, NOW);
    let info = &index.find(Some("a.test"), true, None).unwrap().info;
    let year = |text: &str| text[..4].parse::<i32>().unwrap();
    assert_eq!((year(&info.not_before), year(&info.not_after)), expected);
}

#[test]
fn the_newest_valid_one_of_a_name_is_shown() {
    check_years(&[(2020, 2030), (2026, 2029)], (2026, 2029));
    check_years(&[(2026, 2029), (2020, 2030)], (2026, 2029));
    check_years(&[(2026, 2029), (2026, 2031)], (2026, 2031));
    check_years(&[(2020, 2026), (2019, 2030)], (2019, 2030));
    check_years(&[(2040, 2050), (2019, 2030)], (2019, 2030));
    check_years(&[(2019, 2020), (2040, 2050)], (2040, 2050));
    check_years(&[(2019, 2020)], (2019, 2020));
}

#[test]
fn the_key_that_the_client_understands_is_shown() {
    let authority = Authority::new("root");
    let issue = |rsa| certificate(&authority.issue(&Wanted { names: &["a.test"], rsa, ..Wanted::default() }));
    let index = Index::build(vec![issue(true), issue(false)], None, NOW);
    let kind = |schemes: &[SignatureScheme]| {
        index.find(Some("a.test"), true, Some(schemes)).unwrap().info.key_type.clone()
    };
    assert_eq!(kind(&[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256]), "ECDSA");
    assert_eq!(kind(&[SignatureScheme::RSA_PSS_SHA256]), "RSA");
    assert_eq!(kind(&[SignatureScheme::ED25519]), "ECDSA");
}

#[test]
fn is_built_again_when_a_certificate_begins_or_ends() {
    let authority = Authority::new("root");
    let all = vec![certificate(&authority.issue(&Wanted { years: (2026, 2028), ..Wanted::default() }))];
    let end = all[0].info.not_after_unix;
    let index = Index::build(all.clone(), None, NOW);
    assert!(index.is_still(&all, None, NOW + 1));
    assert!(index.is_still(&all, None, end));
    assert!(!index.is_still(&all, None, end + 1));
    assert!(!index.is_still(&[], None, NOW));
    assert!(!index.is_still(&all, all.first(), NOW));
}
