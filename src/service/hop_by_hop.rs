//! Headers that belong to one connection and are never passed on (RFC 9110 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use exchange::headers::{
    KEEP_ALIVE, PROXY_CONNECTION, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_METHOD, X_FORWARDED_PORT,
    X_FORWARDED_PREFIX, X_FORWARDED_PROTO, X_FORWARDED_SCHEME, X_FORWARDED_SERVER,
    X_FORWARDED_TLS_CLIENT_CERT, X_FORWARDED_TLS_CLIENT_CERT_INFO, X_FORWARDED_URI, X_REAL_IP, X_SCHEME,
};

/// What we set ourselves for the service: a client cannot have them removed by naming them in `Connection`.
const MANAGED: [HeaderName; 13] = [
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PORT,
    X_FORWARDED_PROTO,
    X_FORWARDED_SCHEME,
    X_FORWARDED_SERVER,
    X_FORWARDED_URI,
    X_FORWARDED_METHOD,
    X_FORWARDED_PREFIX,
    X_FORWARDED_TLS_CLIENT_CERT,
    X_FORWARDED_TLS_CLIENT_CERT_INFO,
    X_SCHEME,
    X_REAL_IP,
];

/// Removes them from a request. Gives back the protocol of an upgrade, when one is asked for.
pub fn strip_request(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let upgrade = requested_upgrade(headers);
    strip_listed(headers, &[]);
    let trailers = headers.get_all(TE).iter().any(|value| has_token(value, "trailers"));
    strip_fixed(headers);
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    upgrade
}

/// Removes what `Connection` names from a request that has just come, and leaves named only what is allowed there,
/// which goes when the request is forwarded. Nobody can have headers removed that are set on the way.
pub fn strip_received(headers: &mut HeaderMap, allowed: &[HeaderName]) {
    if !headers.contains_key(CONNECTION) {
        return;
    }
    strip_listed(headers, allowed);
    let is_left = |token: &&str| {
        token.eq_ignore_ascii_case("upgrade")
            || allowed.iter().any(|name| name.as_str().eq_ignore_ascii_case(token))
    };
    let left: Vec<&str> = headers.get_all(CONNECTION).iter().flat_map(tokens).filter(is_left).collect();
    let left = HeaderValue::from_str(&left.join(", ")).ok().filter(|left| !left.is_empty());
    match left {
        Some(left) => headers.insert(CONNECTION, left),
        None => headers.remove(CONNECTION),
    };
}

/// Is it the one transfer coding that is understood here?
#[must_use]
pub fn is_chunked(value: &HeaderValue) -> bool {
    value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Removes them from a response. `Trailer` stays: it says what comes after the body.
pub fn strip_response(headers: &mut HeaderMap) {
    strip_listed(headers, &[]);
    if headers.contains_key(TRANSFER_ENCODING) {
        // It overrides the length (RFC 9112 6.3), which must not be believed once it is gone.
        headers.remove(CONTENT_LENGTH);
    }
    strip_fixed(headers);
    headers.remove(TE);
}

/// The protocol of an upgrade, when `Connection` says so too.
#[must_use]
pub fn requested_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let asked = headers.get_all(CONNECTION).iter().any(|value| has_token(value, "upgrade"));
    asked.then(|| protocol.clone())
}

/// Is the token one of the comma-separated ones?
#[must_use]
pub fn has_token(value: &HeaderValue, token: &str) -> bool {
    tokens(value).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim)
}

/// Removes the headers that `Connection` names, but for those that are managed or allowed.
pub fn strip_listed(headers: &mut HeaderMap, allowed: &[HeaderName]) {
    if !headers.contains_key(CONNECTION) {
        return;
    }
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(tokens)
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| !MANAGED.contains(name) && !allowed.contains(name) && !is_kept(name))
        .collect();
    for name in listed {
        headers.remove(name);
    }
}

/// Framing and routing do not become connection headers by being named there.
fn is_kept(name: &HeaderName) -> bool {
    matches!(*name, http::header::HOST | CONTENT_LENGTH | TE | TRANSFER_ENCODING | UPGRADE)
}

fn strip_fixed(headers: &mut HeaderMap) {
    for name in [
        CONNECTION,
        PROXY_CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{strip_received, strip_request, strip_response};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn check(given: &[(&'static str, &'static str)], wanted: &[(&'static str, &'static str)]) {
        let mut given = headers(given);
        strip_request(&mut given);
        assert_eq!(given, headers(wanted));
    }

    #[test]
    fn removes_what_connection_names() {
        check(&[("connection", "close, x-foo"), ("x-foo", "1"), ("x-bar", "2")], &[("x-bar", "2")]);
    }

    #[test]
    fn keeps_forwarding_headers_that_connection_names() {
        check(&[("connection", "x-forwarded-for"), ("x-forwarded-for", "1")], &[("x-forwarded-for", "1")]);
    }

    #[test]
    fn keeps_framing_and_host_that_connection_names() {
        check(
            &[("connection", "content-length, host"), ("content-length", "1"), ("host", "a")],
            &[("content-length", "1"), ("host", "a")],
        );
    }

    #[test]
    fn keeps_only_trailers_of_te() {
        check(&[("te", "gzip, trailers")], &[("te", "trailers")]);
        check(&[("te", "gzip")], &[]);
        check(&[("te", "trailers"), ("connection", "te")], &[("te", "trailers")]);
    }

    #[test]
    fn tells_an_upgrade() {
        let mut asked = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(strip_request(&mut asked).unwrap(), "websocket");
        let mut not_asked = headers(&[("upgrade", "websocket")]);
        assert_eq!(strip_request(&mut not_asked), None);
    }

    #[test]
    fn keeps_trailer_of_a_response() {
        let mut given =
            headers(&[("trailer", "x-sum"), ("keep-alive", "timeout=5"), ("transfer-encoding", "chunked")]);
        strip_response(&mut given);
        assert_eq!(given, headers(&[("trailer", "x-sum")]));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_not_believed() {
        let mut given = headers(&[("transfer-encoding", "chunked"), ("content-length", "5")]);
        strip_response(&mut given);
        assert!(given.is_empty());
    }

    #[test]
    fn nothing_stays_named_but_what_is_allowed() {
        let check = |connection: &'static str, wanted: Option<&str>| {
            let mut given = headers(&[("connection", connection), ("x-own", "1"), ("upgrade", "websocket")]);
            strip_received(&mut given, &[HeaderName::from_static("x-allowed")]);
            assert_eq!(given.get("connection").map(|v| v.to_str().unwrap()), wanted, "{connection}");
        };
        check("keep-alive, x-auth", None);
        check("Upgrade, x-own", Some("Upgrade"));
        check("close, X-Allowed", Some("X-Allowed"));
    }

    #[test]
    fn what_is_set_on_the_way_cannot_be_removed_by_the_client() {
        let mut given = headers(&[("connection", "x-auth"), ("x-auth", "forged")]);
        strip_received(&mut given, &[]);
        given.insert("x-auth", HeaderValue::from_static("verified"));
        strip_request(&mut given);
        assert_eq!(given, headers(&[("x-auth", "verified")]));
    }
}
