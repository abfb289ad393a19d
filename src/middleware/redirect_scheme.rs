//! `redirectScheme` — sends the client to the same URL under another scheme or port.

use document::Problem;
use exchange::Request;
use exchange::headers::X_FORWARDED_PROTO;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, redirect, unset};

/// ```yaml
/// redirectScheme: { scheme: https, permanent: true }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    #[serde(skip_serializing_if = "unset")]
    pub scheme: String,
    /// Left out of the URL when it is the scheme's own.
    #[serde(skip_serializing_if = "unset")]
    pub port: String,
    #[serde(skip_serializing_if = "unset")]
    pub permanent: bool,
}

pub(crate) struct RedirectScheme {
    scheme: Box<str>,
    /// With its colon; empty for the default one.
    port: Box<str>,
    permanent: bool,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<RedirectScheme, Problem> {
        if self.scheme.is_empty() {
            return Err(Problem::field("scheme", "the scheme is empty"));
        }
        let colon = |port: &str| {
            if port.is_empty() { String::new() } else { format!(":{port}") }
        };
        let port = without_default(&self.scheme, &colon(&self.port)).into();
        let built = RedirectScheme { scheme: self.scheme.as_str().into(), port, permanent: self.permanent };
        if redirect::location(&built.url("a.test", "/")).is_none() {
            let message = format!("`{}` with port `{}` makes no URL", self.scheme, self.port);
            return Err(Problem::field("scheme", message));
        }
        Ok(built)
    }
}

// === impl RedirectScheme ===

impl RedirectScheme {
    pub(crate) fn request(&self, req: &Request) -> Flow {
        let (host, port) = split(redirect::host(req));
        let target = redirect::target(req);
        let scheme = scheme_of(req);
        let old = format!("{scheme}://{host}{}{target}", without_default(scheme, port));
        let new = self.url(host, target);
        if new == old {
            return Flow::Continue;
        }
        match redirect::location(&new) {
            Some(location) => redirect::answer(req, location, self.permanent),
            None => redirect::broken(req),
        }
    }

    fn url(&self, host: &str, target: &str) -> String {
        format!("{}://{host}{}{target}", self.scheme, self.port)
    }

    pub(crate) fn effect(&self) -> String {
        format!("redirects to {}", self.url("…", ""))
    }
}

/// What a trusted hop in front said, else the connection. A WebSocket handshake is HTTP all the same.
fn scheme_of(req: &Request) -> &'static str {
    let said = req.headers().get(X_FORWARDED_PROTO).map_or(&b""[..], |value| value.as_bytes());
    if said.eq_ignore_ascii_case(b"http") || said.eq_ignore_ascii_case(b"ws") {
        "http"
    } else if said.eq_ignore_ascii_case(b"https") || said.eq_ignore_ascii_case(b"wss") {
        "https"
    } else {
        req.connection.scheme()
    }
}

/// Host, brackets included, and port, colon included.
fn split(host: &str) -> (&str, &str) {
    let after_brackets = host.rfind(']').unwrap_or(0);
    let colon = host.get(after_brackets..).and_then(|rest| rest.find(':'));
    let end = colon.map_or(host.len(), |at| after_brackets + at);
    host.split_at_checked(end).unwrap_or((host, ""))
}

fn without_default<'a>(scheme: &str, port: &'a str) -> &'a str {
    match (scheme, port) {
        ("http", ":80") | ("https", ":443") => "",
        _ => port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{build_error, over_tls, redirected, request_to, with_header, with_method};

    fn built(scheme: &str, port: &str, permanent: bool) -> RedirectScheme {
        let (scheme, port) = (scheme.to_owned(), port.to_owned());
        Config { scheme, port, permanent }.build().unwrap()
    }

    fn check(scheme: &str, port: &str, host: &str, wanted: Option<&str>) {
        let flow = built(scheme, port, false).request(&request_to(host, "/a?x=1"));
        redirected(flow, wanted.map(|url| (302, url)));
    }

    #[test]
    fn changes_scheme_and_port() {
        check("https", "", "rs.test", Some("https://rs.test/a?x=1"));
        check("https", "", "rs.test:8080", Some("https://rs.test/a?x=1"));
        check("https", "8443", "rs.test", Some("https://rs.test:8443/a?x=1"));
        check("https", "443", "rs.test", Some("https://rs.test/a?x=1"));
        check("https", "", "[::1]:8080", Some("https://[::1]/a?x=1"));
        check("http", "", "rs.test:8080", Some("http://rs.test/a?x=1"));
    }

    #[test]
    fn the_same_url_passes() {
        check("http", "80", "rs.test", None);
        check("http", "", "rs.test:80", None);
        let flow = built("https", "", false).request(&over_tls(request_to("rs.test", "/a")));
        redirected(flow, None);
    }

    #[test]
    fn the_status_follows_the_method() {
        for (method, permanent, status) in
            [("GET", false, 302), ("POST", false, 307), ("POST", true, 308), ("GET", true, 301)]
        {
            let req = with_method(request_to("a.test", "/"), method);
            let flow = built("https", "", permanent).request(&req);
            redirected(flow, Some((status, "https://a.test/")));
        }
    }

    #[test]
    fn a_forwarded_scheme_counts() {
        for (proto, passes) in [("https", true), ("WSS", true), ("http", false), ("ws", false), ("x", false)]
        {
            let req = with_header(request_to("a.test", "/"), "x-forwarded-proto", proto);
            let flow = built("https", "", false).request(&req);
            redirected(flow, (!passes).then_some((302, "https://a.test/")));
        }
        let req = with_header(over_tls(request_to("a.test", "/")), "x-forwarded-proto", "http");
        redirected(built("https", "", false).request(&req), Some((302, "https://a.test/")));
    }

    #[test]
    fn names_mistakes() {
        build_error(Config::default().build(), "scheme");
        let config = Config { scheme: "https".to_owned(), port: "x".to_owned(), permanent: false };
        build_error(config.build(), "scheme");
    }
}
