//! What is taken, what is rewritten, and what is said of the rest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{Duration, Format, Secret, Source};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Config {
    address: String,
    max_size: Option<u16>,
    enabled: bool,
    timeout: Duration,
    list: Vec<String>,
    inner: Option<Inner>,
    map: BTreeMap<String, Inner>,
    level: Level,
    kind: Option<Kind>,
    ratio: f64,
    password: Secret,
    deep: Vec<Inner>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Inner {
    insecure: bool,
    base_path: String,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Level {
    #[default]
    Low,
    /// Documented, which changes the shape of the schema.
    #[serde(alias = "", alias = "Top")]
    #[schemars(extend("x-aliases" = ["", "Top"]))]
    High,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Kind {
    #[serde(alias = "prefixed")]
    #[schemars(extend("x-aliases" = ["prefixed"]))]
    AddPrefix(Prefix),
    ContentType(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Prefix {
    prefix: String,
}

fn takes(text: &str, expected: &serde_json::Value) {
    let (value, _) = crate::parse(text, Format::Yaml).unwrap();
    let (config, problems) = read::<Config>(&value);
    assert_eq!(problems, [], "{text}");
    let config = serde_json::to_value(config.unwrap()).unwrap();
    for (key, expected) in expected.as_object().unwrap() {
        assert_eq!(config.get(key), Some(expected), "{text}");
    }
}

fn says(text: &str, expected: &[&str]) {
    let source = Source::new("a.yml", text);
    let (value, _) = source.parse(Format::Yaml).unwrap();
    let (_, problems) = read::<Config>(&value);
    let found: Vec<String> = source.attach_all(problems).iter().map(Problem::summary).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn keys_may_be_written_in_any_case() {
    takes(
        "ADDRESS: a\nmaxsize: 3\nmap: {Web: {BasePath: /}}\n",
        &json!({"address": "a", "maxSize": 3, "map": {"Web": {"insecure": false, "basePath": "/"}}}),
    );
}

#[test]
fn scalars_become_what_is_wanted() {
    takes("address: 80\n", &json!({"address": "80"}));
    takes("address: 1.10\n", &json!({"address": "1.10"}));
    takes("address: true\n", &json!({"address": "true"}));
    takes(
        "maxSize: '80'\nenabled: 'T'\nratio: '0.5'\n",
        &json!({"maxSize": 80, "enabled": true, "ratio": 0.5}),
    );
    takes("maxSize: 80.0\nenabled: 1\nratio: 1\n", &json!({"maxSize": 80, "enabled": true, "ratio": 1.0}));
    takes("list: a, b,c\n", &json!({"list": ["a", "b", "c"]}));
    takes("list: ''\n", &json!({"list": []}));
    takes("list: [1, x]\n", &json!({"list": ["1", "x"]}));
    takes("timeout: 90\n", &json!({"timeout": "1m30s"}));
    takes("timeout: '90'\n", &json!({"timeout": "1m30s"}));
}

#[test]
fn true_switches_an_object_on_and_false_off() {
    let defaults = json!({"insecure": false, "basePath": ""});
    takes("inner: true\n", &json!({"inner": defaults}));
    takes("inner: 'true'\n", &json!({"inner": defaults}));
    takes("inner: {}\n", &json!({"inner": defaults}));
    takes("inner: false\n", &json!({"inner": null}));
    takes("deep: [true, {}]\n", &json!({"deep": [defaults, defaults]}));
    says(
        "inner: yes please\n",
        &["a mapping is wanted here, not the string `yes please` (a.yml:1:8, inner)"],
    );
}

#[test]
fn an_object_without_a_value_is_left_out_with_a_warning() {
    says(
        "inner:\naddress:\n",
        &[
            "`inner` has no value and is left out (a.yml:1:1, inner); write `inner: {}` to switch it on with its defaults",
        ],
    );
}

#[test]
fn enums_are_by_name() {
    takes("level: Top\n", &json!({"level": "high"}));
    takes("level: ''\n", &json!({"level": "high"}));
    takes("kind: {prefixed: {prefix: /a}}\n", &json!({"kind": {"addPrefix": {"prefix": "/a"}}}));
    takes("level: high\n", &json!({"level": "high"}));
    says("level: hihg\n", &["`hihg` is not `low` or `high` (a.yml:1:8, level); did you mean `high`?"]);
    takes("kind: {AddPrefix: {prefix: /a}}\n", &json!({"kind": {"addPrefix": {"prefix": "/a"}}}));
    takes("kind: {contentType: }\n", &json!({"kind": {"contentType": {"insecure": false, "basePath": ""}}}));
    says("kind: {addPrefx: {}}\n", &["unknown key `addPrefx` (a.yml:1:8, kind); did you mean `addPrefix`?"]);
    says(
        "kind:\n  addPrefix: {prefix: a}\n  contentType: {}\n",
        &["only one kind may be given, not both `addPrefix` and `contentType` (a.yml:3:3, kind)"],
    );
    says("kind:\n  addPrefix: {}\n", &["`prefix` is missing (a.yml:2:14, kind.addPrefix)"]);
    says("kind: {}\n", &["it is of no kind: one is needed (a.yml:1:1, kind)"]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    says(
        "adress: x\nmaxSize: 70000\nenabled: maybe\ntimeout: 1d\nlist: {a: 1}\nmap:\n  web: {insecur: true}\n  b: 3\n\
         ratio: []\npassword: [s3cret]\nAddress: y\naddress: z\n",
        &[
            "unknown key `adress` (a.yml:1:1); did you mean `address`?",
            "70000 is too large: the most is 65535 (a.yml:2:10, maxSize)",
            "true or false is wanted here, not the string `maybe` (a.yml:3:10, enabled)",
            "`1d` is not a duration: unknown unit `d`, use ns, us, ms, s, m or h (a.yml:4:10, timeout)",
            "a list is wanted here, not a mapping (a.yml:5:1, list)",
            "unknown key `insecur` (a.yml:7:9, map.web); did you mean `insecure`?",
            "a mapping is wanted here, not the number `3` (a.yml:8:6, map.b)",
            "a number is wanted here, not a list (a.yml:9:1, ratio)",
            "a string is wanted here, not a list (a.yml:10:1, password)",
            "`address` is written twice (a.yml:12:1, address)",
        ],
    );
}

#[test]
fn unknown_keys_alone_do_not_hide_the_rest() {
    let (value, _) = crate::parse("address: a\nnews: 1\n", Format::Yaml).unwrap();
    let (config, problems) = read::<Config>(&value);
    assert_eq!(config.unwrap().address, "a");
    assert_eq!(problems[0].code, UNKNOWN_KEY);
}

#[test]
fn a_problem_shows_its_line() {
    let source = Source::new("traefik.yml", "inner:\n  insecur: true\n");
    let (value, _) = source.parse(Format::Yaml).unwrap();
    let (_, problems) = read::<Config>(&value);
    assert_eq!(
        source.attach(problems[0].clone()).to_string(),
        "error: unknown key `insecur`
  --> traefik.yml:2:3
   |   insecur:
   |   ^^^^^^^
hint: did you mean `insecure`?"
    );
}

#[test]
fn says_what_is_wanted_at_a_path() {
    let schema = Schema::of::<Config>();
    let check =
        |path: &[&str], expected| assert_eq!(schema.wanted(path.iter().copied()), expected, "{path:?}");
    check(&["ADDRESS"], Some(Wanted::Scalar));
    check(&["timeout"], Some(Wanted::Scalar));
    check(&["list"], Some(Wanted::List));
    check(&["list", "[0]"], Some(Wanted::Scalar));
    check(&["map", "web", "insecure"], Some(Wanted::Bool));
    check(&["inner"], Some(Wanted::Object));
    check(&["deep", "[3]", "basepath"], Some(Wanted::Scalar));
    check(&["kind", "addPrefix", "prefix"], Some(Wanted::Scalar));
    check(&["nothing"], None);
    check(&["address", "more"], None);
}
