//! Behaviour recorded of Traefik 3.7, as tables: a configuration, requests against it, what came of each.
//!
//! `fixtures/facts/*.json` hold them. Where Portcullis differs on purpose (docs/compatibility.md) the table holds
//! what Portcullis does. `want` may hold `{"anyOf": […]}` at any place. Words of `see`: `status`, `to` (which
//! backend), `target`, `bhost` (its `Host`), `body`, `size`, `q:Name` (request header at the backend), `r:Name`
//! (response header), `cert`, `version`, `alpn`, `cipher`, `handshake` (with the client); `sni`, `version@`,
//! `client` (of the handshake with the backend).

mod ask;
mod table;

use serde_json::Value;

use crate::harness::{Backend, Gateway, backend, gateway};
use table::Table;

#[tokio::test]
async fn routing() {
    hold("routing").await;
}

#[tokio::test]
async fn core_middlewares() {
    hold("core_middlewares").await;
}

#[tokio::test]
async fn tls() {
    hold("tls").await;
}

/// One gateway with the table's configuration answers all of its checks.
async fn hold(name: &str) {
    let table = Table::read(name);
    let mut backends: Vec<Backend> = Vec::new();
    let mut builder = gateway();
    for (name, tls) in &table.backends {
        let endpoint = match tls {
            None => backend(name).await,
            Some(tls) => Backend::start(name, Some(tls.server()), 0).await,
        };
        builder = builder.with(&endpoint);
        backends.push(endpoint);
    }
    for (name, options) in &table.entry_points {
        builder = builder.entry_point(name, options.clone());
    }
    for (name, text) in &table.files {
        builder = builder.beside(name, text);
    }
    let gateway: Gateway = builder.file(&format!("{:#}", table.dynamic)).start().await;
    let mut breaches = Vec::new();
    for check in &table.checks {
        let want = filled(&gateway, &check.want);
        let got = ask::ask(&gateway, check).await;
        if !accepts(&want, &got) {
            breaches.push(format!("{}: {}", check.name, differences(&want, &got)));
        }
    }
    let total = table.checks.len();
    let broken = breaches.len();
    assert!(
        broken == 0,
        "{} of {total} facts hold; these do not:\n  {}\n",
        total - broken,
        breaches.join("\n  ")
    );
}

/// Ports and folders of this run in the place of their names.
fn filled(gateway: &Gateway, value: &Value) -> Value {
    serde_json::from_str(&gateway.fill(&value.to_string()))
        .expect("names of ports and folders hold no quotes")
}

fn accepts(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Object(choice), _) if choice.len() == 1 && choice.contains_key("anyOf") => {
            choice["anyOf"].as_array().expect("a list").iter().any(|want| accepts(want, got))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.len() == got.len()
                && want.iter().all(|(key, want)| got.get(key).is_some_and(|got| accepts(want, got)))
        }
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| accepts(want, got))
        }
        _ => want == got,
    }
}

fn differences(want: &Value, got: &Value) -> String {
    let (Value::Object(wanted), Value::Object(had)) = (want, got) else {
        return format!("want {want}, got {got}");
    };
    if wanted.contains_key("anyOf") {
        return format!("want {want}, got {got}");
    }
    let keys = wanted.iter().filter(|(key, want)| !had.get(*key).is_some_and(|got| accepts(want, got)));
    let lines =
        keys.map(|(key, want)| format!("{key}: want {want}, got {}", had.get(key).unwrap_or(&Value::Null)));
    lines.collect::<Vec<_>>().join("; ")
}
