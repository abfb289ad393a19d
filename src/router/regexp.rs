//! The pattern in `HostRegexp`, `PathRegexp` and their kin: Go's syntax, unanchored, compared by its text.

use std::fmt;
use std::sync::Arc;

use document::pattern::{self, PatternError};

/// A compiled pattern with its text. Clones share the compiled half.
#[derive(Clone)]
pub struct Regexp {
    text: Arc<str>,
    regex: Arc<regex::Regex>,
}

// === impl Regexp ===

impl Regexp {
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self { text: text.into(), regex: Arc::new(pattern::compile(text)?) })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn is_match_bytes(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(&pattern::decode(bytes))
    }

    /// What every text that matches begins with: the plain characters after a leading `^`.
    pub(crate) fn literal_start(&self) -> &str {
        let Some(rest) = self.text.strip_prefix('^') else {
            return "";
        };
        // One of several alternatives binds nothing, and which it is takes a parser to tell.
        if rest.contains('|') {
            return "";
        }
        let is_plain =
            |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '~' | '%' | '@' | ':' | ',' | '=');
        let end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(end).unwrap_or_default();
        // A repetition may take its last character away.
        if after.starts_with(['*', '?', '{', '+']) {
            let mut chars = plain.chars();
            chars.next_back();
            return chars.as_str();
        }
        plain
    }
}

impl PartialEq for Regexp {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Regexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regexp").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Regexp;

    fn check(text: &str, start: &str) {
        assert_eq!(Regexp::parse(text).unwrap().literal_start(), start, "{text}");
    }

    #[test]
    fn begins_with_its_plain_characters() {
        check(r"^/v[0-9]+/", "/v");
        check(r"^/foo$", "/foo");
        check(r"^/foo*", "/fo");
        check(r"^/é{2}", "/");
        check(r"^/a.b", "/a");
        check(r"^/a\.b", "/a");
    }

    #[test]
    fn promises_nothing_where_it_cannot_tell() {
        check(r"/foo", "");
        check(r"^/foo|^/bar", "");
        check(r"(?i)^/foo", "");
        check(r"^(/foo)", "");
    }
}
