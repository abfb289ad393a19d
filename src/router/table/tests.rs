//! The index against a scan over all rules, and the order of entries.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use crate::rule::tests::rule;
use crate::{Entry, HttpMatcher, Rank, Rule, Table, View, parse_http};

fn view<'a>(host: &'a str, path: &'a str, headers: &'a HeaderMap) -> View<'a> {
    View { method: &Method::GET, host, path, query: None, headers, client: [10, 0, 0, 1].into() }
}

/// Rules with their priorities, in the order of their ties; the one that takes the request.
fn check(rules: &[(&'static str, i64)], host: &str, path: &str, expected: Option<&str>) {
    let entry = |(tie, (text, priority)): (usize, &(&'static str, i64))| Entry {
        rule: parse_http(text).unwrap(),
        rank: Rank::http(*priority, text, tie as u64),
        value: *text,
    };
    // The order in which entries are given does not count.
    for entries in
        [rules.iter().enumerate().map(entry).collect(), rules.iter().enumerate().rev().map(entry).collect()]
    {
        let table = Table::build(entries);
        assert_eq!(table.find(&view(host, path, &HeaderMap::new())).copied(), expected, "{host}{path}");
        assert_eq!(table.len(), rules.len());
    }
}

#[test]
fn the_longer_rule_wins_unless_a_priority_is_written() {
    let (short, long) = ("Host(`p`)", "Host(`p`) && PathPrefix(`/a`)");
    check(&[(short, 0), (long, 0)], "p", "/a", Some(long));
    check(&[(short, 0), (long, 0)], "p", "/b", Some(short));
    check(&[(short, 1000), (long, 0)], "p", "/a", Some(short));
    check(&[(short, 0), (long, 1)], "p", "/a", Some(short));
    check(&[(short, 0), (long, -1)], "p", "/a", Some(short));
    check(&[(short, 20), (long, 0)], "p", "/a", Some(long));
    check(&[(short, i64::MAX - 1000), (long, 0)], "p", "/a", Some(short));
}

#[test]
fn length_is_counted_in_bytes_of_the_rule_as_written() {
    let spaced = "Host(`p`)     ||     Path(`/never`)";
    check(&[(spaced, 0), ("Host(`p`) && PathPrefix(`/a`)", 0)], "p", "/a", Some(spaced));
    let wide = "Host(`p`) && !Path(`/éééé`)";
    check(&[(wide, 0), ("Host(`p`) && !Path(`/123456`)", 0)], "p", "/a", Some(wide));
    let or = "Host(`p`) || Host(`another-p`)";
    check(&[("Host(`p`) && Path(`/x`)", 0), (or, 0)], "p", "/x", Some(or));
}

#[test]
fn equal_priorities_go_by_tie() {
    check(&[("PathPrefix(`/a`)", 5), ("PathPrefix(`/`)", 5)], "p", "/a", Some("PathPrefix(`/a`)"));
    check(&[("PathPrefix(`/`)", 5), ("PathPrefix(`/a`)", 5)], "p", "/a", Some("PathPrefix(`/`)"));
}

#[test]
fn nothing_matches_in_vain() {
    check(&[("Host(`a`) && Path(`/x`)", 0)], "a", "/y", None);
    check(&[("Host(`a`) && Path(`/x`)", 0)], "a", "/", None);
    check(&[], "a", "/", None);
    check(&[("!Host(`*`)", 0)], "a", "/", None);
}

#[test]
fn hosts_of_all_kinds_are_compared() {
    let rules = [
        ("Host(`a.b.c`)", 1),
        ("Host(`*.b.c`)", 2),
        ("HostRegexp(`c$`)", 3),
        ("Host(`*`) && Path(`/any`)", 4),
        ("!Host(`a.b.c`) && Path(`/not`)", 5),
    ];
    check(&rules, "a.b.c", "/", Some(rules[2].0));
    check(&rules[..2], "a.b.c", "/", Some(rules[1].0));
    check(&rules[..2], "a.b.c.", "/", Some(rules[1].0));
    check(&rules[..2], "b.c", "/", None);
    check(&rules, "", "/any", Some(rules[3].0));
    check(&rules, "a.b.c", "/not", Some(rules[2].0));
    check(&rules, "x", "/not", Some(rules[4].0));
}

#[test]
fn deep_paths_overflow_nothing() {
    let rules: Vec<_> = (1..60).map(|n| format!("PathPrefix(`/{}`)", "a".repeat(n))).collect();
    let entry = |(n, text): (usize, &String)| Entry {
        rule: parse_http(text).unwrap(),
        rank: Rank::new(-(n as i64), 0),
        value: n,
    };
    let table = Table::build(rules.iter().enumerate().map(entry).collect());
    let (path, headers) = (format!("/{}", "a".repeat(70)), HeaderMap::new());
    assert_eq!(table.find(&view("", &path, &headers)), Some(&0));
    let entry = |(n, text): (usize, &String)| Entry {
        rule: parse_http(text).unwrap(),
        rank: Rank::new(n as i64, 0),
        value: n,
    };
    let table = Table::build(rules.iter().enumerate().map(entry).collect());
    assert_eq!(table.find(&view("", &path, &headers)), Some(&58));
    assert_eq!(table.find(&view("", "/aab", &headers)), Some(&1));
}

#[test]
fn a_disjunction_is_split_where_that_binds() {
    let unindexed = |text: &str| {
        let rule = parse_http(text).unwrap();
        Table::build(vec![Entry { rule, rank: Rank::new(0, 0), value: () }]).unindexed()
    };
    assert_eq!(unindexed("(Host(`a`) || Host(`b`)) && (Path(`/x`) || Path(`/y`))"), 0);
    assert_eq!(unindexed("!(!Host(`a`) && !Path(`/b`))"), 0);
    assert_eq!(unindexed("PathRegexp(`^/v[0-9]`)"), 0);
    assert_eq!(unindexed("(Method(`GET`) || Method(`PUT`)) && Header(`a`, `b`)"), 1);
    assert_eq!(unindexed("Host(`a`) || Method(`GET`)"), 1);
    let hosts = |prefix: &str| (0..2000).map(|n| format!("{prefix}{n}`)")).collect::<Vec<_>>().join(" || ");
    assert_eq!(unindexed(&format!("({}) && ({})", hosts("Path(`/"), hosts("Host(`h"))), 0);
}

#[test]
fn a_table_is_shared_by_threads() {
    fn check<T: Send + Sync>(_: &T) {}
    check(&Table::<()>::default());
}

// === The property ===

/// A request of which the parts are drawn from as few values as the rules name.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    host: &'static str,
    path: String,
    query: Option<&'static str>,
    header: Option<&'static str>,
    client: [u8; 4],
}

fn request() -> impl Strategy<Value = Request> {
    let host = prop::sample::select(vec!["", "a", "a.", "a.b", "x.a.b", "y.a.b.", "x.y.a.b", "b"]);
    let query = prop::sample::select(vec![None, Some("q"), Some("q=1"), Some("q=%31&r"), Some("q=0&q=1")]);
    (
        prop::sample::select(vec!["GET", "POST"]),
        host,
        "/[ab/]{0,4}",
        query,
        prop::sample::select(vec![None, Some("1"), Some("2")]),
        prop::sample::select(vec![[10, 0, 0, 1], [10, 0, 0, 2], [11, 0, 0, 1]]),
    )
        .prop_map(|(method, host, path, query, header, client)| Request {
            method,
            host,
            path,
            query,
            header,
            client,
        })
}

/// Calls that hold for a fair part of those requests.
fn call() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["a", "a.b", "x.a.b", "*.a.b", "*.b", "*", "b."])
        .prop_map(|h| format!("Host(`{h}`)"));
    let host_pattern = prop::sample::select(vec!["^a", "b$", ".+", "x?", "^.+$", "^$"])
        .prop_map(|p| format!("HostRegexp(`{p}`)"));
    let path = "/[ab/]{0,4}".prop_map(|p| format!("Path(`{p}`)"));
    let prefix = "/[ab/]{0,3}".prop_map(|p| format!("PathPrefix(`{p}`)"));
    let path_pattern =
        prop::sample::select(vec!["^/a", "b$", "^/ab*", "^/a|b", "^/a/[ab]", "^//?", "(?i)^/A"])
            .prop_map(|p| format!("PathRegexp(`{p}`)"));
    let other = prop::sample::select(vec![
        "Method(`GET`)",
        "Method(`POST`)",
        "Header(`x`, `1`)",
        "HeaderRegexp(`x`, `[12]`)",
        "Query(`q`)",
        "Query(`q`, `1`)",
        "QueryRegexp(`q`, `^[01]$`)",
        "QueryRegexp(`q`)",
        "ClientIP(`10.0.0.0/8`)",
        "ClientIP(`10.0.0.1`)",
    ])
    .prop_map(str::to_owned);
    prop_oneof![3 => host, 1 => host_pattern, 2 => path, 3 => prefix, 2 => path_pattern, 3 => other]
}

