//! Translations against golden files: `testdata/*.in.yaml` → `*.out.yaml`. `UPDATE_EXPECT=1` rewrites them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use document::Problem;
use dynamic::{Configuration, Map};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::{config, manifests};

#[test]
fn translations_are_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut inputs: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(".in.yaml"))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for input in inputs {
        check(&input);
    }
}

/// The first line may hold options: `# options: {kubernetesCRD: {…}}`.
fn check(input: &Path) {
    let text = std::fs::read_to_string(input).unwrap();
    let options = text.lines().next().and_then(|line| line.strip_prefix("# options: ")).unwrap_or("{}");
    let (options, _) = document::parse(options, document::Format::Yaml).unwrap();
    let (options, problems) = document::schema::read::<config::Manifests>(&options);
    assert!(problems.is_empty(), "{problems:?}");
    let documents = manifests::read_all(&[input.to_owned()], &options.unwrap());
    let folder = format!("{}/", input.parent().unwrap().display());
    let mut found = String::new();
    for (name, document) in &documents {
        write_yaml(&json!({ &**name: shown(document) }), 0, &mut found);
    }
    let found = found.replace(&folder, "");
    let expected = PathBuf::from(input.to_str().unwrap().replace(".in.yaml", ".out.yaml"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&expected, found).unwrap();
        return;
    }
    let expected_text = std::fs::read_to_string(&expected).unwrap_or_default();
    assert!(found == expected_text, "{} differs:\n{found}\nUPDATE_EXPECT=1 rewrites it", expected.display());
}

fn shown(document: &Configuration) -> Json {
    let certificates: Vec<Json> = document
        .tls
        .certificates
        .iter()
        .map(|certificate| json!(certificate.source.object.as_ref().map(ToString::to_string)))
        .collect();
    json!({
        "http": {
            "routers": objects(&document.http.routers),
            "services": objects(&document.http.services),
            "middlewares": objects(&document.http.middlewares),
            "serversTransports": objects(&document.http.servers_transports),
        },
        "tcp": {
            "routers": objects(&document.tcp.routers),
            "services": objects(&document.tcp.services),
            "middlewares": objects(&document.tcp.middlewares),
            "serversTransports": objects(&document.tcp.servers_transports),
        },
        "udp": { "routers": objects(&document.udp.routers), "services": objects(&document.udp.services) },
        "tls": {
            "certificates": certificates,
            "options": objects(&document.tls.options),
            "stores": objects(&document.tls.stores),
        },
        "problems": problems(&document.problems),
    })
}

fn objects<T: Serialize>(objects: &Map<T>) -> Json {
    let shown = objects.iter().map(|(name, element)| {
        let mut config = match &element.config {
            Some(config) => serde_json::to_value(config).unwrap(),
            None => json!("broken"),
        };
        if !element.problems.is_empty() {
            config = json!({ "config": config, "problems": problems(&element.problems) });
        }
        (name.to_string(), config)
    });
    Json::Object(shown.collect())
}

fn problems(problems: &[Problem]) -> Json {
    problems
        .iter()
        .map(|problem| format!("{} {}: {}", problem.severity, problem.code, problem.summary()))
        .collect()
}

/// Just enough YAML for people to read the difference.
fn write_yaml(value: &Json, depth: usize, out: &mut String) {
    let Json::Object(members) = value else { return };
    for (key, value) in members {
        let is_empty = match value {
            Json::Object(members) => members.is_empty(),
            Json::Array(items) => items.is_empty(),
            _ => false,
        };
        if depth < 3 && (is_empty || (value.is_object() && all_empty(value))) {
            continue;
        }
        let indent = "  ".repeat(depth);
        if is_empty {
            writeln!(out, "{indent}{key}: {value}").unwrap();
            continue;
        }
        match value {
            Json::Object(_) => {
                writeln!(out, "{indent}{key}:").unwrap();
                write_yaml(value, depth + 1, out);
            }
            Json::Array(items) => {
                writeln!(out, "{indent}{key}:").unwrap();
                for item in items {
                    match item {
                        Json::String(text) => writeln!(out, "{indent}- {text}").unwrap(),
                        item => writeln!(out, "{indent}- {item}").unwrap(),
                    }
                }
            }
            Json::String(text) => writeln!(out, "{indent}{key}: {}", text.replace('\n', "\\n")).unwrap(),
            value => writeln!(out, "{indent}{key}: {value}").unwrap(),
        }
    }
}

/// Sections in which nothing is.
fn all_empty(value: &Json) -> bool {
    value.as_object().is_some_and(|members| {
        members.values().all(|member| match member {
            Json::Object(members) => members.is_empty() || all_empty(member),
            Json::Array(items) => items.is_empty(),
            _ => false,
        })
    })
}
