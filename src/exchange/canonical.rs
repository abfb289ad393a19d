//! A request target and a host in the one form that rule, limits, rewriting, log and forwarding read.
//!
//! Traefik, "request processing order": escapes of unreserved characters are decoded, other escapes written in
//! upper case (RFC 3986 6.2.2), then dot segments and duplicate slashes go. A fragment never gets here: `http`
//! drops it. Traefik: refuses a raw `#` with 400.

use std::borrow::Cow;

/// Why a target or host has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the request target is malformed")]
    Malformed,
    #[error("the path holds an incomplete or invalid escape")]
    BadEscape,
    #[error("the host is malformed")]
    BadHost,
}

/// What an entry point wants done with targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Remove dot segments and duplicate slashes (`http.sanitizePath`).
    pub sanitize_path: bool,
    /// A raw `;` in the query becomes `%3B` instead of `&` (`http.encodeQuerySemicolons`).
    pub encode_query_semicolons: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { sanitize_path: true, encode_query_semicolons: false }
    }
}

/// Makes path and query canonical. `None`: they are already, which is nearly always the case.
///
/// # Errors
/// When the path holds a broken escape.
pub fn target(path: &str, query: Option<&str>, rules: Rules) -> Result<Option<String>, Refused> {
    let mut canonical = escaped_path(path)?;
    if rules.sanitize_path
        && let Some(clean) = sanitized(&canonical)
    {
        canonical = Cow::Owned(clean);
    }
    let semicolons = query.is_some_and(|q| q.contains(';'));
    if matches!(canonical, Cow::Borrowed(_)) && !semicolons {
        return Ok(None);
    }
    let mut target = canonical.into_owned();
    if let Some(query) = query {
        target.push('?');
        if semicolons {
            target.push_str(&query.replace(';', if rules.encode_query_semicolons { "%3B" } else { "&" }));
        } else {
            target.push_str(query);
        }
    }
    Ok(Some(target))
}

/// Normalises the escapes of a path: unreserved characters decoded, hexadecimal digits in upper case, bytes
/// that may not stand in a path escaped. Borrowed when nothing had to change.
///
/// # Errors
/// When an escape is incomplete or not hexadecimal.
pub fn escaped_path(path: &str) -> Result<Cow<'_, str>, Refused> {
    let Some(first) = path.bytes().position(|b| !stays_in_path(b)) else {
        return Ok(Cow::Borrowed(path));
    };
    let (kept, rest) = path.split_at_checked(first).ok_or(Refused::Malformed)?;
    let mut out = String::with_capacity(path.len() + 16);
    out.push_str(kept);
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
                return Err(Refused::BadEscape);
            };
            let decoded = high << 4 | low;
            if is_unreserved(decoded) {
                out.push(char::from(decoded));
            } else {
                push_escape(&mut out, decoded);
            }
        } else if stays_in_path(byte) {
            out.push(char::from(byte));
        } else {
            push_escape(&mut out, byte);
        }
    }
    if out == path { Ok(Cow::Borrowed(path)) } else { Ok(Cow::Owned(out)) }
}

/// Removes dot segments and duplicate slashes as Go's `path.Clean` does; a final slash stays.
/// `None` when there is nothing to remove.
fn sanitized(path: &str) -> Option<String> {
    if !path.starts_with('/') || !needs_cleaning(path) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for segment in &kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if clean.is_empty() || (path.ends_with('/') && !kept.is_empty()) {
        clean.push('/');
    }
    Some(clean)
}

fn needs_cleaning(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.windows(2).any(|pair| pair == b"//" || pair == b"/.")
}

/// The host of a `Host` or `:authority` value: lower case, without port and IPv6 brackets; and the port.
///
/// # Errors
/// When it holds what no host may hold (RFC 3986 3.2.2), user information included.
pub fn host(raw: &str) -> Result<(Cow<'_, str>, Option<u16>), Refused> {
    let raw = raw.trim_matches([' ', '\t']);
    if raw.len() > 255 + 6 {
        return Err(Refused::BadHost);
    }
    let (name, port) = split_port(raw)?;
    if !name.bytes().all(stays_in_host) {
        return Err(Refused::BadHost);
    }
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return Ok((Cow::Owned(name.to_ascii_lowercase()), port));
    }
    Ok((Cow::Borrowed(name), port))
}

