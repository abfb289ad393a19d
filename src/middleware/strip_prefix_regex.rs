//! `stripPrefixRegex` — takes a prefix that a pattern describes away from the path.

use document::{Problem, pattern};
use exchange::Request;
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, path, stripped, unset};

/// ```yaml
/// stripPrefixRegex: { regex: ["/[a-z0-9]+/v[0-9]+"] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Patterns, matched with the decoded path.
    #[serde(skip_serializing_if = "unset")]
    pub regex: Vec<String>,
}

pub(crate) struct StripPrefixRegex {
    /// As they were written, and compiled.
    patterns: Box<[(Box<str>, Regex)]>,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<StripPrefixRegex, Problem> {
        let compile = |(index, text): (usize, &String)| {
            pattern::compile_bytes(text)
                .map(|pattern| (text.as_str().into(), pattern))
                .map_err(|error| Problem::field(format!("regex[{index}]"), error))
        };
        let patterns = self.regex.iter().enumerate().map(compile);
        Ok(StripPrefixRegex { patterns: patterns.collect::<Result<_, _>>()? })
    }
}

// === impl StripPrefixRegex ===

impl StripPrefixRegex {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        let path = path::decoded(path::current(req));
        let fit = |(_, pattern): &(Box<str>, Regex)| {
            let found = pattern.find(&path)?;
            (found.start() == 0 && !found.is_empty()).then(|| found.as_bytes().to_vec())
        };
        match self.patterns.iter().find_map(fit) {
            Some(prefix) => stripped(req, &prefix, false),
            None => Flow::Continue,
        }
    }

    pub(crate) fn effect(&self) -> String {
        let list = self.patterns.iter().map(|(text, _)| format!("`{text}`"));
        format!("takes what matches {} away from the path", list.collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{build_error, header_values, request, target};

    fn built(regex: &[&str]) -> Result<StripPrefixRegex, Problem> {
        let regex = regex.iter().map(|&text| text.to_owned()).collect();
        Config { regex }.build()
    }

    fn check(given: &str, wanted: &str, header: &[&str]) {
        let mut req = request(given);
        built(&["/[a-z]+/v[0-9]", "^/x{2}"]).unwrap().request(&mut req);
        assert_eq!(target(&req), wanted, "{given}");
        assert_eq!(header_values(req.headers(), "x-forwarded-prefix"), header, "{given}");
    }

    #[test]
    fn takes_the_first_match_at_the_start() {
        check("/api/v2/users?q=1", "/users?q=1", &["/api/v2"]);
        check("/xx/y", "/y", &["/xx"]);
        check("/api/v2", "/", &["/api/v2"]);
        check("/api/v23/z", "/3/z", &["/api/v2"]);
    }

    #[test]
    fn a_match_further_on_does_not_count() {
        check("/1/api/v2/users", "/1/api/v2/users", &[]);
        check("/API/V2", "/API/V2", &[]);
    }

    #[test]
    fn a_match_that_no_header_can_hold_is_refused() {
        let flow = built(&["^/a\\n"]).unwrap().request(&mut request("/a%0Ab"));
        assert_eq!(crate::tests::answer(flow).status().as_u16(), 400);
    }

    #[test]
    fn is_described_as_written() {
        let built = built(&["^/[^/]+", "/a-b"]).unwrap();
        assert_eq!(built.effect(), "takes what matches `^/[^/]+` or `/a-b` away from the path");
    }

    #[test]
    fn names_the_broken_pattern() {
        build_error(built(&["a", "("]), "regex[1]");
    }
}
