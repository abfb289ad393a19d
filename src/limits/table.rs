//! One number for each of many keys, in memory of a fixed size.
//!
//! Keys are kept as 64-bit fingerprints of a hash with a secret, in sets of sixteen slots. The number is a time until
//! which it means something: a slot whose time has passed is free. When a set is full, the slot whose time is
//! nearest gives way, so that many sources seen once cannot push out the few that are over their limit.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A number for each key; a key that is not there has 0.
pub struct Table {
    hasher: ahash::RandomState,
    shards: Box<[Mutex<Vec<Slot>>]>,
    sets: usize,
}

/// Fingerprint and number. Plain integers, so that fresh memory is not touched before it is needed.
type Slot = [u64; 2];

/// So many locks that workers rarely meet at one.
const SHARDS: usize = 64;
/// Slots that a key may be in: 256 bytes, four cache lines.
const WAYS: usize = 16;

// === impl Table ===

impl Table {
    /// A table for about so many keys. Twice the slots, since keys do not spread evenly over the sets.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        let sets = keys.saturating_mul(2).div_ceil(SHARDS * WAYS).next_power_of_two();
        Self {
            hasher: ahash::RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            sets,
        }
    }

    /// Reads a key's number and, when `change` gives another, writes it.
    pub fn update<T>(
        &self,
        key: &(impl Hash + ?Sized),
        now: u64,
        change: impl FnOnce(u64) -> (T, Option<u64>),
    ) -> T {
        // Zero marks a slot that was never used.
        let fingerprint = self.hasher.hash_one(key).max(1);
        let (shard, set) = self.place(fingerprint);
        let Some(shard) = self.shards.get(shard) else {
            return change(0).0;
        };
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.is_empty() {
            *slots = vec![[0, 0]; self.sets * WAYS];
        }
        let set = slots.get_mut(set * WAYS..).unwrap_or_default();
        let Some(slot) = choose(set.iter_mut().take(WAYS), fingerprint, now) else {
            return change(0).0;
        };
        let [holder, number] = *slot;
        let (outcome, new) = change(if holder == fingerprint { number } else { 0 });
        if let Some(new) = new {
            *slot = [fingerprint, new];
        }
        outcome
    }

    fn place(&self, fingerprint: u64) -> (usize, usize) {
        let low = usize::try_from(fingerprint & 0xFFFF_FFFF).unwrap_or(0);
        let high = usize::try_from(fingerprint >> 32).unwrap_or(0);
        (high % SHARDS, low % self.sets)
    }
}

/// The key's own slot, else the one that is missed least: unused ones have number 0.
fn choose<'a>(set: impl Iterator<Item = &'a mut Slot>, fingerprint: u64, now: u64) -> Option<&'a mut Slot> {
    let mut best: Option<&mut Slot> = None;
    for slot in set {
        let [holder, number] = *slot;
        if holder == fingerprint {
            return Some(slot);
        }
        let held = if number <= now { 0 } else { number };
        let better = best.as_ref().is_none_or(|best| {
            let [_, number] = **best;
            held < number && number > now
        });
        if better {
            best = Some(slot);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(table: &Table, key: &str, number: u64, now: u64) -> u64 {
        table.update(key, now, |old| (old, Some(number)))
    }

    fn get(table: &Table, key: &str) -> u64 {
        table.update(key, 0, |old| (old, None))
    }

    #[test]
    fn keeps_a_number_for_each_key() {
        let table = Table::new(1000);
        assert_eq!(put(&table, "a", 5, 0), 0);
        assert_eq!(put(&table, "b", 6, 0), 0);
        assert_eq!(put(&table, "a", 7, 0), 5);
        assert_eq!((get(&table, "a"), get(&table, "b"), get(&table, "c")), (7, 6, 0));
    }

    #[test]
    fn holds_as_many_keys_as_it_was_made_for() {
        let table = Table::new(10_000);
        for n in 0..10_000 {
            put(&table, &n.to_string(), n + 100, 0);
        }
        let lost = (0..10_000).filter(|n| get(&table, &n.to_string()) != n + 100).count();
        assert!(lost < 200, "{lost} of 10000 were lost");
    }

    #[test]
    fn a_crowd_does_not_push_out_who_is_furthest_ahead() {
        let table = Table::new(SHARDS * WAYS);
        put(&table, "heavy", 1_000_000, 0);
        for n in 0..100_000 {
            put(&table, &n.to_string(), 100, 0);
        }
        assert_eq!(get(&table, "heavy"), 1_000_000);
    }

    #[test]
    fn what_has_passed_gives_way_first() {
        let mut set = [[1, 50], [2, 10], [3, 90]];
        assert_eq!(choose(set.iter_mut(), 9, 20).map(|s| s[0]), Some(2));
        assert_eq!(choose(set.iter_mut(), 9, 0).map(|s| s[0]), Some(2));
        assert_eq!(choose(set.iter_mut(), 3, 0).map(|s| s[0]), Some(3));
        let mut set = [[1, 50], [2, 40], [0, 0]];
        assert_eq!(choose(set.iter_mut(), 9, 0).map(|s| s[0]), Some(0));
    }

    #[test]
    fn does_not_grow() {
        let table = Table::new(100);
        for n in 0..100_000_u32 {
            put(&table, &n.to_string(), 1, 0);
        }
        let slots: usize = table.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert_eq!(slots, SHARDS * WAYS);
    }
}
