//! TOML, with the places that the toml crate knows.

use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{MAX_DEPTH, MAX_PROBLEMS, at};
use crate::problem::Problem;
use crate::value::{Kind, Member, Place, Value};

pub(super) fn document(text: &str) -> (Vec<Value>, Vec<Problem>) {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let problems: Vec<Problem> = errors
        .iter()
        .take(MAX_PROBLEMS)
        .map(|error| {
            let place = error.span().map_or(Place::NONE, |span| lines.place(span));
            Problem::error("toml_syntax", format!("this is not valid TOML: {}", error.message()))
                .at(at(place))
        })
        .collect();
    if !problems.is_empty() {
        return (Vec::new(), problems);
    }
    let place = lines.place(table.span());
    match mapping(&lines, table.get_ref(), 0) {
        Ok(kind) => (vec![Value::new(kind, place)], Vec::new()),
        Err(problem) => (Vec::new(), vec![problem]),
    }
}

fn mapping(lines: &Lines<'_>, table: &DeTable<'_>, depth: usize) -> Result<Kind, Problem> {
    let mut members = Vec::with_capacity(table.len());
    for (key, item) in table {
        members.push((
            key.span().start,
            Member {
                key: key.get_ref().clone().into_owned(),
                key_place: lines.place(key.span()),
                value: value(lines, item, depth + 1)?,
            },
        ));
    }
    // The crate sorts by name; a reader of messages expects the order of the text.
    members.sort_by_key(|(offset, _)| *offset);
    Ok(Kind::Mapping(members.into_iter().map(|(_, member)| member).collect()))
}

fn value(lines: &Lines<'_>, item: &Spanned<DeValue<'_>>, depth: usize) -> Result<Value, Problem> {
    let place = lines.place(item.span());
    if depth > MAX_DEPTH {
        return Err(Problem::error("too_deep", format!("nested more than {MAX_DEPTH} deep")).at(at(place)));
    }
    let kind = match item.get_ref() {
        DeValue::String(text) => Kind::String(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Kind::Integer(value),
            Err(_) => {
                return Err(Problem::error("wrong_type", "the number is too large").at(at(place)));
            }
        },
        DeValue::Float(number) => Kind::Float {
            value: number.as_str().parse().unwrap_or(f64::NAN),
            text: number.as_str().to_owned(),
        },
        DeValue::Boolean(value) => Kind::Bool(*value),
        DeValue::Datetime(time) => Kind::String(time.to_string()),
        DeValue::Array(items) => {
            let items: Result<_, _> = items.iter().map(|item| value(lines, item, depth + 1)).collect();
            Kind::Sequence(items?)
        }
        DeValue::Table(table) => mapping(lines, table, depth)?,
    };
    Ok(Value::new(kind, place))
}

/// Where lines start, to turn offsets into places.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        Self { text, starts }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..span.start).unwrap_or_default();
        let inside = self.text.get(span).unwrap_or_default();
        let width = inside.lines().next().unwrap_or_default().chars().count();
        Place::new(number(line), number(before.chars().count()) + 1, number(width).max(1))
    }
}
