//! A tree that is read from its text again when somebody asks: few objects are ever asked where they stand, and a
//! tree takes ten times the memory of its text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::read::{self, Format};
use crate::source::Source;
use crate::value::Value;

/// One document of a text, or a part of it.
pub struct Tree {
    /// What somebody has asked for, and will ask for again.
    made: OnceLock<Box<Value>>,
    from: From,
}

/// A part of a tree: of the whole, at a path.
pub type Shape = fn(&Value, &str) -> Value;

enum From {
    Text(Excerpt),
    Part { whole: Arc<Tree>, path: Box<str>, shape: Shape },
}

/// Where a document is in its text.
struct Excerpt {
    text: Arc<Source>,
    format: Format,
    bytes: Range<u32>,
    lines_before: u32,
}

// === impl Tree ===

impl Tree {
    /// A part of `whole`, made by `shape`.
    pub fn part(whole: &Arc<Self>, path: impl Into<Box<str>>, shape: Shape) -> Self {
        Self::new(From::Part { whole: Arc::clone(whole), path: path.into(), shape })
    }

    fn new(from: From) -> Self {
        Self { made: OnceLock::new(), from }
    }

    /// The tree, kept from now on.
    pub fn get(&self) -> &Value {
        self.made.get_or_init(|| {
            Box::new(match &self.from {
                // Where one part is asked for, others will be: thousands of routes may be one object.
                From::Part { whole, path, shape } => shape(whole.get(), path),
                From::Text(excerpt) => excerpt.read(),
            })
        })
    }

    /// The tree, for once.
    pub fn read(&self) -> Cow<'_, Value> {
        match self.made.get() {
            Some(made) => Cow::Borrowed(made),
            None => Cow::Owned(match &self.from {
                From::Part { whole, path, shape } => shape(&whole.read(), path),
                From::Text(excerpt) => excerpt.read(),
            }),
        }
    }

    /// Is it in memory?
    pub fn is_made(&self) -> bool {
        self.made.get().is_some()
    }
}

impl std::convert::From<Value> for Tree {
    fn from(value: Value) -> Self {
        // It will never be made again.
        static NOWHERE: LazyLock<Arc<Source>> = LazyLock::new(|| Arc::new(Source::new("", "")));
        let excerpt =
            Excerpt { text: Arc::clone(&NOWHERE), format: Format::Yaml, bytes: 0..0, lines_before: 0 };
        Self { made: OnceLock::from(Box::new(value)), from: From::Text(excerpt) }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree").field(&self.made.get()).finish()
    }
}

// === impl Excerpt ===

impl Excerpt {
    fn read(&self) -> Value {
        let place = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let text = self.text.text().get(place(self.bytes.start)..place(self.bytes.end)).unwrap_or_default();
        let (documents, _known) = read::parse_documents_after(text, self.format, self.lines_before);
        documents.into_iter().next().unwrap_or_default()
    }
}

/// Trees for the documents that were read from a text, each of which stands for the very same document. `None` where
/// one could not be read again without the others.
pub(crate) fn trees(text: &Arc<Source>, format: Format, documents: &[Value]) -> Vec<Option<Tree>> {
    let excerpts = match (format, documents) {
        (Format::Yaml, _) => apart(text, documents),
        (_, [_]) => Some(vec![Excerpt {
            text: Arc::clone(text),
            format,
            bytes: 0..length(text.text()),
            lines_before: 0,
        }]),
        (_, _) => None,
    };
    match excerpts {
        Some(excerpts) => excerpts.into_iter().map(|excerpt| Some(Tree::new(From::Text(excerpt)))).collect(),
        None => documents.iter().map(|_| None).collect(),
    }
}

