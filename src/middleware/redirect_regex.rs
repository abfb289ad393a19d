//! `redirectRegex` — sends the client to a URL that a pattern makes of the one it asked for.

use std::borrow::Cow;

use document::{Problem, pattern};
use exchange::Request;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, redirect, unset};

/// ```yaml
/// redirectRegex: { regex: "^http://localhost/(.*)", replacement: "http://mydomain/${1}" }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Matched with the whole URL, `http://host:port/path?query`; all occurrences are replaced.
    #[serde(skip_serializing_if = "unset")]
    pub regex: String,
    /// Template with `$1`, `${1}`, `$name`.
    #[serde(skip_serializing_if = "unset")]
    pub replacement: String,
    #[serde(skip_serializing_if = "unset")]
    pub permanent: bool,
}

pub(crate) struct RedirectRegex {
    /// As it was written.
    text: Box<str>,
    pattern: Regex,
    replacement: Box<str>,
    permanent: bool,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<RedirectRegex, Problem> {
        Ok(RedirectRegex {
            text: self.regex.as_str().into(),
            pattern: pattern::compile(&self.regex).map_err(|error| Problem::field("regex", error))?,
            replacement: self.replacement.as_str().into(),
            permanent: self.permanent,
        })
    }
}

// === impl RedirectRegex ===

impl RedirectRegex {
    pub(crate) fn request(&self, req: &Request) -> Flow {
        let (scheme, host, target) = (req.connection.scheme(), redirect::host(req), redirect::target(req));
        let old = format!("{scheme}://{host}{target}");
        let new = match self.pattern.replace_all(&old, &*self.replacement) {
            // No match.
            Cow::Borrowed(_) => return Flow::Continue,
            Cow::Owned(new) => new,
        };
        match redirect::location(&new) {
            None => redirect::broken(req),
            Some(_) if new == old => Flow::Continue,
            Some(location) => redirect::answer(req, location, self.permanent),
        }
    }

    pub(crate) fn effect(&self) -> String {
        format!("redirects what matches `{}` to `{}`", self.text, self.replacement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{build_error, over_tls, redirected, request_to, with_method};

    fn built(regex: &str, replacement: &str, permanent: bool) -> Result<RedirectRegex, Problem> {
        let (regex, replacement) = (regex.to_owned(), replacement.to_owned());
        Config { regex, replacement, permanent }.build()
    }

    fn check(regex: &str, replacement: &str, host: &str, path: &str, wanted: Option<(u16, &str)>) {
        let flow = built(regex, replacement, false).unwrap().request(&request_to(host, path));
        redirected(flow, wanted);
    }

    #[test]
    fn replaces_the_whole_url() {
        let (regex, new) = (r"^http://rr\.test/old/(.*)", "http://new.test/${1}");
        check(regex, new, "rr.test", "/old/x?q=1", Some((302, "http://new.test/x?q=1")));
        check(regex, new, "rr.test", "/other", None);
        check(
            r"^http://([^/]+):8080/(.*)",
            "http://$1/$2",
            "a.test:8080",
            "/a",
            Some((302, "http://a.test/a")),
        );
        check("o", "0", "rr.test", "/foo/boo?o=o", Some((302, "http://rr.test/f00/b00?0=0")));
        check(
            "^http://rr.test/(.*)",
            "http://new.test/$1x/${1}x",
            "rr.test",
            "/a",
            Some((302, "http://new.test//ax")),
        );
        check(
            "^http://rr.test/(.*)",
            "http://n/$1",
            "rr.test",
            "/a%20b%2Fc?x=%26",
            Some((302, "http://n/a%20b%2Fc?x=%26")),
        );
    }

    #[test]
    fn the_same_url_passes() {
        check("^(.*)$", "$1", "a.test", "/a", None);
    }

    #[test]
    fn what_is_no_url_is_our_mistake() {
        let flow = built(".*", "://", false).unwrap().request(&request_to("a.test", "/"));
        assert_eq!(crate::tests::answer(flow).status().as_u16(), 500);
    }

    #[test]
    fn the_status_follows_the_method() {
        for (method, permanent, status) in [
            ("GET", false, 302),
            ("HEAD", false, 307),
            ("POST", false, 307),
            ("GET", true, 301),
            ("PUT", true, 308),
        ] {
            let req = with_method(request_to("a.test", "/"), method);
            let flow = built("^.*$", "http://b.test/", permanent).unwrap().request(&req);
            redirected(flow, Some((status, "http://b.test/")));
        }
    }

    #[test]
    fn the_scheme_is_the_connections() {
        let flow = built("^https://a.test/(.*)", "http://plain.test/$1", false)
            .unwrap()
            .request(&over_tls(request_to("a.test", "/a")));
        redirected(flow, Some((302, "http://plain.test/a")));
    }

    #[test]
    fn is_described_as_written() {
        let built = built(r"^(https?://[^/]+)/a", "$1/b", false).unwrap();
        assert_eq!(built.effect(), r"redirects what matches `^(https?://[^/]+)/a` to `$1/b`");
    }

    #[test]
    fn names_the_broken_pattern() {
        build_error(built("(", "x", false), "regex");
    }
}
