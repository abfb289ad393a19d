//! Rewriting the path of a request the way Go's `net/url` does it.
//!
//! Traefik keeps a decoded path and, where that is not enough to tell the original, the escaped one. Prefixes are
//! compared with the decoded path, patterns of `replacePathRegex` with the escaped one. A request here has only its
//! escaped canonical path, from which the decoded one is made when it is asked for.

use std::borrow::Cow;

use exchange::Request;
use exchange::canonical::{self, Refused};

/// The path is empty, though the request target has to say `/`. It makes a difference to whoever puts something in
/// front of it.
#[derive(Clone, Copy)]
struct Empty;

/// Why a prefix could not be taken away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unclean {
    /// What is left has dot segments or double slashes, so it would mean another resource to the next reader.
    Segments,
    Malformed,
}

/// The escaped path; empty when a step before has taken all of it.
pub(crate) fn current(req: &Request) -> &str {
    match req.path() {
        // Looked at only here, so that whoever sets another path need not know of it.
        "/" if req.head.extensions.get::<Empty>().is_some() => "",
        path => path,
    }
}

/// Puts an escaped path in place and keeps the query. A leading slash is added where it is missing.
pub(crate) fn put(req: &mut Request, escaped: &str) -> Result<(), Refused> {
    if escaped.is_empty() {
        req.set_path("/")?;
        req.head.extensions.insert(Empty);
        return Ok(());
    }
    req.head.extensions.remove::<Empty>();
    if escaped.starts_with('/') { req.set_path(escaped) } else { req.set_path(&format!("/{escaped}")) }
}

/// Takes the first `length` bytes of the decoded path away.
pub(crate) fn strip(req: &mut Request, length: usize, force_slash: bool) -> Result<(), Unclean> {
    let escaped = current(req);
    let rest = after(escaped, length);
    let stripped = match rest.strip_prefix('/') {
        Some(_) => rest.to_owned(),
        None if rest.is_empty() && force_slash => "/".to_owned(),
        None if rest.is_empty() => String::new(),
        None => {
            let decoded = decoded(rest);
            if decoded.first() == Some(&b'/') {
                // Traefik: the decoded path has its slash already, the escaped one gets another. They no longer
                // agree, so Go drops the escaped one.
                encoded(&decoded)
            } else {
                format!("/{rest}")
            }
        }
    };
    put(req, &stripped).map_err(|_refused| Unclean::Malformed)?;
    if is_clean(req.path()) { Ok(()) } else { Err(Unclean::Segments) }
}

/// The bytes that an escaped path stands for.
pub(crate) fn decoded(escaped: &str) -> Cow<'_, [u8]> {
    if !escaped.contains('%') {
        return Cow::Borrowed(escaped.as_bytes());
    }
    let mut out = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match after {
            [high, low, after @ ..] if first == b'%' => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => out.push(high << 4 | low),
                    _ => out.extend([first, *high, *low]),
                }
                rest = after;
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

/// Escapes a decoded path as Go does.
pub(crate) fn encoded(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for &byte in path {
        let plain = byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What is left of an escaped path after `length` decoded bytes.
fn after(escaped: &str, length: usize) -> &str {
    let bytes = escaped.as_bytes();
    let mut at = 0;
    for _ in 0..length {
        at += if bytes.get(at) == Some(&b'%') { 3 } else { 1 };
    }
    escaped.get(at..).unwrap_or_default()
}

/// Would taking out dot segments and duplicate slashes leave the path as it is?
pub(crate) fn is_clean(path: &str) -> bool {
    let Some(path) = path.strip_prefix('/') else {
        return path.is_empty() || path == "*";
    };
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let dots = matches!(segment, "." | "..");
        if dots || (segment.is_empty() && segments.peek().is_some()) {
            return false;
        }
    }
    true
}

/// Go's words for the first broken escape of a path, if it has one.
pub(crate) fn broken_escape(path: &str) -> Option<String> {
    canonical::escaped_path(path).err()?;
    let broken = path.match_indices('%').find_map(|(at, _)| {
        let escape = path.as_bytes().get(at..path.len().min(at + 3))?;
        let valid = matches!(escape, [_, high, low] if hex(*high).is_some() && hex(*low).is_some());
        (!valid).then(|| String::from_utf8_lossy(escape).into_owned())
    })?;
    Some(format!("invalid URL escape {broken:?}"))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::request;

    fn strips(path: &str, length: usize, wanted: &str) {
        let mut req = request(path);
        strip(&mut req, length, false).unwrap();
        assert_eq!(current(&req), wanted, "{path}");
    }

    fn refuses(path: &str, length: usize) {
        assert_eq!(strip(&mut request(path), length, false), Err(Unclean::Segments), "{path}");
    }

    #[test]
    fn cuts_decoded_bytes_of_the_escaped_path() {
        strips("/foo/x", 4, "/x");
        strips("/foo", 4, "");
        strips("/foo/", 4, "/");
        strips("/foobar", 4, "/bar");
        strips("/%C3%A9/x%2Fy", 3, "/x%2Fy");
        strips("/foo/..%2Fx", 4, "/..%2Fx");
    }

    #[test]
    fn an_escaped_slash_after_the_prefix_becomes_the_slash() {
        strips("/foo%2Fx", 4, "/x");
        strips("/foo%2Fa%20b%2Fc", 4, "/a%20b/c");
    }

    #[test]
    fn refuses_what_would_mean_something_else() {
        refuses("/foo//x", 4);
        refuses("/foo/../x", 4);
        refuses("/foo../x", 4);
        refuses("/foo%2F../x", 4);
        refuses("/foo%2F%2Fx", 4);
        refuses("/foo/.", 4);
    }

    #[test]
    fn an_emptied_path_is_a_slash_on_the_wire() {
        let mut req = request("/foo?q=1");
        strip(&mut req, 4, false).unwrap();
        assert_eq!((current(&req), req.path(), req.query()), ("", "/", Some("q=1")));
        put(&mut req, "/x").unwrap();
        assert_eq!(current(&req), "/x");
    }

    #[test]
    fn encodes_as_go() {
        assert_eq!(encoded("/a b/é?#%[]!".as_bytes()), "/a%20b/%C3%A9%3F%23%25%5B%5D%21");
        assert_eq!(decoded("/a%20b%2Fc").as_ref(), b"/a b/c");
    }

    #[test]
    fn names_the_broken_escape() {
        assert_eq!(broken_escape("/bad%zz").as_deref(), Some("invalid URL escape \"%zz\""));
        assert_eq!(broken_escape("/a%2").as_deref(), Some("invalid URL escape \"%2\""));
        assert_eq!(broken_escape("/a%20b"), None);
    }

    #[test]
    fn knows_a_clean_path() {
        for path in ["/", "", "/a", "/a/", "/a/b", "/...", "/a/..b", "/a%2F..%2F"] {
            assert!(is_clean(path), "{path}");
        }
        for path in ["//", "//a", "/a//b", "/a//", "/.", "/..", "/a/./b", "/a/.."] {
            assert!(!is_clean(path), "{path}");
        }
    }
}
