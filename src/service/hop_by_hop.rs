//! Headers that belong to one connection and are never passed on (RFC 9110 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use exchange::Kind;
use exchange::headers::{
    KEEP_ALIVE, PROXY_CONNECTION, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_METHOD, X_FORWARDED_PORT,
    X_FORWARDED_PREFIX, X_FORWARDED_PROTO, X_FORWARDED_SCHEME, X_FORWARDED_SERVER,
    X_FORWARDED_TLS_CLIENT_CERT, X_FORWARDED_TLS_CLIENT_CERT_INFO, X_FORWARDED_URI, X_REAL_IP, X_SCHEME,
};
use exchange::present::{Notable, Present};

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

/// All that belong to one connection.
const FIXED: [(Notable, HeaderName); 8] = [
    (Notable::Connection, CONNECTION),
    (Notable::KeepAlive, KEEP_ALIVE),
    (Notable::ProxyAuthenticate, PROXY_AUTHENTICATE),
    (Notable::ProxyAuthorization, PROXY_AUTHORIZATION),
    (Notable::ProxyConnection, PROXY_CONNECTION),
    (Notable::Te, TE),
    (Notable::TransferEncoding, TRANSFER_ENCODING),
    (Notable::Upgrade, UPGRADE),
];

/// Removes them from a request. Gives back the protocol of an upgrade, when one is asked for.
/// `present`: what there is.
pub fn strip_request(headers: &mut HeaderMap, present: Present) -> Option<HeaderValue> {
    if !has_fixed(present) {
        return None;
    }
    let upgrade = requested_upgrade(headers);
    strip_listed(headers, &[]);
    let trailers = headers.get_all(TE).iter().any(|value| has_token(value, "trailers"));
    strip_fixed(headers, present);
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

/// Does a request say in one way where its body ends?
///
/// # Errors
/// When it says so in several ways, or in one that is not understood.
pub fn framing(headers: &HeaderMap, version: Version) -> Result<(), Kind> {
    if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(Kind::Malformed);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().peekable();
    if codings.peek().is_none() {
        return Ok(());
    }
    // RFC 9112 6.1: a length beside it ought to be handled as an error; a coding that is not understood too.
    // Traefik: drops the length and goes on; answers 501 to other codings.
    let is_plain = codings.next().is_some_and(is_chunked) && codings.next().is_none();
    if !is_plain || version != Version::HTTP_11 || headers.contains_key(CONTENT_LENGTH) {
        return Err(Kind::Malformed);
    }
    Ok(())
}

/// Removes them from a response. `Trailer` stays: it says what comes after the body.
pub fn strip_response(headers: &mut HeaderMap, present: Present) {
    if !has_fixed(present) {
        return;
    }
    if present.has(Notable::Connection) {
        strip_listed(headers, &[]);
    }
    if present.has(Notable::TransferEncoding) {
        // It overrides the length (RFC 9112 6.3), which must not be believed once it is gone.
        headers.remove(CONTENT_LENGTH);
    }
    strip_fixed(headers, present);
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

/// Is the connection of this HTTP/1 answer certain to stay (RFC 9112 9.3)?
pub(crate) fn persists(head: &http::response::Parts) -> bool {
    head.version == http::Version::HTTP_11
        && head
            .headers
            .get(CONNECTION)
            .is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
}

/// Removes the headers that `Connection` names, but for those that are managed or allowed.
pub fn strip_listed(headers: &mut HeaderMap, allowed: &[HeaderName]) {
    if headers.get(CONNECTION).is_none_or(|first| names_no_header(first.as_bytes()))
        && headers.get_all(CONNECTION).iter().nth(1).is_none()
    {
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

/// Is it what is nearly always written? It says something itself, or names what goes in any case.
fn names_no_header(value: &[u8]) -> bool {
    [&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

fn has_fixed(present: Present) -> bool {
    FIXED.iter().any(|(notable, _)| present.has(*notable))
}

fn strip_fixed(headers: &mut HeaderMap, present: Present) {
    for (_, name) in FIXED.iter().filter(|(notable, _)| present.has(*notable)) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use exchange::present::Present;

    use super::{strip_received, strip_request, strip_response};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn stripped(headers: &mut HeaderMap) -> Option<HeaderValue> {
        let present = Present::of(headers);
        strip_request(headers, present)
    }

    fn check(given: &[(&'static str, &'static str)], wanted: &[(&'static str, &'static str)]) {
        let mut given = headers(given);
        stripped(&mut given);
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
        assert_eq!(stripped(&mut asked).unwrap(), "websocket");
        let mut not_asked = headers(&[("upgrade", "websocket")]);
        assert_eq!(stripped(&mut not_asked), None);
    }

    #[test]
    fn keeps_trailer_of_a_response() {
        let mut given =
            headers(&[("trailer", "x-sum"), ("keep-alive", "timeout=5"), ("transfer-encoding", "chunked")]);
        let present = Present::of(&given);
        strip_response(&mut given, present);
        assert_eq!(given, headers(&[("trailer", "x-sum")]));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_not_believed() {
        let mut given = headers(&[("transfer-encoding", "chunked"), ("content-length", "5")]);
        let present = Present::of(&given);
        strip_response(&mut given, present);
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
        stripped(&mut given);
        assert_eq!(given, headers(&[("x-auth", "verified")]));
    }
}
