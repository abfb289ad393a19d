//! The graph of crates, read from their manifests: levels, owners of heavy dependencies, one place for versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use toml::{Table, Value};

use super::{must_be_empty, root};

/// Each crate, lowest first, with the crates of ours that it may name. Nothing points up.
const LEVELS: &[(&str, &[&str])] = &[
    ("document", &[]),
    ("exchange", &[]),
    ("limits", &[]),
    ("router", &["document"]),
    ("telemetry", &["exchange", "document"]),
    ("tls", &["document"]),
    ("service", &["exchange", "tls", "document"]),
    ("middleware", &["exchange", "service", "limits", "document"]),
    ("dynamic", &["router", "middleware", "service", "tls", "document"]),
    ("provider", &["dynamic", "router", "middleware", "service", "tls", "document"]),
    ("snapshot", &["dynamic", "router", "middleware", "service", "tls", "exchange", "document"]),
    (
        "entrypoint",
        &["snapshot", "router", "middleware", "service", "exchange", "tls", "telemetry", "document"],
    ),
    ("api", &["snapshot", "dynamic", "exchange", "tls", "telemetry", "document"]),
    (
        "actors",
        &[
            "entrypoint",
            "snapshot",
            "provider",
            "dynamic",
            "service",
            "limits",
            "tls",
            "telemetry",
            "document",
        ],
    ),
];

/// Dependencies that any crate may use.
const COMMON: &[&str] = &[
    "ahash",
    "arc-swap",
    "bytes",
    "http",
    "http-body",
    "http-body-util",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
    "tracing",
];

/// Dependencies that have owners: no other manifest names them.
const OWNERS: &[(&str, &[&str])] = &[
    ("base64", &["middleware", "provider", "service", "entrypoint"]),
    ("bcrypt", &["middleware"]),
    ("clap", &["portcullis"]),
    ("flate2", &["telemetry"]),
    ("h2", &["service"]),
    ("hickory-resolver", &["service"]),
    // The body type of hyper flows through `exchange`; connections are made in the two others.
    ("hyper", &["exchange", "service", "entrypoint"]),
    ("hyper-util", &["service", "entrypoint"]),
    ("ipnet", &["router", "middleware", "entrypoint", "service"]),
    ("jiff", &["telemetry"]),
    ("k8s-openapi", &["provider"]),
    ("kube", &["provider"]),
    ("md-5", &["middleware"]),
    ("notify", &["provider"]),
    ("percent-encoding", &["router"]),
    ("ractor", &["actors"]),
    ("rcgen", &["tls"]),
    ("regex", &["document", "router", "middleware"]),
    ("rustix", &["portcullis", "entrypoint"]),
    ("rustls", &["tls"]),
    ("rustls-native-certs", &["tls"]),
    ("rustls-pki-types", &["tls"]),
    ("saphyr-parser", &["document"]),
    // A Secret of the type basic-auth holds a password in the clear; Traefik makes `{SHA}` of it.
    ("sha1", &["middleware", "provider"]),
    ("sha2", &["provider"]),
    ("socket2", &["entrypoint", "service"]),
    ("tikv-jemallocator", &["portcullis"]),
    ("tokio-rustls", &["tls"]),
    ("toml", &["document"]),
    ("tracing-subscriber", &["telemetry"]),
    ("x509-parser", &["tls"]),
];

/// Crates that a request passes; none of them may know who acts, where configuration comes from, or who looks on.
const TRAFFIC: &[&str] =
    &["exchange", "router", "tls", "service", "limits", "middleware", "snapshot", "entrypoint"];

/// One manifest of the workspace.
struct Manifest {
    name: String,
    folder: String,
    table: Table,
}

impl Manifest {
    /// Names of what it lists, without what only its tests use.
    fn dependencies(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut add = |table: &Table| {
            for section in ["dependencies", "build-dependencies"] {
                if let Some(Value::Table(listed)) = table.get(section) {
                    names.extend(listed.keys().cloned());
                }
            }
        };
        add(&self.table);
        if let Some(Value::Table(targets)) = self.table.get("target") {
            targets.values().filter_map(Value::as_table).for_each(&mut add);
        }
        names
    }

