//! Patterns: regular expressions as Go's `regexp` reads them, compiled by the `regex` crate.
//!
//! Rules and middlewares are written for Go's RE2 syntax. Both engines are linear in the input and prefer the
//! leftmost-first match, but their syntaxes part in small ways: in Go `\d`, `\w`, `\s` and `\b` are ASCII, `\Q…\E`
//! quotes, `\123` is octal, `\<` is a plain `<`, and inside a class `[`, `&&`, `--` and `~~` are plain characters.
//! [`translate`] rewrites a pattern so that it means here what it means there.
//!
//! Replacement templates (`$1`, `${1}`, `$name`, `$$`) need no translation: `Captures::expand` reads them as Go does,
//! an unbraced name being the longest run of letters, digits and underscores.

mod class;
mod escape;

use std::borrow::Cow;

/// Compiles a pattern for text.
pub fn compile(pattern: &str) -> Result<regex::Regex, PatternError> {
    regex::Regex::new(&translate(pattern)?).map_err(|error| PatternError::from_engine(&error))
}

/// Compiles a pattern for bytes that need not be UTF-8. A byte that is not is matched by nothing,
/// where Go would see U+FFFD: see [`decode`].
pub fn compile_bytes(pattern: &str) -> Result<regex::bytes::Regex, PatternError> {
    regex::bytes::Regex::new(&translate(pattern)?).map_err(|error| PatternError::from_engine(&error))
}

/// The text Go's engine sees in these bytes: each byte that is not UTF-8 becomes one U+FFFD.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// Rewrites a pattern of Go's syntax into one of the `regex` crate with the same meaning.
pub fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator { rest: pattern, out: String::with_capacity(pattern.len() + 8) };
    translator.run()?;
    Ok(translator.out)
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// An escape that Go does not know, back-references among them.
    #[error("invalid escape sequence `{0}`")]
    Escape(String),
    /// `[` without its `]`.
    #[error("missing closing `]`")]
    OpenClass,
    /// A range that runs backwards, or an unknown class name.
    #[error("invalid character class `{0}`")]
    Class(String),
    /// A group kind or flag that Go does not know, look-around among them.
    #[error("invalid or unsupported group `{0}`")]
    Group(String),
    /// `a**` and the like: Go refuses them.
    #[error("repetition of a repetition at `{0}`")]
    NestedRepeat(String),
    /// More than a thousand repetitions, or a range that runs backwards.
    #[error("invalid repeat count `{0}`")]
    RepeatCount(String),
    /// What only the engine found.
    #[error("{0}")]
    Engine(String),
}

impl PatternError {
    /// The engine draws the translated pattern, which the user never wrote; only its last line is of use.
    fn from_engine(error: &regex::Error) -> Self {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default();
        Self::Engine(reason.strip_prefix("error: ").unwrap_or(reason).to_owned())
    }
}

/// Go's limit on one repetition.
const MOST_REPEATS: u32 = 1000;

struct Translator<'a> {
    rest: &'a str,
    out: String,
}

// === impl Translator ===

impl Translator<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        let mut after_repeat = false;
        while let Some(c) = take_char(&mut self.rest) {
            let repeats = match c {
                '*' | '+' | '?' => Some(String::from(c)),
                '{' => take_counts(&mut self.rest)?,
                _ => None,
            };
            if let Some(repeat) = repeats {
                if after_repeat {
                    return Err(PatternError::NestedRepeat(repeat));
                }
                self.out.push_str(&repeat);
                if take(&mut self.rest, "?") {
                    self.out.push('?');
                }
                after_repeat = true;
                continue;
            }
            after_repeat = false;
            match c {
                '\\' => self.escape()?,
                '[' => class::translate(&mut self.rest, &mut self.out)?,
                '(' => self.group()?,
                '^' | '$' | '.' | '|' | ')' => self.out.push(c),
                // A brace that counts nothing is a plain character.
                c => push_literal(&mut self.out, c),
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        let mut ahead = self.rest;
        match take_char(&mut ahead) {
            Some('Q') => {
                let (quoted, after) = ahead.split_once("\\E").unwrap_or((ahead, ""));
                quoted.chars().for_each(|c| push_literal(&mut self.out, c));
                ahead = after;
            }
            Some('A') => self.out.push_str("\\A"),
            Some('z') => self.out.push_str("\\z"),
            Some('b') => self.out.push_str("(?-u:\\b)"),
            Some('B') => self.out.push_str("(?-u:\\B)"),
            _ => {
                if !escape::class(&mut self.rest, &mut self.out)? {
                    let c = escape::character(&mut self.rest)?;
                    push_literal(&mut self.out, c);
                }
                return Ok(());
            }
        }
        self.rest = ahead;
        Ok(())
    }

    /// After `(`: a plain group, a named one, or flags. Whatever else the engine knows, Go does not.
    fn group(&mut self) -> Result<(), PatternError> {
        self.out.push('(');
        if !take(&mut self.rest, "?") {
            return Ok(());
        }
        if take(&mut self.rest, "P<") || take(&mut self.rest, "<") {
            let name = self.rest.split_once('>').map(|(name, _)| name);
            let Some(name) = name.filter(|n| n.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())) else {
                return Err(PatternError::Group(format!("(?<{}", self.rest)));
            };
            self.out.push_str("?P<");
            self.out.push_str(name);
            self.out.push('>');
            self.rest = self.rest.get(name.len() + 1..).unwrap_or_default();
            return Ok(());
        }
        let end = self.rest.find([':', ')']);
        let flags = end.and_then(|end| self.rest.get(..=end)).unwrap_or(self.rest);
        let known = |c: char| matches!(c, 'i' | 'm' | 's' | 'U' | '-');
        if end.is_none() || !flags.trim_end_matches([':', ')']).chars().all(known) {
            return Err(PatternError::Group(format!("(?{flags}")));
        }
        self.out.push('?');
        self.out.push_str(flags);
        self.rest = self.rest.get(flags.len()..).unwrap_or_default();
        Ok(())
    }
}

/// After `{`: the repetition `{n}`, `{n,}` or `{n,m}`, or nothing taken when it is none of them.
fn take_counts(rest: &mut &str) -> Result<Option<String>, PatternError> {
    let Some((inside, after)) = rest.split_once('}') else {
        return Ok(None);
    };
    let (least, most) = match inside.split_once(',') {
        None => (inside, inside),
        Some((least, "")) => (least, least),
        Some((least, most)) => (least, most),
    };
    let plain = |n: &str| {
        !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) && (n.len() == 1 || !n.starts_with('0'))
    };
    if !plain(least) || !plain(most) {
        return Ok(None);
    }
    let text = format!("{{{inside}}}");
    let count = |n: &str| n.parse::<u32>().ok().filter(|n| *n <= MOST_REPEATS);
    match (count(least), count(most)) {
        (Some(least), Some(most)) if least <= most => {
            *rest = after;
            Ok(Some(text))
        }
        _ => Err(PatternError::RepeatCount(text)),
    }
}

fn push_literal(out: &mut String, c: char) {
    // `\<` and `\>` are word boundaries to the engine.
    if c.is_ascii_punctuation() && !matches!(c, '_' | '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}

fn take_char(rest: &mut &str) -> Option<char> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    *rest = chars.as_str();
    Some(c)
}

fn take(rest: &mut &str, word: &str) -> bool {
    let after = rest.strip_prefix(word);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

#[cfg(test)]
mod tests;
