//! The characters of a scalar's value → where they stand in the text, through quotes, escapes, folding, indentation.
//!
//! The style is read from the first characters, and a reading counts only if it gives the value: so YAML, TOML and
//! JSON need not be told apart, and an alias, whose text stands elsewhere, gives nothing.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// Where each character of the value stands; `text` begins where the scalar does, if that is a block with its first
/// line that is not empty.
pub(crate) fn spans(text: &str, value: &str) -> Option<Vec<Range<usize>>> {
    readings(text).into_iter().find_map(|(style, begin)| {
        let rest = text.get(begin..)?;
        let found = align(Characters { rest: rest.char_indices(), style }.peekable(), value)?;
        Some(found.into_iter().map(|span| span.start + begin..span.end + begin).collect())
    })
}

/// What a backslash or a quote means.
#[derive(Clone, Copy)]
enum Style {
    Raw,
    /// `''` is one.
    Single,
    /// Backslashes escape.
    Double,
}

/// How the text may be read, and from where on. A block may begin with a quote as well.
fn readings(text: &str) -> Vec<(Style, usize)> {
    let mut readings = match text.as_bytes() {
        [b'"', b'"', b'"', ..] => vec![(Style::Double, 3)],
        [b'"', ..] => vec![(Style::Double, 1)],
        [b'\'', b'\'', b'\'', ..] => vec![(Style::Single, 1), (Style::Raw, 3)],
        [b'\'', ..] => vec![(Style::Single, 1)],
        _ => Vec::new(),
    };
    readings.push((Style::Raw, 0));
    readings
}

/// The characters that the text stands for, each with what it is written as.
struct Characters<'t> {
    rest: CharIndices<'t>,
    style: Style,
}

impl Iterator for Characters<'_> {
    type Item = (char, Range<usize>);

    /// `None` also where the text is none of this style.
    fn next(&mut self) -> Option<Self::Item> {
        let (start, first) = self.rest.next()?;
        let meant = match (self.style, first) {
            (Style::Double, '\\') => self.escaped()?,
            (Style::Single, '\'') => self.rest.next().filter(|(_, second)| *second == '\'')?.1,
            _ => first,
        };
        Some((meant, start..self.rest.offset()))
    }
}

impl Characters<'_> {
    /// After a backslash, by the rules of YAML, which TOML's and JSON's are among.
    fn escaped(&mut self) -> Option<char> {
        let digits = match self.rest.next()?.1 {
            'n' => return Some('\n'),
            't' => return Some('\t'),
            'r' => return Some('\r'),
            'b' => return Some('\u{8}'),
            'f' => return Some('\u{c}'),
            '0' => return Some('\0'),
            'a' => return Some('\u{7}'),
            'v' => return Some('\u{b}'),
            'e' => return Some('\u{1b}'),
            'N' => return Some('\u{85}'),
            '_' => return Some('\u{a0}'),
            'L' => return Some('\u{2028}'),
            'P' => return Some('\u{2029}'),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            // A line break here is none in the value, and whitespace all the same.
            other => return Some(other),
        };
        let text = self.rest.as_str().get(..digits)?;
        let code = u32::from_str_radix(text, 16).ok()?;
        self.rest.nth(digits - 1)?;
        char::from_u32(code)
    }
}

/// Character by character; a run of whitespace with a line break in it stands for any run of whitespace, or none.
fn align<'t>(mut written: Peekable<Characters<'t>>, value: &str) -> Option<Vec<Range<usize>>> {
    let mut spans = Vec::with_capacity(value.len());
    let mut wanted = value.chars().peekable();
    while wanted.peek().is_some() {
        let mut run = Vec::new();
        let mut is_broken = false;
        while let Some((space, span)) = written.next_if(|(c, _)| c.is_whitespace()) {
            is_broken |= space == '\n';
            run.push(span);
        }
        let mut spaces = 0;
        while wanted.next_if(|c| c.is_whitespace()).is_some() {
            // Empty lines before the first one of a block.
            is_broken |= spans.len() == spaces && run.is_empty();
            spans.push(run.get(spaces).or(run.last()).cloned().unwrap_or_default());
            spaces += 1;
        }
        if spaces != run.len() && !is_broken {
            return None;
        }
        let Some(character) = wanted.next() else { break };
        let (_, span) = written.next().filter(|(meant, _)| *meant == character)?;
        spans.push(span);
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands for the value's character at `offset`, with the rest of its line.
    fn check(text: &str, value: &str, offset: usize, expected: &str) {
        let spans = spans(text, value).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(spans.len(), value.chars().count(), "{text}");
        assert_eq!(text[spans[offset].start..].lines().next(), Some(expected), "{text}");
    }

    #[test]
    fn plain_and_quoted() {
        check("Host(`a`) # why", "Host(`a`)", 5, "`a`) # why");
        check("\"Host(\\\"a\\\")\"", "Host(\"a\")", 8, ")\"");
        check("'it''s x'", "it's x", 5, "x'");
        check("\"\\u0061\\x62 c\"", "ab c", 3, "c\"");
        check("\"ä\\/ö\"", "ä/ö", 2, "ö\"");
    }

    #[test]
    fn lines_that_are_folded() {
        check("Host(`a`)\n    && x\n    || y\n", "Host(`a`) && x || y", 15, "|| y");
        check("a\n\n  b\n", "a\nb\n", 2, "b");
        check("a\n  b\n  c", "a b c", 4, "c");
        check("'a\n\n  b''c'", "a\nb'c", 4, "c'");
        check("\"a \\\n  b\\\n  c\"", "a bc", 3, "c\"");
    }

    #[test]
    fn lines_that_are_kept() {
        check("a\n    b\n  c\n", "a\n  b\nc\n", 6, "c");
        check("a\n", "\n\na\n", 2, "a");
        check("\"a\" b\n", "\"a\" b\n", 4, "b");
        check("\"\"\"\na\\\"b\n  c\"\"\"", "a\"b\n  c", 6, "c\"\"\"");
        check("'''\na\\nb'''", "a\\nb", 3, "b'''");
        check("'''a''b'''", "a''b", 3, "b'''");
    }

    #[test]
    fn what_is_something_else_has_no_place() {
        assert_eq!(spans("*alias", "Host(`a`)"), None);
        assert_eq!(spans("\"\\ud83d\\ude00x\"", "😀x"), None);
        assert_eq!(spans("a  b", "a b"), None);
        assert_eq!(spans("ab", "a b"), None);
        assert_eq!(spans("a\n", "ab"), None);
    }
}
