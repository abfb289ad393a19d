//! The answer that sends a client to another URL, for `redirectRegex` and `redirectScheme`.

use exchange::Request;
use http::header::{HOST, LOCATION};
use http::{HeaderValue, Method, StatusCode};

use crate::{Flow, path, status_text};

/// The answer with this `Location`, which must be as [`location`] makes it.
pub(crate) fn answer(req: &Request, location: HeaderValue, permanent: bool) -> Flow {
    let status = match (permanent, *req.method() == Method::GET) {
        (false, true) => StatusCode::FOUND,
        (false, false) => StatusCode::TEMPORARY_REDIRECT,
        (true, true) => StatusCode::MOVED_PERMANENTLY,
        (true, false) => StatusCode::PERMANENT_REDIRECT,
    };
    req.record.reason.set(Some("redirected"));
    let mut res = status_text(status);
    res.headers_mut().insert(LOCATION, location);
    Flow::answer(res)
}

/// The answer where the configuration made no URL of a request.
pub(crate) fn broken(req: &Request) -> Flow {
    req.record.reason.set(Some("redirect_broken"));
    Flow::answer(status_text(StatusCode::INTERNAL_SERVER_ERROR))
}

/// `Host` as the client sent it.
pub(crate) fn host(req: &Request) -> &str {
    let host = req.headers().get(HOST);
    host.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Path and query.
pub(crate) fn target(req: &Request) -> &str {
    req.head.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// A URL as a header value; `None` if Go's `url.Parse` would refuse it.
pub(crate) fn location(url: &str) -> Option<HeaderValue> {
    if url.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (before_query, query) = match url.find(['?', '#']) {
        Some(at) => url.split_at_checked(at)?,
        None => (url, ""),
    };
    let rest = match before_query.find([':', '/']) {
        Some(at) if before_query.as_bytes().get(at) == Some(&b':') => {
            let (scheme, rest) = before_query.split_at_checked(at)?;
            let first = scheme.bytes().next()?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
            if !first.is_ascii_alphabetic() || !scheme.bytes().all(plain) {
                return None;
            }
            rest.strip_prefix(':')?
        }
        _ => before_query,
    };
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
            is_authority(authority).then_some(path)?
        }
        None => rest,
    };
    if path::broken_escape(path).is_some() {
        return None;
    }
    let before_path = url.get(..before_query.len() - path.len())?;
    let value = [before_path, &escape(path), &escape(query)].concat();
    HeaderValue::try_from(value).ok()
}

fn is_authority(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => (host, port),
            None => return false,
        },
        None => host.split_at_checked(host.find(':').unwrap_or(host.len())).unwrap_or_default(),
    };
    let port_is_number = match port.strip_prefix(':') {
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()),
        None => port.is_empty(),
    };
    port_is_number && !host.bytes().any(|b| b" \"<>\\^`{|}".contains(&b))
}

/// Escapes what may not stand in a URL as it is; escapes that are there stay.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, wanted: Option<&str>) {
        let got = location(url);
        assert_eq!(got.as_ref().map(|value| value.to_str().unwrap()), wanted, "{url}");
    }

    #[test]
    fn leaves_a_url_alone() {
        for url in [
            "https://a.test/",
            "https://a.test:8443/x%2Fy?q=%26&r=a;b#f",
            "http://[::1]:80/a",
            "/relative?x",
            "//other.test/x",
            "",
            "mailto:someone",
        ] {
            check(url, Some(url));
        }
    }

    #[test]
    fn escapes_what_needs_it() {
        check("http://a.test/b c?d e", Some("http://a.test/b%20c?d%20e"));
        check("http://a.test/é", Some("http://a.test/%C3%A9"));
    }

    #[test]
    fn refuses_what_is_no_url() {
        for url in [
            "http://a.test/\r\nX: 1",
            "http://a b/",
            "http://a.test:x/",
            "http://a.test/%zz",
            "://a.test/",
            "1http://a.test/",
            "http://[::1/",
        ] {
            check(url, None);
        }
    }
}
