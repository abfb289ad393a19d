//! A text with its name: turns places into origins with the line they mean.

use std::sync::OnceLock;

use crate::problem::{Origin, Problem};
use crate::read::{self, Format};
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

/// Keys whose values are not shown, by how they end.
const SECRET_KEYS: [&str; 7] =
    ["password", "secret", "token", "users", "hmacencoded", "credentials", "apikey"];

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

    /// Completes a problem that has a place or none; one that knows its file is left as it is.
    #[must_use]
    pub fn attach(&self, problem: Problem) -> Problem {
        let origin = match &problem.origin {
            Origin::None => Origin::file(self.path.as_str()),
            Origin::File { path, line, column, width, .. } if path.is_empty() => {
                self.origin(Place::new(*line, *column, *width))
            }
            Origin::File { .. } | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => {
                return problem;
            }
        };
        problem.at(origin)
    }

    /// As [`attach`](Self::attach), and finds the place of a problem that only knows its key path in `document`.
    #[must_use]
    pub fn attach_by_path(&self, document: &Value, problem: Problem) -> Problem {
        match (&problem.origin, locate(document, &problem.path)) {
            (Origin::None, Some(place)) => problem.at(self.origin(place)),
            _ => self.attach(problem),
        }
    }

    pub fn attach_all(&self, problems: Vec<Problem>) -> Vec<Problem> {
        problems.into_iter().map(|problem| self.attach(problem)).collect()
    }

    fn line(&self, index: usize) -> Option<&str> {
        let ends = || self.text.match_indices('\n').map(|(offset, _)| offset + 1);
        let starts = self.lines.get_or_init(|| std::iter::once(0).chain(ends()).collect());
        let start = *starts.get(index)?;
        self.text.get(start..)?.lines().next()
    }

    /// A line, unless what it says is nobody's business.
    fn excerpt(&self, line: u32) -> Option<String> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let text = self.line(index)?.trim_end();
        let is_key = text.contains("-----BEGIN ")
            || ["$apr1$", "$2y$", "$2a$", "$2b$", "{SHA}"].iter().any(|mark| text.contains(mark));
        (!is_key && !names_secret(text)).then(|| text.to_owned())
    }
}

/// One of the line's keys is that of a secret, and something follows it.
fn names_secret(line: &str) -> bool {
    line.match_indices([':', '=']).any(|(offset, _)| {
        let before = line.get(..offset).unwrap_or_default().trim_end().trim_end_matches(['"', '\'']);
        let after = line.get(offset + 1..).unwrap_or_default().trim();
        let key = before
            .rsplit(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        !after.is_empty() && SECRET_KEYS.iter().any(|secret| key.ends_with(secret))
    })
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

    #[test]
    fn shows_no_secret() {
        let source = Source::new(
            "a.yml",
            "a: {clientSecret: x, b: 1}\nsecretName: tls\nusers:\n  - \"joe:$apr1$x$y\"\n\"password\" = \"p\"\n",
        );
        let shown: Vec<bool> = (1..=5).map(|line| source.excerpt(line).is_some()).collect();
        assert_eq!(shown, [false, true, true, false, false]);
    }
}
