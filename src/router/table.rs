//! Many rules as one index: host → the longest way down a radix tree of paths → what is left to test.
//!
//! A rule becomes branches (`split`), each under the one host and the one beginning of the path that it cannot match
//! without, in a tree (`trie`) for each host. `find` looks where the host and the path of the view lead, and of the
//! branches whose remaining tests hold takes the one whose entry ranks highest.

mod split;
mod trie;

use std::cmp::Reverse;
use std::collections::HashMap;

use ahash::RandomState;

use crate::host::{HostPattern, parent, undotted};
use crate::http::HttpMatcher;
use crate::rule::{Matcher, Rule};
use crate::tcp::TcpMatcher;
use trie::{Builder, Trie};

/// HTTP rules by rank.
pub type Table<T> = Index<HttpMatcher, T>;

/// TCP rules by rank.
pub type TcpTable<T> = Index<TcpMatcher, T>;

/// One rule and what it leads to.
#[derive(Clone, Debug)]
pub struct Entry<M, T> {
    pub rule: Rule<M>,
    pub rank: Rank,
    pub value: T,
}

/// Where an entry stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// The higher goes first.
    pub priority: i64,
    /// Among equal priorities, the lower goes first; what it counts is the caller's.
    pub tie: u64,
}

/// Entries in their order, and where to look for the one that matches.
pub struct Index<M, T> {
    entries: Box<[Entry<M, T>]>,
    exact: HashMap<Box<str>, u32, RandomState>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, u32, RandomState>,
    trie: Trie<M>,
}

/// The tree of branches that name no host.
const ANY_HOST: u32 = 0;

// === impl Rank ===

impl Rank {
    pub const fn new(priority: i64, tie: u64) -> Self {
        Self { priority, tie }
    }

    /// The rank of an HTTP router: its priority or, if that is 0, the length of its rule in bytes as it was written.
    pub fn http(priority: i64, text: &str, tie: u64) -> Self {
        Self::new(if priority == 0 { length(text) } else { priority }, tie)
    }

    /// The same for a TCP router, but the default of ``HostSNI(`*`)`` is −1.
    pub fn tcp(priority: i64, rule: &Rule<TcpMatcher>, text: &str, tie: u64) -> Self {
        match priority {
            0 if rule.is_catch_all() => Self::new(-1, tie),
            _ => Self::http(priority, text, tie),
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

// === impl Index ===

impl<M: Matcher, T> Index<M, T> {
    /// Sorts and indexes. Entries of the same rank keep their order.
    pub fn build(mut entries: Vec<Entry<M, T>>) -> Self {
        entries.sort_by_key(|entry| (Reverse(entry.rank.priority), entry.rank.tie));
        let mut hosts =
            Hosts { exact: HashMap::default(), wildcard: HashMap::default(), count: ANY_HOST + 1 };
        let mut builder = Builder::default();
        // More than four billion entries do not fit into memory.
        for (entry, number) in entries.iter().zip(0_u32..) {
            for branch in split::branches(&entry.rule) {
                builder.insert(hosts.root(branch.host), branch.path, number, branch.tests);
            }
        }
        let Hosts { exact, wildcard, count } = hosts;
        let trie = builder.build(count);
        let own =
            |hosts: HashMap<&str, u32, RandomState>| hosts.into_iter().map(|(h, r)| (h.into(), r)).collect();
        let (exact, wildcard) = (own(exact), own(wildcard));
        Self { entries: entries.into(), exact, wildcard, trie }
    }

    /// The value of the highest entry whose rule holds.
    pub fn find(&self, view: &M::View<'_>) -> Option<&T> {
        self.find_entry(view).map(|entry| &entry.value)
    }

    /// As [`Index::find`], with its rule and rank.
    pub fn find_entry(&self, view: &M::View<'_>) -> Option<&Entry<M, T>> {
        let (host, path) = M::target(view);
        let host = undotted(host);
        let mut best = u32::MAX;
        if let Some(root) = self.exact.get(host) {
            self.trie.search(*root, path, view, &mut best);
        }
        if !self.wildcard.is_empty()
            && let Some(root) = parent(host).and_then(|parent| self.wildcard.get(parent))
        {
            self.trie.search(*root, path, view, &mut best);
        }
        self.trie.search(ANY_HOST, path, view, &mut best);
        self.entries.get(usize::try_from(best).ok()?)
    }

    /// All entries, the first to be asked first.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry<M, T>> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many branches are tested for each view, since they bind neither the host nor the path.
    pub fn unindexed(&self) -> usize {
        self.trie.unbound(ANY_HOST)
    }
}

impl<'t, M: Matcher, T> IntoIterator for &'t Index<M, T> {
    type Item = &'t Entry<M, T>;
    type IntoIter = std::slice::Iter<'t, Entry<M, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<M: Matcher, T> Default for Index<M, T> {
    fn default() -> Self {
        Self::build(Vec::new())
    }
}

/// The trees by host, while they are being filled.
struct Hosts<'r> {
    exact: HashMap<&'r str, u32, RandomState>,
    wildcard: HashMap<&'r str, u32, RandomState>,
    count: u32,
}

// === impl Hosts ===

impl<'r> Hosts<'r> {
    fn root(&mut self, host: Option<&'r HostPattern>) -> u32 {
        let (roots, name) = match host {
            None | Some(HostPattern::Any) => return ANY_HOST,
            Some(HostPattern::Exact(name)) => (&mut self.exact, &**name),
            Some(HostPattern::Wildcard(name)) => (&mut self.wildcard, name.get(2..).unwrap_or_default()),
        };
        let root = *roots.entry(name).or_insert(self.count);
        self.count = self.count.max(root + 1);
        root
    }
}

#[cfg(test)]
mod tests;
