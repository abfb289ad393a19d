//! What comes from outside: licences, sources, duplicates, bans. The rules stand in `deny.toml`, the facts come
//! from `cargo metadata`; `cargo deny` reads the same file and looks at advisories as well, where it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use toml::Table;

use super::{must_be_empty, root};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn rules() -> Table {
    fs::read_to_string(root().join("deny.toml")).expect("deny.toml").parse().expect("deny.toml is TOML")
}

/// The strings of a list in `deny.toml`, or the `crate` of each of its tables.
fn list(section: &str, key: &str) -> BTreeSet<String> {
    let rules = rules();
    let Some(items) = rules.get(section).and_then(|s| s.get(key)).and_then(|v| v.as_array()) else {
        return BTreeSet::new();
    };
    let name = |item: &toml::Value| item.as_str().or_else(|| item.get("crate")?.as_str()).map(str::to_owned);
    items.iter().filter_map(name).collect()
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn host() -> String {
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(rustc.stdout).expect("text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

/// What is built for this kind of machine, tests included.
static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let out = cargo()
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", &host()])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata gives JSON")
});

/// Packages from outside that are part of a build here.
fn packages() -> Vec<&'static Value> {
    let built: BTreeSet<&str> = METADATA["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter_map(|n| n["id"].as_str())
        .collect();
    let all = METADATA["packages"].as_array().expect("packages");
    all.iter()
        .filter(|p| !p["source"].is_null() && built.contains(p["id"].as_str().unwrap_or_default()))
        .collect()
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// Does an SPDX expression leave us a choice that is allowed?
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // Old manifests write `MIT/Apache-2.0` for `MIT OR Apache-2.0`.
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        is |= all_of(words, at, allowed);
    }
    is
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        is &= one(words, at, allowed);
    }
    is
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let is = any_of(words, at, allowed);
        *at += 1;
        return is;
    }
    let mut name = word.to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{word} WITH {}", words.get(*at + 1).copied().unwrap_or_default());
        *at += 2;
    }
    allowed.contains(&name)
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND ISC", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("(ISC OR GPL-3.0) AND Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("ISC WITH LLVM-exception OR GPL-2.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn licences_are_allowed() {
    let allowed = list("licenses", "allow");
    let breaches: Vec<String> = packages()
        .into_iter()
        .filter(|p| !is_allowed(text(p, "license"), &allowed))
        .map(|p| format!("{} {}: {}", text(p, "name"), text(p, "version"), p["license"]))
        .collect();
    must_be_empty("Licences that deny.toml does not allow:", &breaches);
}

#[test]
fn every_package_comes_from_the_registry() {
    let breaches: Vec<String> = packages()
        .into_iter()
        .filter(|p| text(p, "source") != REGISTRY)
        .map(|p| format!("{} from {}", text(p, "name"), text(p, "source")))
        .collect();
    must_be_empty("No git sources, no other registry:", &breaches);
}

#[test]
fn banned_packages_stay_out() {
    let banned = list("bans", "deny");
    assert!(!banned.is_empty(), "deny.toml bans nothing: is it read?");
    let breaches: Vec<String> = packages()
        .into_iter()
        .map(|p| text(p, "name").to_owned())
        .filter(|name| banned.contains(name))
        .collect();
    must_be_empty("Packages that deny.toml bans:", &breaches);
}

#[test]
fn a_package_has_one_version_or_a_reason() {
    let excused = list("bans", "skip");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for p in packages() {
        versions.entry(text(p, "name")).or_default().insert(text(p, "version"));
    }
    let excuses = |name: &str| excused.iter().any(|e| e.split('@').next() == Some(name));
    let breaches: Vec<String> = versions
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && !excuses(name))
        .map(|(name, versions)| format!("{name}: {versions:?}"))
        .collect();
    must_be_empty("Several versions of one package, and no reason for it in deny.toml:", &breaches);
}
