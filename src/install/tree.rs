//! Key paths with values, from flags or variables, as the tree that a file gives.
//!
//! A place's line is the number of the flag or variable it came from.

use document::{Kind, Member, Origin, Place, Problem, Value};

/// Deeper than any key there is. What lies below is reported as any key that is not known.
const MAX_DEPTH: usize = 64;

/// The tree while it grows. Lists are mappings with keys like `[0]` until [`Tree::finish`].
#[derive(Default)]
pub(super) struct Tree {
    root: Vec<Member>,
    origins: Vec<Origin>,
}

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Puts a value at a path. The same path again replaces it.
    pub(super) fn insert(&mut self, path: &[String], text: String, origin: Origin) {
        self.origins.push(origin);
        let path = path.get(..MAX_DEPTH).unwrap_or(path);
        let place = Place::new(u32::try_from(self.origins.len()).unwrap_or(u32::MAX), 1, 1);
        insert(&mut self.root, path, Value::new(Kind::String(text), place), place);
    }

    /// The text at a path, if there is one.
    pub(super) fn text(&self, path: &[String]) -> Option<&str> {
        let mut members = &self.root;
        let (last, parents) = path.split_last()?;
        for key in parents {
            members = match &find(members, key)?.value.kind {
                Kind::Mapping(members) => members,
                _ => return None,
            };
        }
        find(members, last)?.value.as_str()
    }

    pub(super) fn finish(self) -> (Value, Origins) {
        let place = if self.root.is_empty() { Place::NONE } else { Place::new(1, 1, 1) };
        (lists(Value::new(Kind::Mapping(self.root), place)), Origins(self.origins))
    }
}

/// What the lines of a [`Tree`] stand for.
pub(super) struct Origins(Vec<Origin>);

impl Origins {
    /// The same problem at the flag or variable it came from.
    pub(super) fn attach(&self, document: &Value, problem: Problem) -> Problem {
        let line = match &problem.origin {
            Origin::File { path, line, .. } if path.is_empty() => *line,
            Origin::None => document::locate(document, &problem.path).map_or(0, |place| place.line),
            Origin::File { .. } | Origin::Flag(_) | Origin::Environment(_) | Origin::Object(_) => {
                return problem;
            }
        };
        let index = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
        let origin = index.and_then(|index| self.0.get(index)).cloned().unwrap_or_default();
        problem.at(origin)
    }
}

fn find<'m>(members: &'m [Member], key: &str) -> Option<&'m Member> {
    members.iter().find(|member| member.key.eq_ignore_ascii_case(key))
}

fn insert(members: &mut Vec<Member>, path: &[String], value: Value, place: Place) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let found = members.iter().position(|member| member.key.eq_ignore_ascii_case(key));
    let index = found.unwrap_or_else(|| {
        let empty = if rest.is_empty() { Kind::Null } else { Kind::Mapping(Vec::new()) };
        members.push(Member { key: key.clone(), key_place: place, value: Value::new(empty, place) });
        members.len() - 1
    });
    let Some(member) = members.get_mut(index) else {
        return;
    };
    if rest.is_empty() {
        // `--api.insecure --api`: the object is there already, and `true` says no more than that.
        let says_nothing = member.value.is_mapping() && value.as_str() == Some("true");
        if !says_nothing {
            member.value = value;
        }
        return;
    }
    if !member.value.is_mapping() {
        member.value = Value::new(Kind::Mapping(Vec::new()), place);
    }
    if let Kind::Mapping(inner) = &mut member.value.kind {
        insert(inner, rest, value, place);
    }
}

/// Mappings of indices become lists, in the order of the indices.
fn lists(value: Value) -> Value {
    let Kind::Mapping(members) = value.kind else {
        return value;
    };
    let index = |member: &Member| {
        member
            .key
            .strip_prefix('[')
            .and_then(|key| key.strip_suffix(']'))
            .and_then(|key| key.parse::<u32>().ok())
    };
    let mut members: Vec<Member> =
        members.into_iter().map(|member| Member { value: lists(member.value), ..member }).collect();
    if members.is_empty() || members.iter().any(|member| index(member).is_none()) {
        return Value::new(Kind::Mapping(members), value.place);
    }
    members.sort_by_key(index);
    Value::new(Kind::Sequence(members.into_iter().map(|member| member.value).collect()), value.place)
}
