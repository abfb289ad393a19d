//! SARIF 2.1.0: findings in the form that code hosts and editors read.

use std::collections::BTreeSet;

use document::{Origin, Problem, Severity};
use serde_json::{Value, json};

/// The whole log of one run.
pub(super) fn log(problems: &[Problem]) -> Value {
    let rules: BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
    let rules: Vec<Value> = rules.into_iter().map(|code| json!({"id": code})).collect();
    let results: Vec<Value> = problems.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "portcullis", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

fn result(problem: &Problem) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = problem.message.clone();
    // A reader of SARIF shows the message and nothing else of ours.
    for part in [&problem.object, &problem.hint].into_iter().flatten() {
        text.push_str(&format!(" ({part})"));
    }
    let mut result = json!({"ruleId": problem.code, "level": level, "message": {"text": text}});
    if let (Some(location), Some(result)) = (location(&problem.origin), result.as_object_mut()) {
        result.insert("locations".to_owned(), json!([location]));
    }
    result
}

fn location(origin: &Origin) -> Option<Value> {
    let (path, line, column) = match origin {
        Origin::File { path, line, column, .. } => (path, *line, *column),
        Origin::None | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => return None,
    };
    let mut place = json!({"artifactLocation": {"uri": path.replace(' ', "%20")}});
    if let (Some(place), 1..) = (place.as_object_mut(), line) {
        let region = if column > 0 {
            json!({"startLine": line, "startColumn": column})
        } else {
            json!({"startLine": line})
        };
        place.insert("region".to_owned(), region);
    }
    Some(json!({"physicalLocation": place}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_its_rule_level_and_place() {
        let origin = Origin::File { path: "a b.yml".to_owned(), line: 3, column: 7, width: 3, excerpt: None };
        let problem =
            Problem::error("unknown_key", "unknown key `rul`").at(origin).hint("did you mean `rule`?");
        let log = log(&[problem]);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "unknown_key");
        assert_eq!(result["level"], "error");
        assert_eq!(result["message"]["text"], "unknown key `rul` (did you mean `rule`?)");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.yml");
        assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 7}));
    }

    #[test]
    fn what_is_in_no_file_has_no_place() {
        let log = log(&[Problem::warning("unknown_flag", "unknown flag")]);
        assert_eq!(log["runs"][0]["results"][0].get("locations"), None);
    }
}