/// Each document by itself, so that one is read without the others. `None`: they cannot be told apart by their lines.
fn apart(text: &Arc<Source>, documents: &[Value]) -> Option<Vec<Excerpt>> {
    let lines = text.text().split_inclusive('\n');
    let mut pieces: Vec<(Range<u32>, u32)> = vec![(0..0, 0)];
    let mut offset = 0;
    for (line, content) in (0..).zip(lines) {
        // What is said of a document before it begins belongs to it, and is seldom said.
        if content.starts_with(['%', '\u{feff}']) || content.starts_with("...") {
            return None;
        }
        if read::is_marker(content) {
            pieces.push((offset..offset, line));
        }
        offset += length(content);
        pieces.last_mut()?.0.end = offset;
    }
    let has_lines = |(bytes, _): &(Range<u32>, u32)| !bytes.is_empty();
    // Where nothing stands there is no place either.
    let holds = |piece: &(Range<u32>, u32), next: Option<&(Range<u32>, u32)>, document: &Value| {
        let line = document.place.line;
        document.is_null() || (line > piece.1 && next.is_none_or(|next| line <= next.1))
    };
    let pieces: Vec<_> = pieces.into_iter().filter(has_lines).collect();
    // Before the first marker there may be comments alone, which are no document.
    let surplus = pieces.len().checked_sub(documents.len())?;
    let pieces = pieces.get(surplus..).filter(|_| surplus <= 1)?;
    let mut excerpts = Vec::with_capacity(pieces.len());
    for (number, ((bytes, lines_before), document)) in pieces.iter().zip(documents).enumerate() {
        if !holds(pieces.get(number)?, pieces.get(number + 1), document) {
            return None;
        }
        let (bytes, lines_before) = (bytes.clone(), *lines_before);
        excerpts.push(Excerpt { text: Arc::clone(text), format: Format::Yaml, bytes, lines_before });
    }
    Some(excerpts)
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trees give what was read, with all places.
    #[track_caller]
    fn check(text: &str, format: Format, are_apart: bool) {
        let source = Arc::new(Source::new("a.yaml", text));
        let (documents, problems) = source.parse_documents(format);
        assert!(problems.is_empty(), "{problems:?}");
        let trees = trees(&source, format, &documents);
        assert_eq!(trees.len(), documents.len());
        assert_eq!(trees.iter().all(Option::is_some), are_apart, "{text}");
        for (tree, document) in trees.iter().zip(&documents) {
            let Some(tree) = tree else { continue };
            assert_eq!(tree.read().kind, document.kind, "{text}");
            assert!(!tree.is_made());
            assert!(tree.get() == document || document.is_null(), "{text}");
            assert!(tree.is_made());
        }
    }

    #[test]
    fn trees_are_what_was_read() {
        check("a: 1\n", Format::Yaml, true);
        check("a: 1\n---\nb: [1, 'x']\n--- # c\n\nc: |\n  ---x\n  y\n", Format::Yaml, true);
        check("# hello\n---\na: é\n---\n- b\n---\n", Format::Yaml, true);
        check("---\na: &x {b: 1}\nc: *x\n---\nd: 2", Format::Yaml, true);
        check("--- {a: 1}\n--- text\n---\n---\nb: 1\n", Format::Yaml, true);
        check("a: 1\r\n---\r\nb: 1\r\n", Format::Yaml, true);
        check("{\"a\": [1, {\"b\": 2}]}\n", Format::Json, true);
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_read_again() {
        check("%YAML 1.2\n---\na: 1\n...\n---\nb: 2\n", Format::Yaml, false);
        check("a: 1\n...\nb: 2\n", Format::Yaml, false);
        check("\u{feff}a: 1\n---\nb: 2\n", Format::Yaml, false);
        check("{\"a\": 1}\n{\"a\": 2}\n", Format::Json, false);
    }

    #[test]
    fn a_part_is_made_of_its_whole() {
        let source = Arc::new(Source::new("a.yaml", "a:\n  b: 1\n"));
        let (documents, _) = source.parse_trees(Format::Yaml);
        let whole = Arc::new(documents.into_iter().next().unwrap().1.unwrap());
        let part = Tree::part(&whole, "a", |whole, path| whole.get(path).cloned().unwrap_or_default());
        assert_eq!(part.read().get("b").unwrap().place.line, 2);
        assert!(!part.is_made() && !whole.is_made());
        // Kept once for all parts.
        assert_eq!(part.get().get("b").unwrap().place.line, 2);
        assert!(whole.is_made());
    }
}
