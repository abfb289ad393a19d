//! The URL of a server without the user information that may stand in it: `http://user:secret@10.0.0.1`.
//!
//! It is not sent, as Go's reverse proxy does not send it, and it is shown nowhere.

use std::borrow::Cow;

use serde::Serializer;

/// What stands in place of user information.
const REDACTED: &str = "***";

/// The URL that is served: without user information.
pub(crate) fn without_user(url: &str) -> Cow<'_, str> {
    match split(url) {
        Some((scheme, _user, rest)) => Cow::Owned(format!("{scheme}{rest}")),
        None => Cow::Borrowed(url),
    }
}

pub(crate) fn has_user(url: &str) -> bool {
    split(url).is_some()
}

/// For messages about a URL that may be malformed: whatever could be a secret is left out.
pub(crate) fn shown(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    match (url.get(..start), url.rfind('@').and_then(|at| url.get(at..))) {
        (Some(scheme), Some(rest)) => Cow::Owned(format!("{scheme}{REDACTED}{rest}")),
        _ => Cow::Borrowed(url),
    }
}

/// As the API shows it: what is served, and of a URL that cannot be, no secret.
pub(crate) fn serialize<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let served = without_user(url);
    if served.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some()) {
        serializer.serialize_str(&served)
    } else {
        serializer.serialize_str(&shown(url))
    }
}

/// `http://`, `user:secret`, and what comes after the `@`.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + "://".len();
    let (scheme, rest) = url.split_at_checked(start)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest.get(..end)?.rfind('@')?;
    Some((scheme, rest.get(..at)?, rest.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_is_left_out() {
        for (url, served, said) in [
            ("http://a:80/x", "http://a:80/x", "http://a:80/x"),
            ("http://usr:s@a/x", "http://a/x", "http://***@a/x"),
            ("h2c://u:p@ss@[::1]:9", "h2c://[::1]:9", "h2c://***@[::1]:9"),
            ("http://a/x@y", "http://a/x@y", "http://***@y"),
            ("usr:s@a", "usr:s@a", "***@a"),
            ("http://u:p/s@a", "http://u:p/s@a", "http://***@a"),
        ] {
            assert_eq!((&*without_user(url), &*shown(url)), (served, said), "{url}");
        }
    }
}
