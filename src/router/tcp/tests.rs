//! What each TCP matcher holds for.

use proptest::prelude::*;

use crate::rule::tests::tcp_rule;
use crate::{Entry, Rank, Rule, TcpMatcher, TcpTable, TcpView, parse_tcp};

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

/// A connection of which the parts are drawn from as few values as the rules name.
#[derive(Clone, Debug)]
struct Connection {
    sni: &'static str,
    alpn: Vec<&'static str>,
    client: [u8; 4],
}

fn connection() -> impl Strategy<Value = Connection> {
    (
        prop::sample::select(vec!["", "a", "a.", "a.b", "x.a.b", "y.a.b.", "x.y.a.b", "b"]),
        prop::sample::subsequence(vec!["h2", "http/1.1", "foo"], 0..=3),
        prop::sample::select(vec![[10, 0, 0, 1], [10, 0, 0, 2], [11, 0, 0, 1]]),
    )
        .prop_map(|(sni, alpn, client)| Connection { sni, alpn, client })
}

/// Calls that hold for a fair part of those connections.
fn call() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["a", "a.b", "x.a.b", "*.a.b", "*.b", "*", "b."])
        .prop_map(|host| format!("HostSNI(`{host}`)"));
    let pattern = prop::sample::select(vec!["^a", "b$", ".+", "x?", "^.+$", "^$"])
        .prop_map(|pattern| format!("HostSNIRegexp(`{pattern}`)"));
    let other = prop::sample::select(vec![
        "ALPN(`h2`)",
        "ALPN(`foo`)",
        "ClientIP(`10.0.0.0/8`)",
        "ClientIP(`10.0.0.1`)",
    ])
    .prop_map(str::to_owned);
    prop_oneof![4 => host, 1 => pattern, 2 => other]
}

/// Whether a rule holds, told from its text and by other means than the matchers'.
fn holds(rule: &Rule<TcpMatcher>, connection: &Connection) -> bool {
    match rule {
        Rule::And(rules) => !rules.iter().any(|rule| !holds(rule, connection)),
        Rule::Or(rules) => rules.iter().any(|rule| holds(rule, connection)),
        Rule::Not(rule) => !holds(rule, connection),
        Rule::Matcher(matcher) => call_holds(&matcher.to_string(), connection),
    }
}

fn call_holds(call: &str, connection: &Connection) -> bool {
    let (name, rest) = call.split_once('(').unwrap();
    let argument = rest.trim_end_matches(')').trim_matches('`');
    let sni = connection.sni.trim_end_matches('.');
    match name {
        "HostSNI" if argument == "*" => true,
        "HostSNI" if argument.starts_with('*') => {
            sni.strip_suffix(&argument[1..]).is_some_and(|label| !label.is_empty() && !label.contains('.'))
        }
        "HostSNI" => !sni.is_empty() && sni == argument.trim_end_matches('.'),
        "HostSNIRegexp" => regex::Regex::new(argument).unwrap().is_match(connection.sni),
        "ALPN" => connection.alpn.contains(&argument),
        "ClientIP" if argument == "10.0.0.0/8" => connection.client[0] == 10,
        "ClientIP" => connection.client == [10, 0, 0, 1],
        _ => panic!("{call}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn find_gives_what_a_scan_would(
        rules in prop::collection::vec((tcp_rule(call()), -3..3_i64), 0..24),
        connections in prop::collection::vec(connection(), 1..24),
    ) {
        let entries = rules.iter().enumerate().map(|(number, (rule, priority))| Entry {
            rule: rule.clone(),
            rank: Rank::new(*priority, number as u64),
            value: number,
        });
        let table = TcpTable::build(entries.collect());
        let mut order: Vec<usize> = (0..rules.len()).collect();
        order.sort_by_key(|number| (-rules[*number].1, *number));
        for connection in &connections {
            let alpn: Vec<&[u8]> = connection.alpn.iter().map(|protocol| protocol.as_bytes()).collect();
            let view = TcpView { sni: connection.sni, alpn: &alpn, client: connection.client.into() };
            let expected = order.iter().find(|number| holds(&rules[**number].0, connection));
            prop_assert_eq!(table.find(&view), expected, "{:?}", connection);
        }
    }
}
