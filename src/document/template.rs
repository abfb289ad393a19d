//! Go templates: Traefik runs its dynamic files through Go's text/template first. We do not, so an action
//! is named as one, instead of a syntax error or a literal `{{` in a header.

use crate::problem::Problem;
use crate::read::at;
use crate::value::{Kind, Place, Value};

/// The first action of a text, outside comments, as a problem.
pub fn first_action(text: &str) -> Option<Problem> {
    (1..).zip(text.lines()).find_map(|(line, content)| {
        let offset = content.find("{{")?;
        if content.trim_start().starts_with('#') {
            return None;
        }
        let before = content.get(..offset)?;
        let column = u32::try_from(before.chars().count()).ok()? + 1;
        Some(problem(content.get(offset..)?, Place::new(line, column, 2)))
    })
}

/// Every action in the keys and strings of a document that could be read.
pub fn actions(value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    collect(value, &mut problems);
    problems
}

fn collect(value: &Value, problems: &mut Vec<Problem>) {
    let mut look = |text: &str, place: Place| {
        if let Some(action) = text.find("{{").and_then(|offset| text.get(offset..)) {
            problems.push(problem(action, place));
        }
    };
    match &value.kind {
        Kind::String(text) => look(text, value.place),
        Kind::Sequence(items) => items.iter().for_each(|item| collect(item, problems)),
        Kind::Mapping(members) => {
            for member in members {
                if member.key.contains("{{") {
                    problems.push(problem(&member.key, member.key_place));
                }
                collect(&member.value, problems);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float { .. } => {}
    }
}

fn problem(from_action: &str, place: Place) -> Problem {
    let line = from_action.lines().next().unwrap_or_default();
    let end = line.find("}}").map_or(line.len(), |end| end + 2);
    let action = line.get(..end).unwrap_or(line).trim_end();
    Problem::error("go_template", format!("Go templates are not supported: `{action}`"))
        .at(at(Place::new(place.line, place.column, u32::try_from(action.chars().count()).unwrap_or(2))))
        .hint("write the values out, or render the file before it is read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, parse};

    #[test]
    fn an_action_explains_a_syntax_error() {
        let text = "http:\n  routers:\n{{ range $i := until 3 }}\n    r{{ $i }}:\n      rule: x\n{{ end }}\n";
        let problems = parse(text, Format::Yaml).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].summary(),
            "Go templates are not supported: `{{ range $i := until 3 }}` (:3:1); write the values out, or render the file before it is read"
        );
    }

    #[test]
    fn an_action_in_a_string_is_found_too() {
        let text = "a: \"{{ env `X` }}\"\n# {{ comment }}\nb: 'x{{ y }}z'\n";
        let (value, _) = parse(text, Format::Yaml).unwrap();
        let found: Vec<_> = actions(&value).iter().map(|problem| problem.message.clone()).collect();
        assert_eq!(
            found,
            ["Go templates are not supported: `{{ env `X` }}`", "Go templates are not supported: `{{ y }}`"]
        );
    }

    #[test]
    fn braces_without_an_error_are_left_alone() {
        assert!(parse("a: '{{'\n", Format::Yaml).is_ok());
    }
}
