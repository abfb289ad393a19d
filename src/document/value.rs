//! What was written, as a tree that knows where each part stands.

use std::fmt;

/// One node of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    pub kind: Kind,
    pub place: Place,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Kind {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    /// The text as well, so that `1.10` stays `1.10` where a string is wanted.
    Float {
        value: f64,
        text: String,
    },
    String(String),
    Sequence(Vec<Value>),
    Mapping(Vec<Member>),
}

/// One key of a mapping with its value. Keys keep the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub key: String,
    pub key_place: Place,
    pub value: Value,
}

/// A place in a text. All zero: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters on that line.
    pub width: u32,
}

// === impl Place ===

impl Place {
    pub const NONE: Self = Self { line: 0, column: 0, width: 0 };

    pub const fn new(line: u32, column: u32, width: u32) -> Self {
        Self { line, column, width }
    }

    pub const fn is_none(self) -> bool {
        self.line == 0
    }
}

// === impl Value ===

impl Value {
    pub fn new(kind: Kind, place: Place) -> Self {
        Self { kind, place }
    }

    pub fn string(text: impl Into<String>) -> Self {
        Self::new(Kind::String(text.into()), Place::NONE)
    }

    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// `Some` for strings only; see [`scalar_text`](Self::scalar_text) for the lenient form.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self.kind {
            Kind::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub fn is_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping(_))
    }

    /// The members of a mapping; none for anything else.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Mapping(members) => members,
            _ => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The value of a key, written exactly so.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The value of a key, without the rest.
    pub fn into_member(self, key: &str) -> Option<Self> {
        let Kind::Mapping(members) = self.kind else {
            return None;
        };
        members.into_iter().find(|member| member.key == key).map(|member| member.value)
    }

    /// The member of a key, in whatever case it is written: Traefik's files do not care.
    pub fn member_ignoring_case(&self, key: &str) -> Option<&Member> {
        let members = self.members();
        members
            .iter()
            .find(|member| member.key == key)
            .or_else(|| members.iter().find(|member| member.key.eq_ignore_ascii_case(key)))
    }

    /// A scalar as text, as it would be written; `None` for the rest.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.kind {
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Integer(value) => Some(value.to_string()),
            Kind::Float { text, .. } => Some(text.clone()),
            Kind::String(text) => Some(text.clone()),
            Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// The same without places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Integer(value) => (*value).into(),
            Kind::Float { value, .. } => (*value).into(),
            Kind::String(text) => text.as_str().into(),
            Kind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Kind::Mapping(members) => serde_json::Value::Object(
                members.iter().map(|member| (member.key.clone(), member.value.to_json())).collect(),
            ),
        }
    }

    /// From a value without places.
    pub fn from_json(json: &serde_json::Value) -> Self {
        let kind = match json {
            serde_json::Value::Null => Kind::Null,
            serde_json::Value::Bool(value) => Kind::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(value) => Kind::Integer(value),
                None => Kind::Float { value: number.as_f64().unwrap_or(f64::NAN), text: number.to_string() },
            },
            serde_json::Value::String(text) => Kind::String(text.clone()),
            serde_json::Value::Array(items) => Kind::Sequence(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(members) => Kind::Mapping(
                members
                    .iter()
                    .map(|(key, value)| Member {
                        key: key.clone(),
                        key_place: Place::NONE,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self::new(kind, Place::NONE)
    }

    /// How many nodes the tree has.
    pub fn size(&self) -> usize {
        1 + self.items().iter().map(Self::size).sum::<usize>()
            + self.members().iter().map(|member| member.value.size()).sum::<usize>()
    }
}

// === impl Kind ===

impl Kind {
    /// With its article, for messages: `a string`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float { .. } => "a number",
            Self::String(_) => "a string",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the value of a dotted key path stands, as in `http.routers.shop.middlewares[1]`: the value itself
/// if it is a scalar, else its key. As far as the path goes: for a key that is missing, its parent.
pub fn locate(value: &Value, path: &str) -> Option<Place> {
    let mut place = value.place;
    let mut value = value;
    let mut rest = path;
    while !rest.is_empty() {
        let Some((child, child_place, after)) = step(value, rest) else {
            break;
        };
        (value, place, rest) = (child, child_place, after);
    }
    (!place.is_none()).then_some(place)
}

/// One key or index of a path. Keys may hold dots themselves, so the longest fitting one is taken.
fn step<'v, 'p>(value: &'v Value, path: &'p str) -> Option<(&'v Value, Place, &'p str)> {
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        let item = value.items().get(index.parse::<usize>().ok()?)?;
        return Some((item, item.place, rest.strip_prefix('.').unwrap_or(rest)));
    }
    let (index, rest) = find(value.members(), path)?;
    let member = value.members().get(index)?;
    let is_scalar = !matches!(member.value.kind, Kind::Null | Kind::Mapping(_) | Kind::Sequence(_));
    let place = if is_scalar { member.value.place } else { member.key_place };
    Some((&member.value, place, rest))
}

/// The member that a path begins with, and the rest of the path.
fn find<'p>(members: &[Member], path: &'p str) -> Option<(usize, &'p str)> {
    let fits = |member: &Member| {
        let head = path.get(..member.key.len())?;
        let rest = path.get(member.key.len()..)?;
        let ends = rest.is_empty() || rest.starts_with(['.', '[']);
        (ends && head.eq_ignore_ascii_case(&member.key)).then_some(rest)
    };
    let fitting = members.iter().enumerate().filter_map(|(index, member)| {
        let rest = fits(member)?;
        Some((index, member.key.len(), rest.strip_prefix('.').unwrap_or(rest)))
    });
    fitting.max_by_key(|(_, length, _)| *length).map(|(index, _, rest)| (index, rest))
}

/// Takes out the innermost member on a key path. An item of a list goes with the whole list, so that its neighbours
/// do not move. False: there is no member on the path.
pub(crate) fn remove(value: &mut Value, path: &str) -> bool {
    match &mut value.kind {
        Kind::Sequence(items) => {
            let index = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let item =
                index.and_then(|(index, rest)| Some((items.get_mut(index.parse::<usize>().ok()?)?, rest)));
            item.is_some_and(|(item, rest)| remove(item, rest.strip_prefix('.').unwrap_or(rest)))
        }
        Kind::Mapping(members) => {
            let Some((index, rest)) = find(members, path) else { return false };
            let is_inside = members.get_mut(index).is_some_and(|member| remove(&mut member.value, rest));
            if !is_inside {
                members.remove(index);
            }
            true
        }
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float { .. } | Kind::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, parse};

    #[test]
    fn locates_by_key_path() {
        let text = "http:\n  routers:\n    a.b:\n      rule: x\n      middlewares: [m, n]\n";
        let (value, _) = parse(text, Format::Yaml).unwrap();
        let at = |path: &str| locate(&value, path).map(|place| (place.line, place.column));
        assert_eq!(at("http.routers.a.b.rule"), Some((4, 13)));
        assert_eq!(at("HTTP.Routers.a.b.middlewares[1]"), Some((5, 24)));
        assert_eq!(at("http.routers"), Some((2, 3)));
        assert_eq!(at("http.routers.a.b.service"), Some((3, 5)));
        assert_eq!(at(""), Some((1, 1)));
    }

    #[test]
    fn removes_by_key_path() {
        let check = |path: &str, expected: serde_json::Value| {
            let json = serde_json::json!({"a": {"b.c": 1, "l": [{"x": 1, "y": 2}, 3]}});
            let mut value = Value::from_json(&json);
            let is_removed = remove(&mut value, path);
            assert_eq!((is_removed, value.to_json()), (expected != json, expected), "{path}");
        };
        check("a.b.c", serde_json::json!({"a": {"l": [{"x": 1, "y": 2}, 3]}}));
        check("a.l[0].x", serde_json::json!({"a": {"b.c": 1, "l": [{"y": 2}, 3]}}));
        check("a.l[1]", serde_json::json!({"a": {"b.c": 1}}));
        check("a.none", serde_json::json!({}));
        check("", serde_json::json!({"a": {"b.c": 1, "l": [{"x": 1, "y": 2}, 3]}}));
    }

    #[test]
    fn goes_to_json_and_back() {
        let json = serde_json::json!({"a": [1, 2.5, "x", true, null], "b": {}});
        assert_eq!(Value::from_json(&json).to_json(), json);
        assert_eq!(Value::from_json(&json).size(), 8);
    }
}
