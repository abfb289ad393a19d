//! `headerLabels`: labels whose values are a request's headers.
//!
//! What a client sends becomes a label here and nowhere else, so the combinations of values have a limit. They are
//! kept for as long as the process lives, in a table that workers read and fill without a lock. An exchange
//! carries the number of its combination.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use document::Problem;
use http::header::HOST;
use http::{HeaderMap, HeaderName};

/// The labels, and all values that they have had.
#[derive(Debug)]
pub(crate) struct HeaderLabels {
    labels: Box<[Label]>,
    /// An open hash table that only grows: what is in it stays in its place.
    slots: Box<[OnceLock<Values>]>,
    /// Combinations that are in the table, or about to be.
    taken: AtomicUsize,
    is_full: AtomicBool,
    hasher: ahash::RandomState,
}

#[derive(Debug)]
struct Label {
    name: Box<str>,
    /// `None`: a name that no request's header has.
    header: Option<HeaderName>,
}

/// One for each label, in their order.
type Values = Box<[Box<str>]>;

/// Combinations that are told apart. Each costs a series for every owner, method, status and worker that it meets.
pub(crate) const MOST: usize = 1_000;
/// Twice the limit, so that a free slot is never far; a power of two.
const SLOTS: usize = 2_048;
/// Bytes of a value that are kept.
const LONGEST: usize = 128;

/// All values are empty. Also the number of an exchange that was refused before its headers were settled.
pub(crate) const EMPTY: u16 = 0;
/// The number of all combinations for which there was no room.
const OTHER: u16 = u16::MAX;
const OTHER_VALUE: &str = "other";

/// Labels of ours that stand beside them, at one level or another.
const OURS: [&str; 8] =
    ["code", "method", "protocol", "entrypoint", "router", "service", "tls_version", "tls_cipher"];

// === impl HeaderLabels ===

impl HeaderLabels {
    /// `None`: there are none.
    pub(crate) fn new(config: &BTreeMap<String, String>) -> Option<Self> {
        let label = |(name, header): (&String, &String)| Label {
            name: name.as_str().into(),
            header: readable(header),
        };
        (!config.is_empty()).then(|| Self {
            labels: config.iter().map(label).collect(),
            slots: (0..SLOTS).map(|_| OnceLock::new()).collect(),
            taken: AtomicUsize::new(0),
            is_full: AtomicBool::new(false),
            hasher: ahash::RandomState::new(),
        })
    }

    /// The number of the values that a request's headers have.
    pub(crate) fn number(&self, headers: &HeaderMap) -> u16 {
        let values: Vec<Cow<'_, str>> = self.labels.iter().map(|label| label.value(headers)).collect();
        if values.iter().all(|value| value.is_empty()) {
            return EMPTY;
        }
        // Truncated or not: any bits of the hash will do.
        let start = self.hasher.hash_one(&values) as usize;
        for step in 0..SLOTS {
            let place = start.wrapping_add(step) % SLOTS;
            let Some(slot) = self.slots.get(place) else { break };
            if slot.get().is_none() {
                if !self.take() {
                    break;
                }
                // Should another worker be about to fill it, this waits for a move of three words.
                if slot.set(values.iter().map(|value| (**value).into()).collect()).is_err() {
                    self.taken.fetch_sub(1, Ordering::Relaxed);
                }
            }
            if slot.get().is_some_and(|known| known.iter().map(|v| &**v).eq(values.iter().map(|v| &**v))) {
                return u16::try_from(place + 1).unwrap_or(OTHER);
            }
        }
        OTHER
    }

    /// Room for one more combination?
    fn take(&self) -> bool {
        let more = |taken| (taken < MOST).then_some(taken + 1);
        let has_room = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !has_room && !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(limit = MOST, "header labels have too many values, new ones count as `other`");
        }
        has_room
    }

    /// The labels' names, in the order of their values.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|label| &*label.name)
    }

    /// The values that have this number.
    pub(crate) fn values(&self, number: u16) -> Vec<&str> {
        let known = usize::from(number).checked_sub(1).and_then(|place| self.slots.get(place)?.get());
        match known {
            Some(values) => values.iter().map(|value| &**value).collect(),
            None if number == EMPTY => vec![""; self.labels.len()],
            None => vec![OTHER_VALUE; self.labels.len()],
        }
    }
}

impl Label {
    /// The first value, as Traefik reads it; empty where there is none.
    fn value<'a>(&self, headers: &'a HeaderMap) -> Cow<'a, str> {
        let value = self.header.as_ref().and_then(|name| headers.get(name));
        value.map_or(Cow::Borrowed(""), |value| text(value.as_bytes()))
    }
}

/// A header as a rule can read it: the host is none, though HTTP/1 carries it as one.
fn readable(name: &str) -> Option<HeaderName> {
    name.parse::<HeaderName>().ok().filter(|name| *name != HOST)
}

/// A value as a label has it: UTF-8, and not too long.
fn text(value: &[u8]) -> Cow<'_, str> {
    // One character more, so that none is torn that is kept.
    let value = value.get(..LONGEST + 4).unwrap_or(value);
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(&text).to_owned()),
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

// === checks ===

/// Everything that is wrong with them. Key paths begin below `metrics.prometheus`.
pub(crate) fn check(config: &BTreeMap<String, String>) -> impl Iterator<Item = Problem> {
    config.iter().filter_map(|(label, header)| {
        let path = format!("headerLabels.{label}");
        if !is_label(label) {
            let message = format_args!("`{label}` is no label name").to_string();
            let hint = "letters, digits and `_`, not a digit first, and not `__`";
            return Some(Problem::field(path, message).hint(hint));
        }
        if OURS.contains(&label.as_str()) {
            let message = format_args!("the metrics have a label `{label}` already").to_string();
            return Some(Problem::field(path, message));
        }
        if readable(header).is_none() {
            let message =
                format_args!("`{header}` is no header of a request: the label is always empty").to_string();
            return Some(Problem::warning("without_effect", message).with_path(path));
        }
        None
    })
}

/// Prometheus' grammar; names that begin with `__` are its own.
fn is_label(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with("__")
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
