//! Environment variables: `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS`, and the same with `PORTCULLIS_`.

use document::schema::Wanted;
use document::{Origin, Schema};

use super::tree::Tree;

/// Ours goes last, so that it wins.
const PREFIXES: [&str; 2] = ["TRAEFIK_", "PORTCULLIS_"];

/// What the environment says.
#[derive(Default)]
pub(super) struct Environment {
    pub(super) config_file: Option<String>,
    /// `HOME` and `XDG_CONFIG_HOME`, where a file may lie.
    pub(super) home: Option<String>,
    pub(super) config_home: Option<String>,
    pub(super) tree: Tree,
}

pub(super) fn parse(variables: impl Iterator<Item = (String, String)>, schema: &Schema) -> Environment {
    let mut environment = Environment::default();
    let mut found = Vec::new();
    for (name, value) in variables {
        match name.as_str() {
            "HOME" => environment.home = Some(value).filter(|value| !value.is_empty()),
            "XDG_CONFIG_HOME" => environment.config_home = Some(value).filter(|value| !value.is_empty()),
            _ => found.extend(ours(name, value)),
        }
    }
    // The environment has no order of its own.
    found.sort();
    for (_, rest, name, value) in found {
        if rest == "CONFIGFILE" {
            environment.config_file = Some(value).filter(|value| !value.is_empty());
            continue;
        }
        environment.tree.insert(&path(&rest, schema), value, Origin::Environment(name));
    }
    environment
}

/// The rank of its prefix, the name without it, the whole name, the value.
fn ours(name: String, value: String) -> Option<(usize, String, String, String)> {
    let prefixed = |(rank, prefix): (usize, &&str)| {
        let head = name.get(..prefix.len())?;
        let rest = name.get(prefix.len()..).filter(|rest| !rest.is_empty())?;
        head.eq_ignore_ascii_case(prefix).then(|| (rank, rest.to_ascii_uppercase()))
    };
    let (rank, rest) = PREFIXES.iter().enumerate().find_map(prefixed)?;
    (!is_service_link(&rest, &value)).then_some((rank, rest, name, value))
}

/// A variable that Kubernetes makes in every Pod for a Service called `traefik…` or `portcullis…`:
/// `_SERVICE_HOST`, `_SERVICE_PORT[_NAME]`, `_PORT=tcp://…`, `_PORT_80_TCP[_PROTO|_PORT|_ADDR]`.
fn is_service_link(rest: &str, value: &str) -> bool {
    let words: Vec<&str> = rest.split('_').collect();
    let ends_in = |pattern: &[&str]| words.ends_with(pattern);
    let is_link =
        |value: &str| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let service_port = words.windows(2).any(|pair| pair == ["SERVICE", "PORT"]);
    let port = words.windows(3).any(|three| match three {
        ["PORT", number, protocol] => {
            number.bytes().all(|b| b.is_ascii_digit()) && matches!(*protocol, "TCP" | "UDP" | "SCTP")
        }
        _ => false,
    });
    ends_in(&["SERVICE", "HOST"]) || service_port || port || (ends_in(&["PORT"]) && is_link(value))
}

/// `ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN` as a path; a number is an index where a list is wanted.
fn path(rest: &str, schema: &Schema) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    for word in rest.split('_') {
        let is_number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let in_list = is_number && schema.wanted(path.iter().map(String::as_str)) == Some(Wanted::List);
        path.push(if in_list { format!("[{word}]") } else { word.to_ascii_lowercase() });
    }
    path
}