/// Whether a rule holds, told from its text and by other means than the matchers'.
fn holds(rule: &Rule<HttpMatcher>, request: &Request) -> bool {
    match rule {
        Rule::And(rules) => !rules.iter().any(|rule| !holds(rule, request)),
        Rule::Or(rules) => rules.iter().any(|rule| holds(rule, request)),
        Rule::Not(rule) => !holds(rule, request),
        Rule::Matcher(matcher) => call_holds(&matcher.to_string(), request),
    }
}

fn call_holds(call: &str, request: &Request) -> bool {
    let (name, rest) = call.split_once('(').unwrap();
    let arguments: Vec<&str> = rest.trim_end_matches(')').split(", ").map(|a| a.trim_matches('`')).collect();
    let first = arguments[0];
    let second = arguments.get(1).copied();
    let host = request.host.trim_end_matches('.');
    let regex = |text: &str| regex::Regex::new(text).unwrap();
    let values: Vec<&str> = match request.query {
        None => vec![],
        Some("q") => vec![""],
        Some("q=1" | "q=%31&r") => vec!["1"],
        Some(_) => vec!["0", "1"],
    };
    match name {
        "Host" if first == "*" => true,
        "Host" if first.starts_with('*') => {
            host.strip_suffix(&first[1..]).is_some_and(|label| !label.is_empty() && !label.contains('.'))
        }
        "Host" => !host.is_empty() && host == first.trim_end_matches('.'),
        "HostRegexp" => regex(first).is_match(request.host) || regex(first).is_match(""),
        "Path" => request.path == first,
        "PathPrefix" => request.path.get(..first.len()) == Some(first),
        "PathRegexp" => regex(first).is_match(&request.path),
        "Method" => request.method == first,
        "Header" => request.header == second,
        "HeaderRegexp" => request.header.is_some_and(|value| regex(second.unwrap()).is_match(value)),
        "Query" => values.contains(&second.unwrap_or_default()),
        "QueryRegexp" if second.is_none() => values.contains(&""),
        "QueryRegexp" => values.iter().any(|value| regex(second.unwrap()).is_match(value)),
        "ClientIP" if first == "10.0.0.0/8" => request.client[0] == 10,
        "ClientIP" => request.client == [10, 0, 0, 1],
        _ => panic!("{call}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn find_gives_what_a_scan_would(
        rules in prop::collection::vec((rule(call()), -3..3_i64), 0..24),
        requests in prop::collection::vec(request(), 1..24),
    ) {
        let entries = rules.iter().enumerate().map(|(number, (rule, priority))| Entry {
            rule: rule.clone(),
            rank: Rank::new(*priority, number as u64),
            value: number,
        });
        let table = Table::build(entries.collect());
        let mut order: Vec<usize> = (0..rules.len()).collect();
        order.sort_by_key(|number| (-rules[*number].1, *number));
        prop_assert_eq!(table.iter().map(|entry| entry.value).collect::<Vec<_>>(), order.clone());
        for request in &requests {
            let mut headers = HeaderMap::new();
            if let Some(value) = request.header {
                headers.insert(HeaderName::from_static("x"), HeaderValue::from_static(value));
            }
            let view = View {
                method: &request.method.parse().unwrap(),
                host: request.host,
                path: &request.path,
                query: request.query,
                headers: &headers,
                client: IpAddr::from(request.client),
            };
            let expected = order.iter().find(|number| holds(&rules[**number].0, request));
            prop_assert_eq!(table.find(&view), expected, "{:?}", request);
        }
    }
}
