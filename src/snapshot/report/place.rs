//! Problems of objects → the place in the file, or the Kubernetes object, that they were read from.

use document::{Origin, Problem, Value};
use dynamic::{Element, Source};

/// Where a problem is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) source: &'a Source,
    /// As messages call the object: ``router `shop@file` ``.
    pub(crate) noun: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Placed<'a> {
    pub(crate) fn new<C>(element: &'a Element<C>, noun: &'a str, name: &'a str) -> Self {
        Self { source: &element.source, noun, name }
    }

    /// The value at a key path, as it was written.
    pub(crate) fn written(&self, key: &str) -> Option<&'a Value> {
        self.source.tree()?.member_ignoring_case(key).map(|member| &member.value)
    }
}

/// Completes a problem that does not know where it stands.
pub(crate) fn place(problem: Problem, placed: Placed<'_>) -> Problem {
    let mut problem = problem;
    problem.path = indexed(&problem.path);
    if problem.object.is_none() {
        problem = problem.in_object(format!("{} `{}`", placed.noun, placed.name));
    }
    if problem.origin.is_none() {
        problem = placed.source.attach(problem);
    }
    match &placed.source.file {
        Some(file) if problem.origin.is_none() => problem.at(Origin::file(file.display().to_string())),
        _ => problem,
    }
}

/// The same for a mistake inside the text of one key: `offset` characters into it, `width` of them.
pub(crate) fn place_inside(problem: Problem, placed: Placed<'_>, offset: usize, width: usize) -> Problem {
    let key = problem.path.clone();
    let problem = place(problem, placed);
    let written = placed.written(&key);
    let found = written.zip(placed.source.text.as_ref()).and_then(|(value, text)| {
        text.inside(value.place, value.as_str()?, offset, width).map(|place| text.origin(place))
    });
    match found {
        Some(origin) => problem.at(origin),
        // An alias, an unusual escape, or no file at all.
        None => {
            let message = format!("{}, in column {} of the {key}", problem.message, offset + 1);
            Problem { message, ..problem }
        }
    }
}

/// `servers.0.url` as `servers[0].url`.
fn indexed(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for segment in path.split('.') {
        if !out.is_empty() && !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit()) {
            out.push('[');
            out.push_str(segment);
            out.push(']');
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(segment);
        }
    }
    out
}
