//! From branches with their places to the trees.

use super::{Candidate, List, Node, Span, Trie, index, short};
use crate::table::split::{Place, Test};

/// Branches with their places, to be made into a [`Trie`].
pub(in crate::table) struct Builder<'r, M> {
    items: Vec<Item<'r>>,
    tests: Vec<Test<M>>,
}

#[derive(Clone, Copy)]
struct Item<'r> {
    root: u32,
    place: Place<'r>,
    candidate: Candidate,
}

/// Items that share a node, and how many bytes of their paths lie before its label.
struct Group<'i, 'r> {
    node: usize,
    items: &'i [Item<'r>],
    depth: usize,
}

// === impl Builder ===

impl<M> Default for Builder<'_, M> {
    fn default() -> Self {
        Self { items: Vec::new(), tests: Vec::new() }
    }
}

impl<'r, M> Builder<'r, M> {
    pub(in crate::table) fn insert(&mut self, root: u32, place: Place<'r>, entry: u32, tests: Vec<Test<M>>) {
        let span = Span { start: short(self.tests.len()), length: short(tests.len()) };
        self.tests.extend(tests);
        self.items.push(Item { root, place, candidate: Candidate { entry, tests: span } });
    }

    pub(in crate::table) fn build(mut self, roots: u32) -> Trie<M> {
        // Along each path an end comes before what goes on, and entries come in their order.
        self.items.sort_unstable_by(|a, b| {
            let key = |item: &Item<'r>| (item.root, item.path(), item.place, item.candidate.entry);
            key(a).cmp(&key(b))
        });
        let mut trie = Trie {
            nodes: vec![Node::default(); index(roots)],
            bytes: Vec::new(),
            candidates: Vec::new(),
            tests: self.tests,
        };
        for items in self.items.chunk_by(|a, b| a.root == b.root) {
            let root = items.first().map_or(0, |item| index(item.root));
            // A stack and not a queue, to keep subtrees together.
            let mut groups = vec![Group { node: root, items, depth: 0 }];
            while let Some(group) = groups.pop() {
                trie.grow(&group, &mut groups);
            }
        }
        trie
    }
}

impl<M> Trie<M> {
    /// Makes the node of a group, and a group for each child.
    fn grow<'i, 'r>(&mut self, group: &Group<'i, 'r>, groups: &mut Vec<Group<'i, 'r>>) {
        let (Some(first), Some(last)) = (group.items.first(), group.items.last()) else {
            return;
        };
        // Sorted, so what the first and the last share, all do.
        let shared = first.path().iter().zip(last.path()).take_while(|(a, b)| a == b).count();
        let label = first.path().get(group.depth..shared).unwrap_or_default();
        let label_span = Span { start: short(self.bytes.len()), length: short(label.len()) };
        self.bytes.extend_from_slice(label);

        let end = group.items.partition_point(|item| item.path().len() == shared);
        let (here, longer) = group.items.split_at_checked(end).unwrap_or_default();
        let under = self.list(here.iter().filter(|item| matches!(item.place, Place::Under(_))));
        let at = self.list(here.iter().filter(|item| matches!(item.place, Place::At(_))));

        let first_child = self.nodes.len();
        for items in longer.chunk_by(|a, b| a.path().get(shared) == b.path().get(shared)) {
            let byte = items.first().and_then(|item| item.path().get(shared)).copied();
            groups.push(Group { node: self.nodes.len(), items, depth: shared + 1 });
            self.bytes.push(byte.unwrap_or_default());
            self.nodes.push(Node::default());
        }
        let children = Span { start: short(first_child), length: short(self.nodes.len() - first_child) };
        if let Some(node) = self.nodes.get_mut(group.node) {
            *node = Node { label: label_span, children, at, under };
        }
    }

    fn list<'i, 'r: 'i>(&mut self, items: impl Iterator<Item = &'i Item<'r>>) -> List {
        let start = self.candidates.len();
        for Item { candidate, .. } in items {
            self.candidates.push(*candidate);
            // Whatever stands behind an entry without a test is never reached.
            if candidate.tests.length == 0 {
                break;
            }
        }
        match self.candidates.get(start..) {
            Some([Candidate { entry, tests: Span { length: 0, .. } }]) => {
                let alone = List(Span { start: *entry, length: List::ALONE });
                self.candidates.truncate(start);
                alone
            }
            _ => List(Span { start: short(start), length: short(self.candidates.len() - start) }),
        }
    }
}

// === impl Item ===

impl<'r> Item<'r> {
    fn path(&self) -> &'r [u8] {
        match self.place {
            Place::At(path) | Place::Under(path) => path.as_bytes(),
        }
    }
}