    fn lists(&self, name: &str) -> bool {
        self.dependencies().contains(name)
    }
}

fn manifest(folder: &str) -> Manifest {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let table: Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = table["package"]["name"].as_str().expect("a package has a name").to_owned();
    Manifest { name, folder: folder.to_owned(), table }
}

/// The root package and every member.
fn manifests() -> Vec<Manifest> {
    let members = manifest(".").table["workspace"]["members"].as_array().expect("members").clone();
    members.iter().map(|member| manifest(member.as_str().expect("a member is a path"))).collect()
}

fn member(name: &str) -> Manifest {
    manifests().into_iter().find(|m| m.name == name).unwrap_or_else(|| panic!("no crate `{name}`"))
}

#[test]
fn every_crate_has_its_level_and_names_only_crates_below_it() {
    let levels: BTreeMap<_, _> = LEVELS.iter().copied().collect();
    let mut breaches = Vec::new();
    for (at, (name, allowed)) in LEVELS.iter().enumerate() {
        for below in *allowed {
            if !LEVELS[..at].iter().any(|(n, _)| n == below) {
                breaches.push(format!(
                    "the table itself: `{name}` may not name `{below}`, which is not below it"
                ));
            }
        }
    }
    for m in manifests().iter().filter(|m| m.name != "portcullis") {
        let Some(allowed) = levels.get(m.name.as_str()) else {
            breaches.push(format!("`{}` has no level: give it one in tests/tidy/graph.rs", m.name));
            continue;
        };
        for dependency in m.dependencies().iter().filter(|d| levels.contains_key(d.as_str())) {
            if !allowed.contains(&dependency.as_str()) {
                breaches.push(format!("{}/Cargo.toml: `{}` may not name `{dependency}`", m.folder, m.name));
            }
        }
    }
    must_be_empty("Crates depend downwards only (docs/architecture.md):", &breaches);
}

#[test]
fn every_dependency_has_an_owner() {
    let owners: BTreeMap<_, _> = OWNERS.iter().copied().collect();
    let ours: BTreeSet<String> = manifests().into_iter().map(|m| m.name).collect();
    let mut breaches = Vec::new();
    for m in manifests() {
        for dependency in m.dependencies().iter().filter(|d| !ours.contains(*d)) {
            match owners.get(dependency.as_str()) {
                Some(who) if who.contains(&m.name.as_str()) => {}
                Some(who) => {
                    breaches.push(format!("`{}` names `{dependency}`, which belongs to {who:?}", m.name))
                }
                None if COMMON.contains(&dependency.as_str()) => {}
                None => breaches.push(format!("`{}` names `{dependency}`, which has no owner yet", m.name)),
            }
        }
    }
    must_be_empty("A dependency has one owner, or is common ground (tests/tidy/graph.rs):", &breaches);
}

/// Law 1: killing any actor loses no request, because nothing that serves one knows any.
#[test]
fn only_actors_know_actors() {
    let mut breaches = Vec::new();
    for m in manifests() {
        if m.lists("ractor") && m.name != "actors" {
            breaches.push(format!("`{}` lists `ractor`", m.name));
        }
        if m.lists("actors") && m.name != "portcullis" {
            breaches.push(format!("`{}` lists `actors`", m.name));
        }
    }
    must_be_empty("Only `actors` lists `ractor`, only the root lists `actors`:", &breaches);
}

/// Law 2, and what follows from the others for every crate a request passes.
#[test]
fn traffic_knows_neither_kubernetes_nor_control() {
    let mut breaches = Vec::new();
    for name in TRAFFIC {
        for forbidden in ["actors", "provider", "api", "ractor", "kube", "k8s-openapi", "notify"] {
            if member(name).lists(forbidden) {
                breaches.push(format!("`{name}` lists `{forbidden}`"));
            }
        }
    }
    must_be_empty("The traffic path knows neither Kubernetes nor the control side:", &breaches);
}