fn split_port(raw: &str) -> Result<(&str, Option<u16>), Refused> {
    if let Some(rest) = raw.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(Refused::BadHost)?;
        let plain = address.split('%').next().unwrap_or(address);
        plain.parse::<std::net::Ipv6Addr>().map_err(|_invalid| Refused::BadHost)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((address, parse_port(port)?)),
            None if after.is_empty() => Ok((address, None)),
            None => Err(Refused::BadHost),
        };
    }
    match raw.split_once(':') {
        Some((name, port)) => Ok((name, parse_port(port)?)),
        None => Ok((raw, None)),
    }
}

fn parse_port(port: &str) -> Result<Option<u16>, Refused> {
    if port.is_empty() {
        return Ok(None);
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refused::BadHost);
    }
    port.parse().map(Some).map_err(|_invalid| Refused::BadHost)
}

/// RFC 3986 `reg-name` characters, and those of an IPv6 address with a zone.
fn stays_in_host(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'%'
        )
}

/// May the byte stand in a canonical path as it is?
fn stays_in_path(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'/' | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'['
                | b']'
        )
}

/// RFC 3986 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::{Refused, Rules, host, target};

    fn check(given: &str, wanted: &str) {
        let (path, query) = given.split_once('?').map_or((given, None), |(p, q)| (p, Some(q)));
        let got = target(path, query, Rules::default()).unwrap();
        assert_eq!(got.as_deref().unwrap_or(given), wanted);
    }

    #[test]
    fn leaves_ordinary_targets_alone() {
        assert_eq!(target("/a/b", Some("c=d"), Rules::default()), Ok(None));
        assert_eq!(target("/a%2Fb", None, Rules::default()), Ok(None));
        assert_eq!(target("*", None, Rules::default()), Ok(None));
    }

    #[test]
    fn decodes_unreserved_escapes() {
        check("/%61%2d%7E", "/a-~");
    }

    #[test]
    fn writes_other_escapes_in_upper_case() {
        check("/a%2fb%c3%bc", "/a%2Fb%C3%BC");
    }

    #[test]
    fn escapes_what_may_not_stand_in_a_path() {
        check("/ü\"{}", "/%C3%BC%22%7B%7D");
    }

    #[test]
    fn removes_dot_segments_also_escaped_ones() {
        check("/a/../b", "/b");
        check("/a/%2e%2e/b", "/b");
        check("/../../x", "/x");
        check("/a/./b/", "/a/b/");
        check("/a/..", "/");
        check("//a///b", "/a/b");
    }

    #[test]
    fn keeps_names_that_begin_with_dots() {
        check("/.well-known/x", "/.well-known/x");
        check("/...", "/...");
    }

    #[test]
    fn keeps_everything_where_sanitizing_is_off() {
        let rules = Rules { sanitize_path: false, ..Rules::default() };
        assert_eq!(target("/a/../b", None, rules), Ok(None));
    }

    #[test]
    fn turns_semicolons_of_the_query_into_separators() {
        check("/a;b?c=1;d=2", "/a;b?c=1&d=2");
        let rules = Rules { encode_query_semicolons: true, ..Rules::default() };
        assert_eq!(target("/", Some("c=1;d"), rules), Ok(Some("/?c=1%3Bd".to_owned())));
    }

    #[test]
    fn refuses_broken_escapes() {
        for path in ["/%", "/%2", "/%zz", "/a%2"] {
            assert_eq!(target(path, None, Rules::default()), Err(Refused::BadEscape), "{path}");
        }
    }

    #[test]
    fn host_is_lower_case_without_port() {
        for (raw, name, port) in [
            ("Example.COM:8443", "example.com", Some(8443)),
            ("example.com.", "example.com.", None),
            ("[::1]:80", "::1", Some(80)),
            ("[FE80::1]", "fe80::1", None),
            ("a:", "a", None),
            ("", "", None),
        ] {
            let (got, got_port) = host(raw).unwrap();
            assert_eq!((got.as_ref(), got_port), (name, port), "{raw}");
        }
    }

    #[test]
    fn host_refuses_what_no_host_holds() {
        for raw in ["a b", "a/b", "user@a", "a:b", "a:99999", "[::1", "[::1]x", "a:1:2", "a\u{e4}"] {
            assert_eq!(host(raw).unwrap_err(), Refused::BadHost, "{raw}");
        }
    }
}
