//! `stripPrefix` — takes the first prefix that fits away from the path.

use document::Problem;
use exchange::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, path, stripped, unset};

/// ```yaml
/// stripPrefix: { prefixes: [/api] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Plain texts, compared with the decoded path; `/foo` fits `/foobar` too.
    #[serde(skip_serializing_if = "unset")]
    pub prefixes: Vec<String>,
    /// Leave a slash where everything was taken. Deprecated.
    #[serde(skip_serializing_if = "unset")]
    pub force_slash: Option<bool>,
}

pub(crate) struct StripPrefix {
    prefixes: Box<[Box<str>]>,
    force_slash: bool,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<StripPrefix, Problem> {
        Ok(StripPrefix {
            prefixes: self.prefixes.iter().map(|prefix| prefix.trim().into()).collect(),
            force_slash: self.force_slash.unwrap_or(false),
        })
    }
}

// === impl StripPrefix ===

impl StripPrefix {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        let path = path::decoded(path::current(req));
        match self.prefixes.iter().find(|prefix| path.starts_with(prefix.as_bytes())) {
            Some(prefix) => stripped(req, prefix.as_bytes(), self.force_slash),
            None => Flow::Continue,
        }
    }

    pub(crate) fn effect(&self) -> String {
        let list = self.prefixes.iter().map(|prefix| format!("`{prefix}`"));
        format!("takes {} away from the path", list.collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{answer, header_values, request, target, text, with_header};

    fn built(prefixes: &[&str], force_slash: Option<bool>) -> StripPrefix {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        Config { prefixes, force_slash }.build().unwrap()
    }

    fn check(given: &str, wanted: &str, header: &[&str]) {
        let mut req = request(given);
        let built = built(&["/foo", "/foobar", "/bar/"], None);
        assert!(matches!(built.request(&mut req), Flow::Continue));
        assert_eq!(target(&req), wanted, "{given}");
        assert_eq!(header_values(req.headers(), "x-forwarded-prefix"), header, "{given}");
    }

    #[test]
    fn takes_the_first_that_fits() {
        check("/foo", "/", &["/foo"]);
        check("/foo/", "/", &["/foo"]);
        check("/foo/x?q=1", "/x?q=1", &["/foo"]);
        check("/foobar", "/bar", &["/foo"]);
        check("/bar/x", "/x", &["/bar/"]);
        check("/foo/foo/x", "/foo/x", &["/foo"]);
    }

    #[test]
    fn leaves_the_rest_alone() {
        check("/other", "/other", &[]);
        check("/FOO/x", "/FOO/x", &[]);
    }

    #[test]
    fn escapes_behind_the_prefix_stay() {
        check("/foo/a%2Fb%20c", "/a%2Fb%20c", &["/foo"]);
        check("/foo%2Fx", "/x", &["/foo"]);
        check("/foo/..%2Fx", "/..%2Fx", &["/foo"]);
    }

    #[test]
    fn a_prefix_is_decoded_text_and_trimmed() {
        let mut req = request("/%C3%A9/x%2Fy");
        built(&["/é"], None).request(&mut req);
        assert_eq!(target(&req), "/x%2Fy");
        let mut req = request("/trim/x");
        built(&[" /trim "], None).request(&mut req);
        assert_eq!(target(&req), "/x");
    }

    #[test]
    fn an_unclean_rest_is_refused() {
        for path in ["/foo//x", "/foo/../x", "/foo../x"] {
            let mut req = request(path);
            let res = answer(built(&["/foo"], None).request(&mut req));
            assert_eq!(res.status().as_u16(), 400, "{path}");
            assert_eq!(header_values(res.headers(), "x-content-type-options"), ["nosniff"]);
            assert_eq!(text(&res), "Bad Request\n");
        }
    }

    #[test]
    fn a_forced_slash() {
        let mut req = request("/foo");
        built(&["/foo"], Some(true)).request(&mut req);
        assert_eq!((path::current(&req), target(&req).as_str()), ("/", "/"));
    }

    #[test]
    fn the_header_is_added_to_what_is_there() {
        let mut req = with_header(request("/foo/x"), "x-forwarded-prefix", "/before");
        built(&["/foo"], None).request(&mut req);
        assert_eq!(header_values(req.headers(), "x-forwarded-prefix"), ["/before", "/foo"]);
    }
}
