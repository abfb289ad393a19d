//! `replacePathRegex` — rewrites the path by a pattern.

use std::borrow::Cow;

use document::{Problem, pattern};
use exchange::Request;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, path, refuse_path, replaced, unset};

/// ```yaml
/// replacePathRegex: { regex: "^/foo/(.*)", replacement: "/bar/$1" }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Matched with the escaped path; all occurrences are replaced.
    #[serde(skip_serializing_if = "unset")]
    pub regex: String,
    /// Template with `$1`, `${1}`, `$name`.
    #[serde(skip_serializing_if = "unset")]
    pub replacement: String,
}

pub(crate) struct ReplacePathRegex {
    /// As it was written.
    text: Box<str>,
    pattern: Regex,
    replacement: Box<str>,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<ReplacePathRegex, Problem> {
        let text = self.regex.trim();
        let pattern = pattern::compile(text).map_err(|error| Problem::field("regex", error))?;
        Ok(ReplacePathRegex { text: text.into(), pattern, replacement: self.replacement.trim().into() })
    }
}

// === impl ReplacePathRegex ===

impl ReplacePathRegex {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        // Traefik: an empty template changes nothing.
        if self.replacement.is_empty() {
            return Flow::Continue;
        }
        let new = match self.pattern.replace_all(path::current(req), &*self.replacement) {
            // No match.
            Cow::Borrowed(_) => return Flow::Continue,
            Cow::Owned(new) => new,
        };
        match replaced(req, &new) {
            // Judged in its canonical form: the template may have put an escaped dot together.
            Flow::Continue if !path::is_clean(req.path()) => refuse_path(req),
            flow => flow,
        }
    }

    pub(crate) fn effect(&self) -> String {
        format!("replaces `{}` in the path by `{}`", self.text, self.replacement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{answer, build_error, header_values, request, target};

    fn built(regex: &str, replacement: &str) -> Result<ReplacePathRegex, Problem> {
        let (regex, replacement) = (regex.to_owned(), replacement.to_owned());
        Config { regex, replacement }.build()
    }

    fn check(regex: &str, replacement: &str, given: &str, wanted: &str) {
        let mut req = request(given);
        let flow = built(regex, replacement).unwrap().request(&mut req);
        assert!(matches!(flow, Flow::Continue), "{given}");
        assert_eq!(target(&req), wanted, "{given}");
        let changed = given != wanted;
        let old = given.split('?').next().unwrap();
        let header = header_values(req.headers(), "x-replaced-path");
        assert_eq!(header, if changed { vec![old] } else { vec![] }, "{given}");
    }

    fn refuses(regex: &str, replacement: &str, given: &str, status: u16) {
        let flow = built(regex, replacement).unwrap().request(&mut request(given));
        assert_eq!(answer(flow).status().as_u16(), status, "{given}");
    }

    #[test]
    fn replaces_and_keeps_the_query() {
        check("^/api/(.*)", "/$1", "/api/x?q=1", "/x?q=1");
        check("^/api/(.*)", "/$1", "/other", "/other");
        check("a", "b", "/banana", "/bbnbnb");
        check("  ^/t/(.*)  ", "  /$1  ", "/t/x", "/x");
    }

    #[test]
    fn sees_the_escaped_path() {
        check("^/api/(.*)", "/$1", "/api/a%20b%2Fc", "/a%20b%2Fc");
        check("^/api/(.*)", "/$1", "/api/..%2Fx", "/..%2Fx");
    }

    #[test]
    fn templates_are_gos() {
        check("^/r/(.*)", "/$1x", "/r/a", "/");
        check("^/r/(.*)", "/${1}x", "/r/a", "/ax");
        check("^/n/(?P<a>[^/]+)/(?P<b>.+)$", "/${b}/$a$$", "/n/one/two", "/two/one$");
    }

    #[test]
    fn an_unclean_result_is_refused() {
        refuses("^/u/(.*)", "/$1/../x", "/u/a", 400);
        refuses("^/u", "/", "/u/a", 400);
        refuses("%25", "%", "/%252e%252e/x", 400);
    }

    #[test]
    fn a_broken_result_is_our_mistake() {
        refuses("^/u", "/%zz", "/u", 500);
    }

    #[test]
    fn an_empty_template_changes_nothing() {
        check("^/a", "", "/a/b", "/a/b");
    }

    #[test]
    fn is_described_as_written() {
        let built = built("^/[^/]+/(.*)", "/$1").unwrap();
        assert_eq!(built.effect(), "replaces `^/[^/]+/(.*)` in the path by `/$1`");
    }

    #[test]
    fn names_the_broken_pattern() {
        build_error(built("(", "x"), "regex");
    }
}
