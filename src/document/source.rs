//! A text with its name: turns places into origins with the line they mean.

use std::sync::{Arc, OnceLock};

use crate::inside;
use crate::problem::{Origin, Problem};
use crate::read::{self, Format};
use crate::redaction;
use crate::tree::{self, Tree};
use crate::value::{Place, Value, locate};

/// The text of one file.
#[derive(Clone, Debug)]
pub struct Source {
    /// As the user knows it.
    path: String,
    text: String,
    /// Offsets of the lines, made for the first problem: a broken file may have thousands.
    lines: OnceLock<Vec<usize>>,
}

/// Some editors begin a file with it; it is no part of the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), lines: OnceLock::new() }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads one document, its problems with their origin.
    pub fn parse(&self, format: Format) -> Result<(Value, Vec<Problem>), Vec<Problem>> {
        match read::parse(&self.text, format) {
            Ok((value, warnings)) => Ok((value, self.attach_all(warnings))),
            Err(problems) => Err(self.attach_all(problems)),
        }
    }

    /// Reads all documents, its problems with their origin.
    pub fn parse_documents(&self, format: Format) -> (Vec<Value>, Vec<Problem>) {
        let (values, problems) = read::parse_documents(&self.text, format);
        (values, self.attach_all(problems))
    }

    /// As [`parse_documents`](Self::parse_documents), each with what it can be read from again, where that can be done for it alone.
    pub fn parse_trees(self: &Arc<Self>, format: Format) -> (Vec<(Value, Option<Tree>)>, Vec<Problem>) {
        let (values, problems) = self.parse_documents(format);
        let trees = tree::trees(self, format, &values);
        (values.into_iter().zip(trees).collect(), problems)
    }

    /// The origin of a place in this text.
    pub fn origin(&self, place: Place) -> Origin {
        if place.is_none() {
            return Origin::file(self.path.as_str());
        }
        Origin::File {
            path: self.path.clone(),
            line: place.line,
            column: place.column,
            width: place.width,
            excerpt: self.excerpt(place.line),
        }
    }

    /// Puts a problem at a place in this text. Of what may be a secret, its line shows no more than the key.
    #[must_use]
    pub fn show(&self, problem: Problem, place: Place) -> Problem {
        let mut origin = self.origin(place);
        if let Origin::File { excerpt, .. } = &mut origin {
            *excerpt = self.written(place.line).and_then(|line| redaction::redact(line, place, &problem));
        }
        problem.at(origin)
    }

    /// The place of a part of a scalar's value: `offset` characters into it, `width` of them. `None` where the value
    /// is not written at the place, as with an alias.
    pub fn inside(&self, scalar: Place, value: &str, offset: usize, width: usize) -> Option<Place> {
        let begin = self.offset(scalar)?;
        let spans = inside::spans(self.text.get(begin..)?, value)?;
        let last = spans.get((offset + width.max(1) - 1).min(spans.len().checked_sub(1)?))?;
        // The end of the value stands right behind it.
        let start = spans.get(offset).map_or(last.end, |span| span.start);
        Some(self.place(begin + start, begin + last.end))
    }

    /// Completes a problem that has a place or none; one that knows its file is left as it is.
    #[must_use]
    pub fn attach(&self, problem: Problem) -> Problem {
        match &problem.origin {
            Origin::None => problem.at(Origin::file(self.path.as_str())),
            Origin::File { path, line, column, width, .. } if path.is_empty() => {
                let place = Place::new(*line, *column, *width);
                self.show(problem, place)
            }
            Origin::File { .. } | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => problem,
        }
    }

    /// As [`attach`](Self::attach), and finds the place of a problem that only knows its key path in `document`.
    #[must_use]
    pub fn attach_by_path(&self, document: &Value, problem: Problem) -> Problem {
        match (&problem.origin, locate(document, &problem.path)) {
            (Origin::None, Some(place)) => self.show(problem, place),
            _ => self.attach(problem),
        }
    }

    pub fn attach_all(&self, problems: Vec<Problem>) -> Vec<Problem> {
        problems.into_iter().map(|problem| self.attach(problem)).collect()
    }

    fn line(&self, index: usize) -> Option<&str> {
        self.text.get(*self.starts().get(index)?..)?.lines().next()
    }

    /// Where lines begin.
    fn starts(&self) -> &[usize] {
        let mark = if self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let ends = || self.text.match_indices('\n').map(|(offset, _)| offset + 1);
        self.lines.get_or_init(|| std::iter::once(mark).chain(ends()).collect())
    }

    /// How many bytes stand before a place.
    fn offset(&self, place: Place) -> Option<usize> {
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let skipped = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let start = *self.starts().get(index)?;
        let line = self.text.get(start..)?.lines().next()?;
        let before = line.char_indices().nth(skipped).map_or(line.len(), |(offset, _)| offset);
        Some(start + before)
    }

    /// The place of these bytes; of several lines, those on the first.
    fn place(&self, start: usize, end: usize) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let starts = self.starts();
        let line = starts.partition_point(|begin| *begin <= start).max(1);
        let begin = starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(begin..start).unwrap_or_default().chars().count();
        let meant = self.text.get(start..end).unwrap_or_default().lines().next().unwrap_or_default();
        let width = meant.trim_end().chars().count().max(1);
        Place::new(number(line), number(before) + 1, number(width))
    }

    /// A line, unless what it says is nobody's business.
    fn excerpt(&self, line: u32) -> Option<String> {
        self.written(line).filter(|text| !redaction::holds_secret(text)).map(str::to_owned)
    }

    fn written(&self, line: u32) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        Some(self.line(index)?.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attaches_file_and_line() {
        let source = Source::new("a.yml", "a: 1\nb: [\n");
        let problems = source.parse(Format::Yaml).unwrap_err();
        let text = problems[0].to_string();
        assert!(text.starts_with("error: this is not valid YAML: "), "{text}");
        assert!(text.contains("\n  --> a.yml:"), "{text}");
    }

    #[test]
    fn finds_the_place_of_a_key_path() {
        let source = Source::new("a.yml", "http:\n  routers:\n    shop:\n      rule: Hots(`a`)\n");
        let (value, _) = source.parse(Format::Yaml).unwrap();
        let problem = Problem::field("http.routers.shop.rule", "unknown matcher `Hots`");
        assert_eq!(
            source.attach_by_path(&value, problem).to_string(),
            "error: unknown matcher `Hots`
  --> a.yml:4:13
   |       rule: Hots(`a`)
   |             ^^^^^^^^^"
        );
    }

    /// `x` of the key `rule` in a text of either format, with what `|` stands before.
    fn check_inside(text: &str, format: Format, value: &str, expected: (u32, u32, u32)) {
        let source = Source::new("a", text);
        let (document, problems) = source.parse(format).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let rule = document.get("rule").unwrap();
        assert_eq!(rule.as_str(), Some(value), "{text}");
        let offset = value.chars().position(|c| c == 'x').unwrap();
        let place = source.inside(rule.place, value, offset, 2).unwrap();
        assert_eq!((place.line, place.column, place.width), expected, "{text}");
    }

    #[test]
    fn finds_the_place_inside_a_scalar() {
        let yaml = |text: &str, value: &str, expected| check_inside(text, Format::Yaml, value, expected);
        yaml("rule: a xy b # c\n", "a xy b", (1, 9, 2));
        yaml("rule: \"\\\"a\\\" xy\"\n", "\"a\" xy", (1, 14, 2));
        yaml("rule: 'it''s xy'\n", "it's xy", (1, 14, 2));
        yaml("rule: >-\n  a\n  b xy\nnext: 1\n", "a b xy", (3, 5, 2));
        yaml("rule: |\n\n    a\n    xy\n", "\na\nxy\n", (4, 5, 2));
        yaml("rule: !!str &r \"xy\"\n", "xy", (1, 17, 2));
        yaml("rule: |2-\n    \"a\" xy\n", "  \"a\" xy", (2, 9, 2));
        yaml("rule: |-\n  \"a\" xy\n", "\"a\" xy", (2, 7, 2));
        yaml("\u{feff}rule: xy\n", "xy", (1, 7, 2));
        yaml("rule: a\n  b\n  x", "a b x", (3, 3, 1));
        yaml("rule: \"ab\\\n  x\\x79\"\n", "abxy", (2, 3, 5));
        let toml = |text: &str, value: &str, expected| check_inside(text, Format::Toml, value, expected);
        toml("rule = \"\"\"\na\n  xy\"\"\"\n", "a\n  xy", (3, 3, 2));
        toml("rule = '''a''xy'''\n", "a''xy", (1, 14, 2));
        toml("rule = \"\\\"xy\"\n", "\"xy", (1, 11, 2));
        check_inside("{\"rule\": \"\\\"xy\"}", Format::Json, "\"xy", (1, 13, 2));
    }

    #[test]
    fn an_alias_has_no_inside() {
        let source = Source::new("a.yml", "base: &a xyz\nrule: *a\n");
        let (document, _) = source.parse(Format::Yaml).unwrap();
        let rule = document.get("rule").unwrap();
        assert_eq!(source.inside(rule.place, "xyz", 1, 1), None);
    }
}
