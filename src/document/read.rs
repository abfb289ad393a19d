//! Text → [`Value`]: YAML, TOML and JSON, within limits.

mod json;
mod toml;
mod yaml;

use std::path::Path;

use crate::problem::{Origin, Problem};
use crate::template;
use crate::value::{Place, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Toml,
    Json,
}

/// Larger texts are refused: a mistake in a path should not fill the memory. 100,000 routes take about 20 MiB.
pub const MAX_BYTES: usize = 64 << 20;

/// Deeper nesting than any configuration has; keeps recursion off the end of the stack.
const MAX_DEPTH: usize = 64;

/// Nodes that aliases may add: ten lines of aliases of aliases could otherwise make billions.
const MAX_EXPANSION: usize = 1 << 20;

/// Mistakes in syntax after which reading gives up: nobody reads more.
const MAX_PROBLEMS: usize = 50;

// === impl Format ===

impl Format {
    /// By the ending of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        match ending.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Reads one document, with warnings. An empty text is [`Kind::Null`](crate::value::Kind::Null).
pub fn parse(text: &str, format: Format) -> Result<(Value, Vec<Problem>), Vec<Problem>> {
    let (documents, mut problems) = parse_documents(text, format);
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    let mut documents = documents.into_iter();
    let first = documents.next().unwrap_or_default();
    if let Some(second) = documents.find(|document| !document.is_null()) {
        let message = "only the first of several documents in this file is read";
        problems.push(Problem::warning("several_documents", message).at(at(second.place)));
    }
    Ok((first, problems))
}

/// Reads all documents of a text. A broken one is reported and the ones after it are still read (YAML).
pub fn parse_documents(text: &str, format: Format) -> (Vec<Value>, Vec<Problem>) {
    parse_documents_after(text, format, 0)
}

/// As [`parse_documents`], of a piece of a text that has so many lines before it (YAML).
pub(crate) fn parse_documents_after(
    text: &str,
    format: Format,
    lines_before: u32,
) -> (Vec<Value>, Vec<Problem>) {
    if text.len() > MAX_BYTES {
        let message = format!("the text is longer than {} MiB", MAX_BYTES >> 20);
        return (Vec::new(), vec![Problem::error("too_large", message)]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (documents, problems) = match format {
        Format::Yaml => yaml::documents(text, lines_before),
        Format::Json => json::documents(text),
        Format::Toml => toml::document(text),
    };
    // A template breaks the syntax in ways that say nothing of the template: name it instead.
    match template::first_action(text) {
        Some(problem) if problems.iter().any(Problem::is_error) => (documents, vec![problem]),
        _ => (documents, problems),
    }
}

pub(crate) use yaml::is_marker;

/// An origin with a place and no file yet; [`Source::attach`](crate::Source::attach) adds it.
pub(crate) fn at(place: Place) -> Origin {
    if place.is_none() {
        return Origin::None;
    }
    Origin::File {
        path: String::new(),
        line: place.line,
        column: place.column,
        width: place.width,
        excerpt: None,
    }
}

#[cfg(test)]
mod tests;
