//! What was found: each mistake once, in the order of the files, with the line that is meant.

use std::collections::BTreeMap;
use std::fs;

use document::{Origin, Place, Problem, Severity};

/// What is seldom in a repository beside what names it.
const SELDOM_AT_HAND: [&str; 5] =
    ["absent", "missing_secret", "missing_config_map", "missing_endpoint_slice", "missing_ingress_class"];

/// All problems.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    strict: bool,
}

// === impl Findings ===

impl Findings {
    pub(super) fn new(strict: bool) -> Self {
        Self { problems: Vec::new(), strict }
    }

    pub(super) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        let strict = self.strict;
        self.problems.extend(problems.into_iter().map(|problem| weigh(problem, strict)));
    }

    /// Puts them in order and shows their lines.
    pub(super) fn finish(&mut self) {
        self.problems.sort_by_cached_key(order);
        self.problems.dedup_by(|next, kept| is_same(kept, next));
        let mut texts = BTreeMap::new();
        for problem in &mut self.problems {
            show_line(problem, &mut texts);
        }
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }
}

fn weigh(problem: Problem, strict: bool) -> Problem {
    if !SELDOM_AT_HAND.contains(&problem.code) {
        return problem;
    }
    problem.with_severity(if strict { Severity::Error } else { Severity::Warning })
}

/// From top to bottom of each file; what belongs to no file goes last.
fn order(problem: &Problem) -> (bool, String, u32, u32, Severity, String, String) {
    let (file, line, column) = match &problem.origin {
        Origin::File { path, line, column, .. } => (Some(path.clone()), *line, *column),
        Origin::None | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => (None, 0, 0),
    };
    let other = if file.is_none() { problem.origin.to_string() } else { String::new() };
    let is_nowhere = file.is_none();
    (
        is_nowhere,
        file.unwrap_or(other),
        line,
        column,
        problem.severity,
        problem.message.clone(),
        problem.path.clone(),
    )
}

/// The same mistake, seen by two.
fn is_same(one: &Problem, other: &Problem) -> bool {
    let place = |problem: &Problem| match &problem.origin {
        Origin::File { path, line, column, .. } => (path.clone(), *line, *column),
        Origin::None | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => {
            (problem.origin.to_string(), 0, 0)
        }
    };
    // The conflict of a router is found again on each of its entry points, in other words.
    let same_words = one.message == other.message || one.code == "tls_options_conflict";
    one.code == other.code && same_words && place(one) == place(other)
}

/// Adds the line's text where only its number is known.
fn show_line(problem: &mut Problem, texts: &mut BTreeMap<String, Option<document::Source>>) {
    let Origin::File { path, line, column, width, excerpt: None } = &problem.origin else {
        return;
    };
    if *line == 0 {
        return;
    }
    let place = Place::new(*line, *column, *width);
    let read = |path: &String| Some(document::Source::new(path.clone(), fs::read_to_string(path).ok()?));
    if let Some(source) = texts.entry(path.clone()).or_insert_with(|| read(path)) {
        *problem = source.show(problem.clone(), place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, code: &'static str, message: &str) -> Problem {
        let path = "a.yml".to_owned();
        Problem::error(code, message).at(Origin::File { path, line, column: 1, width: 1, excerpt: None })
    }

    fn found(strict: bool) -> Vec<String> {
        let mut findings = Findings::new(strict);
        findings.extend([
            Problem::error("x", "nowhere"),
            at(7, "missing_secret", "no Secret"),
            at(2, "x", "second"),
            at(2, "x", "second"),
            at(2, "tls_options_conflict", "third on one"),
            at(2, "tls_options_conflict", "third on two"),
            at(1, "x", "first"),
        ]);
        findings.finish();
        assert_eq!(findings.errors(), if strict { 5 } else { 4 });
        findings
            .problems()
            .iter()
            .map(|problem| format!("{} {}", problem.severity, problem.message))
            .collect()
    }

    #[test]
    fn each_mistake_once_from_top_to_bottom() {
        assert_eq!(
            found(true),
            ["error first", "error second", "error third on one", "error no Secret", "error nowhere"]
        );
    }

    #[test]
    fn what_is_seldom_at_hand_is_a_warning() {
        assert_eq!(
            found(false),
            ["error first", "error second", "error third on one", "warning no Secret", "error nowhere"]
        );
    }
}
