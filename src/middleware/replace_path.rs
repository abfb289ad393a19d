//! `replacePath` — puts a fixed path in place of each.

use document::Problem;
use exchange::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, path, replaced, unset};

/// ```yaml
/// replacePath: { path: /foo }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The new path, escaped.
    #[serde(skip_serializing_if = "unset")]
    pub path: String,
}

pub(crate) struct ReplacePath {
    path: Box<str>,
}

// === impl Config ===

impl Config {
    /// Traefik finds a broken escape only when a request comes, and answers that one with 500: so here.
    pub(crate) fn build(&self) -> Result<ReplacePath, Problem> {
        Ok(ReplacePath { path: self.path.as_str().into() })
    }
}

// === impl ReplacePath ===

impl ReplacePath {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        replaced(req, &self.path)
    }

    pub(crate) fn effect(&self) -> String {
        match path::broken_escape(&self.path) {
            Some(broken) => format!("answers 500: {broken}"),
            None => format!("sets the path to `{}`", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{answer, header_values, request, target, text, with_header};

    fn check(new: &str, given: &str, wanted: &str, header: &str) {
        let mut req = request(given);
        let built = Config { path: new.to_owned() }.build().unwrap();
        assert!(matches!(built.request(&mut req), Flow::Continue));
        assert_eq!(target(&req), wanted);
        assert_eq!(header_values(req.headers(), "x-replaced-path"), [header]);
    }

    #[test]
    fn keeps_the_query_and_tells_the_old_path() {
        check("/new%20path", "/old/p?x=1", "/new%20path?x=1", "/old/p");
        check("/new", "/old%2Fp", "/new", "/old%2Fp");
    }

    #[test]
    fn escapes_what_may_not_stand_in_a_path() {
        check("/a b?c", "/", "/a%20b%3Fc", "/");
        check("", "/a?q", "/?q", "/a");
    }

    #[test]
    fn a_broken_escape_is_our_mistake() {
        let built = Config { path: "/bad%zz".to_owned() }.build().unwrap();
        let res = answer(built.request(&mut request("/a")));
        assert_eq!(res.status().as_u16(), 500);
        assert_eq!(text(&res), "invalid URL escape \"%zz\"\n");
    }

    #[test]
    fn the_header_is_added_to_what_is_there() {
        let mut req = with_header(request("/a"), "x-replaced-path", "/before");
        Config { path: "/b".to_owned() }.build().unwrap().request(&mut req);
        assert_eq!(header_values(req.headers(), "x-replaced-path"), ["/before", "/a"]);
    }
}
