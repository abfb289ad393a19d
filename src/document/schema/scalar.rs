//! Scalars: what is written, as what is wanted. Traefik turns everything into text and parses that.

use serde_json::Value as Json;

use super::lookup::{aliases, has_type};
use crate::name::nearest;
use crate::problem::Problem;
use crate::scalar::Duration;
use crate::value::{Kind, Value};

/// The scalar as one of the schema's types, or what is wrong with it.
pub(super) fn scalar(schema: &Json, value: &Value) -> Result<Kind, Problem> {
    let kind = typed(schema, value).ok_or_else(|| mismatch(schema, value))?;
    let kind = choice(schema, kind)?;
    check_range(schema, &kind)?;
    if let (Some("duration"), Kind::String(text)) = (schema.get("format").and_then(Json::as_str), &kind) {
        text.trim().parse::<Duration>().map_err(|error| Problem::error("invalid_value", error))?;
    }
    Ok(kind)
}

fn typed(schema: &Json, value: &Value) -> Option<Kind> {
    let wants = |name: &str| has_type(schema, name);
    match &value.kind {
        Kind::Bool(_) if wants("boolean") => Some(value.kind.clone()),
        Kind::Integer(_) if wants("integer") || wants("number") => Some(value.kind.clone()),
        Kind::Float { .. } if wants("number") => Some(value.kind.clone()),
        Kind::Float { value, .. } if wants("integer") => whole(*value).map(Kind::Integer),
        Kind::String(_) if wants("string") => Some(value.kind.clone()),
        Kind::Integer(number @ (0 | 1)) if wants("boolean") => Some(Kind::Bool(*number == 1)),
        Kind::String(text) => from_text(schema, text.trim()),
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float { .. } if wants("string") => {
            value.scalar_text().map(Kind::String)
        }
        Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float { .. }
        | Kind::Null
        | Kind::Sequence(_)
        | Kind::Mapping(_) => None,
    }
}

fn from_text(schema: &Json, text: &str) -> Option<Kind> {
    if has_type(schema, "boolean")
        && let Some(value) = parse_bool(text)
    {
        return Some(Kind::Bool(value));
    }
    if (has_type(schema, "integer") || has_type(schema, "number"))
        && let Ok(value) = text.parse()
    {
        return Some(Kind::Integer(value));
    }
    if !has_type(schema, "number") {
        return None;
    }
    let value = text.parse().ok()?;
    Some(Kind::Float { value, text: text.to_owned() })
}

/// Go's `strconv.ParseBool`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn whole(value: f64) -> Option<i64> {
    // 2^53: beyond it a float no longer tells neighbours apart.
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// `enum` and `const`.
fn choice(schema: &Json, kind: Kind) -> Result<Kind, Problem> {
    let Kind::String(text) = &kind else {
        return Ok(kind);
    };
    let names = names(schema);
    if names.is_empty() || names.contains(&text.as_str()) || aliases(schema).any(|alias| alias == text) {
        return Ok(kind);
    }
    let in_any_case = schema.get("x-any-case") == Some(&Json::Bool(true));
    if in_any_case && names.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(kind);
    }
    Err(not_among(text, &names))
}

/// The texts that a schema admits, if it lists them.
pub(super) fn names(schema: &Json) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    listed.chain(schema.get("const")).filter_map(Json::as_str).collect()
}

pub(super) fn not_among(text: &str, names: &[&str]) -> Problem {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let list = match list.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => list.join(", "),
    };
    Problem::error("invalid_value", format!("`{text}` is not {list}"))
        .did_you_mean(nearest(text, names.iter().copied()))
}

fn check_range(schema: &Json, kind: &Kind) -> Result<(), Problem> {
    let Kind::Integer(value) = kind else { return Ok(()) };
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "bounds are small, and serde has the last word")]
    let number = *value as f64;
    match (bound("minimum"), bound("maximum")) {
        (Some(min), _) if number < min => {
            Err(Problem::error("invalid_value", format!("{value} is too small: the least is {min}")))
        }
        (_, Some(max)) if number > max => {
            Err(Problem::error("invalid_value", format!("{value} is too large: the most is {max}")))
        }
        _ => Ok(()),
    }
}

/// "a number is wanted here, not the string `x`"; secrets are not shown.
pub(super) fn mismatch(schema: &Json, value: &Value) -> Problem {
    let wanted: Vec<&str> = [
        ("string", "a string"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
        ("array", "a list"),
        ("object", "a mapping"),
    ]
    .into_iter()
    .filter(|(name, _)| has_type(schema, name))
    .map(|(_, said)| said)
    .collect();
    let wanted = if wanted.is_empty() { "something else".to_owned() } else { wanted.join(" or ") };
    let is_secret = schema.get("writeOnly") == Some(&Json::Bool(true));
    let found = match value.scalar_text() {
        Some(text) if !is_secret && text.chars().count() <= 60 => {
            format!("{} `{text}`", definite(&value.kind))
        }
        _ => value.kind.name().to_owned(),
    };
    Problem::error("wrong_type", format!("{wanted} is wanted here, not {found}"))
}

fn definite(kind: &Kind) -> &'static str {
    match kind {
        Kind::String(_) => "the string",
        Kind::Integer(_) | Kind::Float { .. } => "the number",
        Kind::Bool(_) => "the boolean",
        Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => "the value",
    }
}
