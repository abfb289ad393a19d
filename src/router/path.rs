//! The routing path: what `Path`, `PathPrefix` and `PathRegexp` compare, neither the raw path nor a decoded one.

use std::borrow::Cow;

/// The path ends in the middle of an escape, or an escape is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid percent escape in the path")]
pub struct BadEscape;

/// Decodes every escape but those of RFC 3986's reserved characters and of `%`, which stay, in upper case: so
/// `/a%20b` is `/a b`, but `/a%2Fb` is not `/a/b`. Bytes that are not UTF-8 become U+FFFD, one each, as Go's
/// engine sees them.
pub fn routing_path(escaped: &str) -> Result<Cow<'_, str>, BadEscape> {
    let Some(first) = first_change(escaped)? else {
        return Ok(Cow::Borrowed(escaped));
    };
    let (kept, mut rest) = escaped.split_at_checked(first).ok_or(BadEscape)?;
    let mut path = Vec::with_capacity(escaped.len());
    path.extend_from_slice(kept.as_bytes());
    while let Some((before, after)) = rest.split_once('%') {
        path.extend_from_slice(before.as_bytes());
        let (byte, after) = take_escape(after)?;
        if is_kept(byte) {
            path.extend_from_slice(&encode(byte));
        } else {
            path.push(byte);
        }
        rest = after;
    }
    path.extend_from_slice(rest.as_bytes());
    Ok(Cow::Owned(match String::from_utf8(path) {
        Ok(path) => path,
        Err(bytes) => document::pattern::decode(bytes.as_bytes()).into_owned(),
    }))
}

/// Where the first escape is that does not stay as it is. Most paths have none.
fn first_change(escaped: &str) -> Result<Option<usize>, BadEscape> {
    let mut rest = escaped;
    let mut change = None;
    while let Some((_, after)) = rest.split_once('%') {
        let (byte, after) = take_escape(after)?;
        let start = escaped.len() - after.len() - 3;
        let stays = is_kept(byte) && escaped.as_bytes().get(start..start + 3) == Some(&encode(byte));
        if !stays && change.is_none() {
            change = Some(start);
        }
        rest = after;
    }
    Ok(change)
}

fn take_escape(after: &str) -> Result<(u8, &str), BadEscape> {
    let (digits, rest) = after.split_at_checked(2).ok_or(BadEscape)?;
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(BadEscape);
    }
    Ok((u8::from_str_radix(digits, 16).map_err(|_| BadEscape)?, rest))
}

fn is_kept(byte: u8) -> bool {
    matches!(
        byte,
        b':' | b'/'
            | b'?'
            | b'#'
            | b'['
            | b']'
            | b'@'
            | b'!'
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
            | b'%'
    )
}

fn encode(byte: u8) -> [u8; 3] {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'A' + n - 10 };
    [b'%', digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{BadEscape, routing_path};

    fn check(escaped: &str, expected: &str) {
        assert_eq!(routing_path(escaped).unwrap(), expected, "{escaped}");
    }

    #[test]
    fn unreserved_and_other_characters_are_decoded() {
        check("/a%20b", "/a b");
        check("/%61", "/a");
        check("/%C3%A9", "/é");
        check("/%c3%a9/x", "/é/x");
        check("/x%3Cy", "/x<y");
    }

    #[test]
    fn reserved_characters_and_percent_stay_encoded() {
        for code in [
            "3A", "2F", "3F", "23", "5B", "5D", "40", "21", "24", "26", "27", "28", "29", "2A", "2B", "2C",
            "3B", "3D", "25",
        ] {
            check(&format!("/a%{code}b"), &format!("/a%{code}b"));
            check(&format!("/%20%{}", code.to_lowercase()), &format!("/ %{code}"));
        }
        check("/a%2fb", "/a%2Fb");
        check("/x@y", "/x@y");
    }

    #[test]
    fn borrows_what_does_not_change() {
        for path in ["/", "/a/b", "/a%2Fb%25", "*", ""] {
            assert!(matches!(routing_path(path), Ok(Cow::Borrowed(p)) if p == path), "{path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_one_mark_each() {
        check("/%ff%E2%82x", "/\u{fffd}\u{fffd}\u{fffd}x");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for path in ["/%", "/%2", "/a%zz", "/%20%", "/%+1", "/%é"] {
            assert_eq!(routing_path(path), Err(BadEscape), "{path}");
        }
    }
}
