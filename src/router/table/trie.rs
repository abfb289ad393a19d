//! Radix trees over the bytes of paths, one for each host, all in the same few arrays: a search reads a handful of cache
//! lines and follows no pointer.

mod build;

use super::split::Test;
use crate::rule::Matcher;

pub(super) use build::Builder;

pub(super) struct Trie<M> {
    /// The roots come first; the children of a node stand side by side, and its whole subtree soon after.
    nodes: Vec<Node>,
    /// For each node its label, and behind it the bytes that lead to its children.
    bytes: Vec<u8>,
    candidates: Vec<Candidate>,
    tests: Vec<Test<M>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// The bytes between its parent and it, but for the first, which its parent has.
    label: Span,
    children: Span,
    /// For the path that ends here.
    at: List,
    /// For each path that comes by.
    under: List,
}

/// A range of one of the arrays.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Candidates in their order, or one entry alone if there is nothing to test: the most common list, and one that needs
/// no look elsewhere. In the second case the length is [`List::ALONE`].
#[derive(Clone, Copy, Debug, Default)]
struct List(Span);

/// A branch of the entry with this number, which is its order: the lower goes first.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    entry: u32,
    tests: Span,
}

// === impl Trie ===

impl<M: Matcher> Trie<M> {
    /// Lowers `best` to the first entry below it of which a branch under this root holds.
    pub(super) fn search(&self, root: u32, path: &str, view: &M::View<'_>, best: &mut u32) {
        let mut rest = path.as_bytes();
        let mut met = Met::default();
        let mut next = self.nodes.get(index(root));
        while let Some(node) = next {
            let Some(after) = rest.strip_prefix(slice(&self.bytes, node.label)) else {
                break;
            };
            if let Some(list) = met.push(node.under) {
                self.try_each(list, view, best);
            }
            let Some((first, after)) = after.split_first() else {
                self.try_each(node.at, view, best);
                break;
            };
            rest = after;
            next = self.child(node, *first);
        }
        // Deeper first: a longer rule mostly ranks higher, and then nothing above needs a test.
        for list in met.deepest_first() {
            self.try_each(list, view, best);
        }
    }

    fn child(&self, node: &Node, first: u8) -> Option<&Node> {
        let Span { start, length } = node.label;
        let firsts = slice(&self.bytes, Span { start: start + length, length: node.children.length });
        // Ordered, but mostly too few to be worth halving.
        let position = match firsts.len() {
            0..=16 => firsts.iter().position(|byte| *byte == first)?,
            _ => firsts.binary_search(&first).ok()?,
        };
        self.nodes.get(index(node.children.start) + position)
    }

    fn try_each(&self, list: List, view: &M::View<'_>, best: &mut u32) {
        let List(span) = list;
        if span.length == List::ALONE {
            *best = span.start.min(*best);
            return;
        }
        for candidate in slice(&self.candidates, span) {
            if candidate.entry >= *best {
                return;
            }
            if slice(&self.tests, candidate.tests).iter().all(|test| test.holds(view)) {
                *best = candidate.entry;
                return;
            }
        }
    }

    /// How many candidates a root has for every path.
    pub(super) fn unbound(&self, root: u32) -> usize {
        match self.nodes.get(index(root)) {
            Some(node) if node.label.length > 0 => 0,
            Some(Node { under: List(Span { length: List::ALONE, .. }), .. }) => 1,
            Some(node) => index(node.under.0.length),
            None => 0,
        }
    }
}

impl List {
    const ALONE: u32 = u32::MAX;
}

/// The lists met on the way down.
#[derive(Default)]
struct Met {
    lists: [List; 16],
    count: usize,
}

// === impl Met ===

impl Met {
    /// Keeps a list that is not empty, or gives it back if there is no room.
    fn push(&mut self, list: List) -> Option<List> {
        if list.0.length == 0 {
            return None;
        }
        let Some(free) = self.lists.get_mut(self.count) else {
            return Some(list);
        };
        *free = list;
        self.count += 1;
        None
    }

    fn deepest_first(&self) -> impl Iterator<Item = List> {
        self.lists.iter().take(self.count).rev().copied()
    }
}

fn slice<T>(array: &[T], span: Span) -> &[T] {
    let start = index(span.start);
    array.get(start..start + index(span.length)).unwrap_or_default()
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Arrays of more than four billion elements do not fit into memory.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
