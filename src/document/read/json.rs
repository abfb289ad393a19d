//! JSON: its syntax by serde_json, its places by the YAML reader, since JSON is nearly a part of YAML.

use serde::de::IgnoredAny;

use super::{MAX_DEPTH, at, yaml};
use crate::problem::Problem;
use crate::value::{Kind, Place, Value};

pub(super) fn documents(text: &str) -> (Vec<Value>, Vec<Problem>) {
    if text.trim().is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    if let Some(Err(error)) = stream.find(Result::is_err) {
        return (Vec::new(), vec![syntax(&error)]);
    }
    let (documents, problems) = yaml::documents(text, 0);
    if problems.is_empty() || problems.iter().all(|problem| problem.code == "duplicate_key") {
        return (documents, problems);
    }
    // What YAML reads otherwise (pairs of surrogates, several values in a row) is read without places.
    let values: Result<Vec<serde_json::Value>, _> =
        serde_json::Deserializer::from_str(text).into_iter().collect();
    match values {
        Ok(values) => {
            let documents: Vec<Value> = values.iter().map(Value::from_json).collect();
            match documents.iter().all(|document| depth(document) <= MAX_DEPTH) {
                true => (documents, Vec::new()),
                false => (Vec::new(), problems),
            }
        }
        Err(error) => (Vec::new(), vec![syntax(&error)]),
    }
}

fn syntax(error: &serde_json::Error) -> Problem {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let place = Place::new(number(error.line()), number(error.column()).max(1), 1);
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    Problem::error("json_syntax", format!("this is not valid JSON: {reason}")).at(at(place))
}

fn depth(value: &Value) -> usize {
    let inner = match &value.kind {
        Kind::Sequence(items) => items.iter().map(depth).max(),
        Kind::Mapping(members) => members.iter().map(|member| depth(&member.value)).max(),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float { .. } | Kind::String(_) => None,
    };
    inner.map_or(0, |inner| inner + 1)
}