/// Law 3.
#[test]
fn providers_do_not_know_how_it_is_served() {
    for forbidden in ["snapshot", "entrypoint", "exchange", "hyper"] {
        assert!(!member("provider").lists(forbidden), "`provider` lists `{forbidden}`");
    }
}

/// Law 4.
#[test]
fn routing_is_pure() {
    for forbidden in ["tokio", "hyper", "http-body"] {
        assert!(!member("router").lists(forbidden), "`router` lists `{forbidden}`");
    }
}

/// Law 5 as far as a manifest can tell: actors decide when, so they need no protocol and no format.
#[test]
fn actors_hold_nothing_to_reuse() {
    for forbidden in ["hyper", "http", "rustls", "regex", "serde", "serde_json"] {
        assert!(!member("actors").lists(forbidden), "`actors` lists `{forbidden}`");
    }
}

#[test]
fn versions_stand_in_one_place() {
    let mut breaches = Vec::new();
    for m in manifests() {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(Value::Table(listed)) = m.table.get(section) else {
                continue;
            };
            for (name, value) in listed {
                let keys: Vec<&str> =
                    value.as_table().map_or(vec!["version"], |t| t.keys().map(String::as_str).collect());
                // What only tests need, such as a clock that can be paused, is asked for where they are.
                let allowed: &[&str] = match section {
                    "dev-dependencies" => &["workspace", "features"],
                    _ => &["workspace", "optional"],
                };
                if !keys.contains(&"workspace") || keys.iter().any(|key| !allowed.contains(key)) {
                    breaches.push(format!("{}/Cargo.toml: [{section}] {name}: {keys:?}", m.folder));
                }
            }
        }
    }
    must_be_empty(
        "Members write `name.workspace = true`; versions and features stand in the root:",
        &breaches,
    );
}

#[test]
fn every_version_says_what_it_is_for() {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let section = text.split("[workspace.dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let breaches: Vec<String> = section
        .expect("[workspace.dependencies]")
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("path = "))
        .filter(|line| line.split_once('#').is_none_or(|(_, why)| why.trim().len() < 3))
        .map(str::to_owned)
        .collect();
    must_be_empty("Each external dependency has a comment that says what it is for:", &breaches);
}

#[test]
fn every_workspace_dependency_is_used() {
    let root = manifest(".");
    let listed = root.table["workspace"]["dependencies"].as_table().expect("a table").keys().cloned();
    let used: BTreeSet<String> = manifests()
        .iter()
        .flat_map(|m| {
            let tests = m.table.get("dev-dependencies").and_then(Value::as_table);
            let tests: Vec<String> = tests.map(|t| t.keys().cloned().collect()).unwrap_or_default();
            m.dependencies().into_iter().chain(tests)
        })
        .collect();
    let breaches: Vec<String> = listed.filter(|name| !used.contains(name)).collect();
    must_be_empty("Nobody uses these entries of [workspace.dependencies]:", &breaches);
}

/// `cargo test -p router` must mean ours.
#[test]
fn crate_names_are_unique_in_the_lock_file() {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let breaches: Vec<String> = manifests()
        .into_iter()
        .filter(|m| text.matches(&format!("\nname = \"{}\"\n", m.name)).count() != 1)
        .map(|m| m.name)
        .collect();
    must_be_empty("These names of crates occur more than once in Cargo.lock, or not at all:", &breaches);
}

#[test]
fn members_share_edition_licence_and_lints() {
    let mut breaches = Vec::new();
    for m in manifests() {
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if m.table["package"].get(key).and_then(|v| v.get("workspace")).is_none() {
                breaches.push(format!("{}/Cargo.toml: `{key}.workspace = true` is missing", m.folder));
            }
        }
        if m.table.get("lints").and_then(|v| v.get("workspace")).is_none() {
            breaches.push(format!("{}/Cargo.toml: `[lints] workspace = true` is missing", m.folder));
        }
    }
    must_be_empty("Members inherit from the workspace:", &breaches);
}
