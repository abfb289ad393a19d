//! What text becomes, and what is said of text that cannot be read.

use serde_json::{Value as Json, json};

use super::*;

fn yaml(text: &str, expected: Json) {
    let (documents, problems) = parse_documents(text, Format::Yaml);
    assert_eq!(problems, [], "{text}");
    assert_eq!(documents.iter().map(Value::to_json).collect::<Vec<_>>(), [expected], "{text}");
}

/// `line:column code` of each problem.
fn problems(text: &str, format: Format, expected: &[&str]) {
    let (_, problems) = parse_documents(text, format);
    let found: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.origin.to_string().trim_start_matches(':'), problem.code))
        .collect();
    assert_eq!(found, expected, "{problems:?}");
}

#[test]
fn plain_scalars_are_what_go_takes_them_for() {
    yaml(
        "[null, ~, Null, true, False, yes, 'true', 80, -1, 0x1F, 0o17, 017, 000, 1.5, 1e3, .5, 1.2.3, +x, 1_000, 08]",
        json!([
            null, null, null, true, false, "yes", "true", 80, -1, 31, 15, 15, 0, 1.5, 1000.0, 0.5, "1.2.3",
            "+x", "1_000", 8.0
        ]),
    );
}

#[test]
fn a_float_keeps_its_text() {
    let (value, _) = parse("1.10", Format::Yaml).unwrap();
    assert_eq!(value.scalar_text().as_deref(), Some("1.10"));
}

#[test]
fn tags_decide() {
    yaml("[!!str 1, !!int '1', !custom 1]", json!(["1", 1, "1"]));
}

#[test]
fn anchors_aliases_and_merge_keys() {
    yaml(
        "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\na: {<<: *b, y: 9}\nb: {<<: [*b, *o]}\nc: *b\n",
        json!({
            "base": {"x": 1, "y": 2}, "other": {"y": 3, "z": 4},
            "a": {"y": 9, "x": 1}, "b": {"x": 1, "y": 2, "z": 4}, "c": {"x": 1, "y": 2},
        }),
    );
    problems("a: &a 1\nb: {<<: *a}\n", Format::Yaml, &["2:5 wrong_type"]);
    problems("a: &a [*a]\n", Format::Yaml, &["1:8 yaml_syntax"]);
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let alias = format!("*a{}, ", i - 1).repeat(10);
        text.push_str(&format!("a{i}: &a{i} [{alias}]\n"));
    }
    let (_, found) = parse_documents(&text, Format::Yaml);
    assert_eq!(found[0].code, "too_large");
}

#[test]
fn depth_is_bounded() {
    for format in [Format::Yaml, Format::Json] {
        let text = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let (_, found) = parse_documents(&text, format);
        assert_eq!(found[0].code, "too_deep", "{format:?}");
    }
    let (_, found) = parse_documents(&format!("a = {}{}", "[".repeat(70), "]".repeat(70)), Format::Toml);
    assert_eq!(found[0].code, "too_deep");
    let (_, found) = parse_documents(&format!("a = {}", "[".repeat(100_000)), Format::Toml);
    assert!(!found.is_empty());
    let (_, found) = parse_documents(&"[".repeat(100_000), Format::Json);
    assert!(!found.is_empty());
}

#[test]
fn a_key_written_twice_is_named() {
    problems("a: 1\nb: 2\na: 3\n", Format::Yaml, &["3:1 duplicate_key"]);
    problems("a = 1\na = 2\n", Format::Toml, &["2:1 toml_syntax"]);
}

#[test]
fn several_documents_and_one_of_them_broken() {
    let (documents, _) = parse_documents("---\na: 1\n---\n---\nb: 2\n", Format::Yaml);
    assert_eq!(
        documents.iter().map(Value::to_json).collect::<Vec<_>>(),
        [json!({"a": 1}), json!(null), json!({"b": 2})]
    );

    let text = "a: 1\n---\nb: [\n---\nc: 3\n---\nd: }\n---\ne: 5\n";
    let (documents, found) = parse_documents(text, Format::Yaml);
    assert_eq!(
        documents.iter().map(Value::to_json).collect::<Vec<_>>(),
        [json!({"a": 1}), json!({"c": 3}), json!({"e": 5})]
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(documents[2].members()[0].key_place.line, 9);
}

#[test]
fn a_second_document_is_not_dropped_in_silence() {
    let (value, warnings) = parse("a: 1\n---\nb: 2\n", Format::Yaml).unwrap();
    assert_eq!(value.to_json(), json!({"a": 1}));
    assert_eq!(warnings[0].summary(), "only the first of several documents in this file is read (:3:1)");
    assert!(parse("a: 1\n---\n", Format::Yaml).unwrap().1.is_empty());
}

#[test]
fn empty_texts_are_null() {
    for text in ["", "\n", "# only a comment\n"] {
        assert!(parse(text, Format::Yaml).unwrap().0.is_null());
    }
    assert!(parse("", Format::Json).unwrap().0.is_null());
    assert_eq!(parse("", Format::Toml).unwrap().0.to_json(), json!({}));
}

#[test]
fn places_count_characters_from_one() {
    let check = |text: &str, format, key: (u32, u32, u32), item: (u32, u32, u32)| {
        let (value, _) = parse(text, format).unwrap();
        let member = &value.members()[0];
        let triple = |place: Place| (place.line, place.column, place.width);
        assert_eq!((triple(member.key_place), triple(member.value.place)), (key, item), "{text}");
    };
    check("# c\n  é: bar\n", Format::Yaml, (2, 3, 1), (2, 6, 3));
    check("\u{feff}a: 'b'\n", Format::Yaml, (1, 1, 1), (1, 4, 3));
    check("\r\n{\r\n \"a\": 10}\r\n", Format::Json, (3, 2, 3), (3, 7, 2));
    check("# c\n\"é\" = \"bar\"\n", Format::Toml, (2, 1, 3), (2, 7, 5));
}

#[test]
fn toml_becomes_the_same_tree() {
    let text = "z = 1\n[entryPoints.web]\naddress = \":80\"\n[[a]]\nb = 1.10\nc = 2001-01-01\nd = 0x1F\n";
    let (value, _) = parse(text, Format::Toml).unwrap();
    assert_eq!(
        value.to_json(),
        json!({"z": 1, "entryPoints": {"web": {"address": ":80"}}, "a": [{"b": 1.1, "c": "2001-01-01", "d": 31}]})
    );
    assert_eq!(value.members()[0].key, "z");
    assert_eq!(locate_line(&value, "entryPoints.web.address"), Some(3));
}

fn locate_line(value: &Value, path: &str) -> Option<u32> {
    crate::value::locate(value, path).map(|place| place.line)
}

#[test]
fn json_is_read_with_its_own_rules() {
    let (value, _) = parse(r#"{"a": "\ud83d\ude00\/", "b": [1e2, "true", null]}"#, Format::Json).unwrap();
    assert_eq!(value.to_json(), json!({"a": "😀/", "b": [100.0, "true", null]}));
    problems("{\"a\": 1,}", Format::Json, &["1:9 json_syntax"]);
    problems("{a: 1}", Format::Json, &["1:2 json_syntax"]);
}

#[test]
fn syntax_errors_have_a_place() {
    problems("a: b: c\n", Format::Yaml, &["1:5 yaml_syntax"]);
    problems("a:\n\tb: 1\n", Format::Yaml, &["2:2 yaml_syntax"]);
    problems("a = \nb = 1\n", Format::Toml, &["1:5 toml_syntax"]);
    problems("a: *x\n", Format::Yaml, &["1:4 yaml_syntax"]);
}
