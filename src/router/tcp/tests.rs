//! What each TCP matcher holds for.

use crate::{Entry, Rank, TcpTable, TcpView, parse_tcp};

/// A connection: its server name, `-` for none, and the protocols offered.
fn view<'a>(sni: &'a str, alpn: &'a [&'a [u8]]) -> TcpView<'a> {
    TcpView { sni: if sni == "-" { "" } else { sni }, alpn, client: [10, 0, 0, 1].into() }
}

fn check(rule: &str, sni: &str, expected: bool) {
    let rule = parse_tcp(rule).unwrap_or_else(|e| panic!("{rule}: {e}"));
    assert_eq!(rule.matches(&view(sni, &[b"h2", b"foo"])), expected, "{rule} on {sni}");
}

#[test]
fn host_sni() {
    check("HostSNI(`*`)", "-", true);
    check("HostSNI(`*`)", "a.b", true);
    check("HostSNI(`A.b.`)", "a.b", true);
    check("HostSNI(`a.b`)", "a.b.", true);
    check("HostSNI(`a.b`)", "-", false);
    check("HostSNI(`a.b`)", "x.a.b", false);
    check("HostSNI(`*.a.b`)", "x.a.b", true);
    check("HostSNI(`*.a.b`)", "x.y.a.b", false);
    check("HostSNI(`*.a.b`)", "a.b", false);
    check("HostSNI(`*.a.b`)", "-", false);
}

#[test]
fn host_sni_regexp_sees_an_empty_name() {
    check("HostSNIRegexp(`^a\\.`)", "a.b", true);
    check("HostSNIRegexp(`^$`)", "-", true);
    check("HostSNIRegexp(`^$`)", "a", false);
    check("HostSNIRegexp(`.+`)", "-", false);
}

#[test]
fn alpn_and_client_ip() {
    check("ALPN(`h2`)", "-", true);
    check("ALPN(`foo`)", "-", true);
    check("ALPN(`H2`)", "-", false);
    check("ClientIP(`10.0.0.0/8`)", "-", true);
    check("ClientIP(`10.0.0.2`)", "-", false);
}

#[test]
fn only_a_lone_star_is_a_catch_all() {
    let is = |text: &str| parse_tcp(text).unwrap().is_catch_all();
    assert!(is("HostSNI(`*`)"));
    assert!(is("(hostsni(\"*\"))"));
    assert!(!is("HostSNI(`*`) && ClientIP(`::1`)"));
    assert!(!is("HostSNI(`*.a`)"));
    assert!(!is("HostSNIRegexp(`.*`)"));
}

#[test]
fn priority_is_the_length_but_for_a_catch_all() {
    let priority = |written: i64, text: &str| Rank::tcp(written, &parse_tcp(text).unwrap(), text, 0).priority;
    assert_eq!(priority(0, "HostSNI(`*`)"), -1);
    assert_eq!(priority(7, "HostSNI(`*`)"), 7);
    assert_eq!(priority(0, "HostSNI(`a`)"), 12);
    assert_eq!(priority(-3, "HostSNI(`a`)"), -3);
}

#[test]
fn the_table_gives_the_highest_rank() {
    let rules = [
        "HostSNI(`*`)",
        "HostSNI(`*.a.b`)",
        "HostSNI(`x.a.b`)",
        "HostSNI(`x.a.b`) && ALPN(`h2`)",
        "ClientIP(`10.0.0.0/30`)",
    ];
    let entry = |text: &&'static str| {
        let rule = parse_tcp(text).unwrap();
        Entry { rank: Rank::tcp(0, &rule, text, 0), rule, value: *text }
    };
    let table = TcpTable::build(rules.iter().map(entry).collect());
    let find = |sni: &str, alpn: &[&[u8]], client: [u8; 4]| {
        *table.find(&TcpView { sni, alpn, client: client.into() }).unwrap()
    };
    assert_eq!(find("", &[], [11, 0, 0, 1]), rules[0]);
    assert_eq!(find("y.a.b", &[], [11, 0, 0, 1]), rules[1]);
    assert_eq!(find("x.a.b", &[], [11, 0, 0, 1]), rules[1]);
    assert_eq!(find("x.a.b", &[b"h2"], [11, 0, 0, 1]), rules[3]);
    assert_eq!(find("y.a.b", &[], [10, 0, 0, 1]), rules[4]);
    assert!(table.find_entry(&view("-", &[])).is_some_and(|entry| !entry.rule.is_catch_all()));
}
