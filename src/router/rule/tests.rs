//! The text of a rule, and what its evaluation says.

use std::fmt::Debug;

use proptest::prelude::*;

use crate::rule::Matcher;
use crate::{HttpMatcher, Rule, TcpMatcher, View, parse_http, parse_tcp};

#[test]
fn display_gives_the_canonical_text() {
    for (written, canonical) in [
        ("host( \"A.example.\" )", "Host(`a.example`)"),
        ("Header(`x-a`,`b`)||!Method(`get`)", "Header(`X-A`, `b`) || !Method(`GET`)"),
        ("Host(`a`) && (Path(`/x`) || Path(`/y`))", "Host(`a`) && (Path(`/x`) || Path(`/y`))"),
        ("((Host(`a`))) && (Path(`/x`) && Path(`/y`))", "Host(`a`) && (Path(`/x`) && Path(`/y`))"),
        ("(Host(`a`) && Path(`/x`)) || Host(`b`)", "Host(`a`) && Path(`/x`) || Host(`b`)"),
        ("!(Host(`a`) || Host(`b`)) && !!Path(`/`)", "!(Host(`a`) || Host(`b`)) && !!Path(`/`)"),
        (r#"Path("/`\x01\"\\")"#, r#"Path("/`\U00000001\"\\")"#),
        (
            "ClientIP(`::ffff:10.0.0.1`) || ClientIP(`10.0.0.0/8`)",
            "ClientIP(`10.0.0.1`) || ClientIP(`10.0.0.0/8`)",
        ),
        ("QueryRegexp(`k`) || Query(`k`, `v`)", "QueryRegexp(`k`) || Query(`k`, `v`)"),
    ] {
        let rule = parse_http(written).unwrap();
        // Control characters only force the quotes.
        assert_eq!(rule.to_string().replace("\u{1}", "\\U00000001"), canonical, "{written}");
    }
    assert_eq!(parse_tcp("hostsni(`*`) && alpn(`h2`)").unwrap().to_string(), "HostSNI(`*`) && ALPN(`h2`)");
}

#[test]
fn hosts_are_named_once_and_negations_ignored() {
    let hosts = |text: &str| parse_http(text).unwrap().hosts().join(" ");
    assert_eq!(hosts("Host(`B.x`) || Host(`a.x.`) && !Host(`*.c.x`) || Host(`b.x`)"), "b.x a.x *.c.x");
    assert_eq!(hosts("Host(`*`)"), "*");
    assert_eq!(hosts("HostRegexp(`a`) && Path(`/`)"), "");
    assert_eq!(parse_tcp("HostSNI(`A.b`) || HostSNIRegexp(`c`)").unwrap().hosts(), ["a.b"]);
}

#[test]
fn evaluation_names_the_first_false_term() {
    let headers = http::HeaderMap::new();
    let view = View {
        method: &http::Method::GET,
        host: "a.example",
        path: "/x",
        query: None,
        headers: &headers,
        client: [10, 0, 0, 1].into(),
    };
    let failed = |text: &str| parse_http(text).unwrap().evaluate(&view).err();
    assert_eq!(failed("Host(`a.example`) && (Path(`/y`) || PathPrefix(`/`))"), None);
    assert_eq!(failed("Host(`a.example`) && Path(`/y`) && Method(`POST`)").unwrap(), "Path(`/y`)");
    assert_eq!(failed("Host(`b`) || Path(`/y`)").unwrap(), "Host(`b`) || Path(`/y`)");
    assert_eq!(failed("!Host(`a.example`)").unwrap(), "!Host(`a.example`)");
    assert_eq!(failed("Host(`a.example`) && (Path(`/x`) && Query(`q`))").unwrap(), "Query(`q`)");
}

/// Any HTTP rule of these calls.
pub(crate) fn rule(
    call: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = Rule<HttpMatcher>> {
    combined(call.prop_map(|text| parse_http(&text).unwrap_or_else(|e| panic!("{text}: {e}"))))
}

/// Any TCP rule of these calls.
pub(crate) fn tcp_rule(
    call: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = Rule<TcpMatcher>> {
    combined(call.prop_map(|text| parse_tcp(&text).unwrap_or_else(|e| panic!("{text}: {e}"))))
}

/// At most four deep.
fn combined<M: Matcher + Debug + Clone + 'static>(
    matcher: impl Strategy<Value = Rule<M>> + 'static,
) -> impl Strategy<Value = Rule<M>> {
    matcher.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..5).prop_map(Rule::And),
            2 => prop::collection::vec(inner.clone(), 2..5).prop_map(Rule::Or),
            1 => inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_what_is_displayed_gives_the_same_rule(rule in rule(any_call())) {
        let text = rule.to_string();
        prop_assert_eq!(parse_http(&text).unwrap_or_else(|e| panic!("{text}: {e}")), rule);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "[A-Za-z()`\"'!&|,./\\\\ \n\t*é0-9=-]{0,40}") {
        if let Ok(rule) = parse_http(&text) {
            prop_assert_eq!(parse_http(&rule.to_string()).unwrap(), rule);
        }
        let _ = parse_tcp(&text);
    }
}

/// A call with text that is hard to quote.
fn any_call() -> impl Strategy<Value = String> {
    let quoted = |text: &str| {
        let escaped = text.chars().map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        });
        format!("\"{}\"", escaped.collect::<String>())
    };
    let text =
        prop_oneof!["[a-zA-Z0-9.*/-]{1,8}", "[ -~é€\n\r\t\u{0}`]{1,8}"].prop_map(move |text| quoted(&text));
    (0..6_u8, text.clone(), text, "[a-z.]{1,6}[a-z]").prop_map(|(kind, one, two, host)| match kind {
        0 => format!("Host(`{host}`)"),
        1 => format!("Path(\"/{})", &one[1..]),
        2 => format!("Query({one}, {two})"),
        3 => format!("Header({one}, {two})"),
        4 => format!("QueryRegexp({one})"),
        _ => format!("Method({one})"),
    })
}
