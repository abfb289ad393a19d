//! `addPrefix` — puts a fixed path before the path of each request.

use document::Problem;
use exchange::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, path, refuse_path, unset};

/// ```yaml
/// addPrefix: { prefix: /api }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Path to put in front, not escaped. A missing leading slash is added.
    #[serde(skip_serializing_if = "unset")]
    pub prefix: String,
}

pub(crate) struct AddPrefix {
    /// Escaped.
    prefix: Box<str>,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<AddPrefix, Problem> {
        if self.prefix.is_empty() {
            return Err(Problem::field("prefix", "the prefix is empty"));
        }
        let mut prefix = path::encoded(self.prefix.as_bytes());
        if !prefix.starts_with('/') {
            prefix.insert(0, '/');
        }
        Ok(AddPrefix { prefix: prefix.into() })
    }
}

// === impl AddPrefix ===

impl AddPrefix {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        let path = path::current(req);
        // `OPTIONS *` asks about the server, not about a path.
        if path == "*" {
            return Flow::Continue;
        }
        let joined = format!("{}{path}", self.prefix);
        match path::put(req, &joined) {
            Ok(()) => Flow::Continue,
            Err(_) => refuse_path(req),
        }
    }

    pub(crate) fn effect(&self) -> String {
        format!("puts `{}` in front of the path", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{build_error, request, target};

    fn check(prefix: &str, given: &str, wanted: &str) {
        let built = Config { prefix: prefix.to_owned() }.build().unwrap();
        let mut req = request(given);
        assert!(matches!(built.request(&mut req), Flow::Continue));
        assert_eq!(target(&req), wanted, "{prefix} {given}");
    }

    #[test]
    fn keeps_escapes_and_query() {
        check("/v1", "/a%2Fb?x=1", "/v1/a%2Fb?x=1");
        check("/v1", "/a?x=1&y", "/v1/a?x=1&y");
        check("/v1", "/", "/v1/");
    }

    #[test]
    fn adds_the_slash() {
        check("v2", "/a", "/v2/a");
    }

    #[test]
    fn the_prefix_is_plain_text() {
        check("/é b", "/a", "/%C3%A9%20b/a");
        check("/a%2Fb", "/c", "/a%252Fb/c");
    }

    #[test]
    fn nothing_is_no_prefix() {
        build_error(Config::default().build(), "prefix");
    }

    #[test]
    fn an_emptied_path_gives_the_prefix_alone() {
        let mut req = request("/api?q");
        path::strip(&mut req, 4, false).unwrap();
        let built = Config { prefix: "/v1".to_owned() }.build().unwrap();
        built.request(&mut req);
        assert_eq!(target(&req), "/v1?q");
    }
}
