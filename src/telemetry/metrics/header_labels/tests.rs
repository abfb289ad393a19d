//! Which values are labels, how many, and which labels are refused.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{EMPTY, HeaderLabels, LONGEST, MOST, OTHER, check};

fn config(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(label, header)| ((*label).to_owned(), (*header).to_owned())).collect()
}

fn labels(labels: &[(&str, &str)]) -> HeaderLabels {
    HeaderLabels::new(&config(labels)).unwrap()
}

fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap()))
        .collect()
}

#[track_caller]
fn reads(lines: &[(&str, &[u8])], expected: &[&str]) {
    let labels = labels(&[("shop", "X-Shop"), ("host", "Host"), ("bad", "a b")]);
    assert_eq!(labels.names().collect::<Vec<_>>(), ["bad", "host", "shop"]);
    assert_eq!(labels.values(labels.number(&headers(lines))), expected);
}

#[test]
fn a_label_is_the_first_value_of_its_header() {
    reads(&[("x-shop", b"one"), ("x-shop", b"two"), ("host", b"shop.test")], &["", "", "one"]);
    reads(&[("x-other", b"one")], &["", "", ""]);
    reads(&[("x-shop", b"a\xffb")], &["", "", "a\u{fffd}b"]);
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let long = "a".repeat(LONGEST);
    reads(&[("x-shop", format!("{long}b").as_bytes())], &["", "", &long]);
    let odd = format!("a{}", "\u{e9}".repeat(LONGEST));
    reads(&[("x-shop", odd.as_bytes())], &["", "", &odd[..LONGEST - 1]]);
    // What is no UTF-8 grows on its way.
    let replaced = "\u{fffd}".repeat(LONGEST / 3);
    reads(&[("x-shop", &[0xff; 500])], &["", "", &replaced]);
}

#[test]
fn nothing_is_kept_where_there_are_no_labels() {
    assert!(HeaderLabels::new(&BTreeMap::new()).is_none());
}

#[test]
fn combinations_have_a_limit() {
    let labels = labels(&[("shop", "X-Shop"), ("till", "X-Till")]);
    let number = |shop: usize| labels.number(&headers(&[("x-shop", shop.to_string().as_bytes())]));
    let numbers: Vec<u16> = (0..MOST).map(number).collect();
    assert!(!numbers.contains(&OTHER) && !numbers.contains(&EMPTY));
    for shop in MOST..2 * MOST {
        assert_eq!(number(shop), OTHER);
    }
    assert_eq!(labels.values(OTHER), ["other", "other"]);
    assert_eq!((0..MOST).map(number).collect::<Vec<_>>(), numbers, "those that are known stay");
    assert_eq!(labels.values(number(7)), ["7", ""]);
    assert_eq!(labels.number(&HeaderMap::new()), EMPTY);
}

#[test]
fn workers_that_fill_the_table_at_once_agree() {
    let labels = labels(&[("shop", "X-Shop")]);
    let fill = || {
        let number = |shop: usize| labels.number(&headers(&[("x-shop", shop.to_string().as_bytes())]));
        (0..MOST / 2).map(number).collect::<Vec<u16>>()
    };
    let [one, two] = std::thread::scope(|scope| {
        [scope.spawn(fill), scope.spawn(fill)].map(|worker| worker.join().unwrap())
    });
    assert_eq!(one, two);
    assert!(one.iter().enumerate().all(|(shop, number)| labels.values(*number) == [shop.to_string()]));
}

fn says(label: &str, header: &str) -> Option<String> {
    let problems: Vec<_> = check(&config(&[(label, header)])).collect();
    let problem = problems.first()?;
    assert_eq!((problems.len(), problem.path.as_str()), (1, &*format!("headerLabels.{label}")));
    Some(format!("{}: {}", problem.severity, problem.message))
}

#[test]
fn labels_are_names_and_not_ours() {
    for good in ["shop", "_shop", "Shop_2", "tls_ja4", "le"] {
        assert_eq!(says(good, "X-Shop"), None);
    }
    for bad in ["", "2shop", "a-b", "a.b", "a b", "l\u{e9}", "__name__"] {
        assert_eq!(says(bad, "X-Shop"), Some(format!("error: `{bad}` is no label name")));
    }
    for ours in ["code", "method", "protocol", "entrypoint", "router", "service", "tls_version", "tls_cipher"]
    {
        assert_eq!(says(ours, "X"), Some(format!("error: the metrics have a label `{ours}` already")));
    }
}

#[test]
fn a_header_that_is_never_there_is_a_warning() {
    for header in ["", "a b", "Host"] {
        let message = format!("warning: `{header}` is no header of a request: the label is always empty");
        assert_eq!(says("shop", header), Some(message));
    }
}
