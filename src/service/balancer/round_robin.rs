//! Weighted round robin: each candidate gets its share, interleaved as evenly as the weights allow.
//!
//! The order of one round is worked out when the service is built (earliest deadline first, as Traefik's `wrr`),
//! so a choice is one atomic step and one look-up, the same for all workers together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most steps a round may have. Weights beyond it are scaled down; the error is below one in a thousand.
const ROUND_LIMIT: u64 = 8192;

/// A position that all workers share, and the order of a round.
#[derive(Debug)]
pub struct RoundRobin {
    /// Indexes of candidates.
    order: Box<[u32]>,
    next: AtomicUsize,
}

impl RoundRobin {
    /// Candidates are the positions of `weights`; a weight below one takes its candidate out.
    #[must_use]
    pub fn new(weights: &[i64]) -> Self {
        Self { order: order(weights).into_boxed_slice(), next: AtomicUsize::new(0) }
    }

    /// Goes on where another left off, so that reloads do not favour the first candidate.
    pub fn resume(&self, previous: &Self) {
        self.next.store(previous.next.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The next candidate that may serve, or none.
    pub fn choose(&self, may_serve: impl Fn(usize) -> bool) -> Option<usize> {
        if self.order.is_empty() {
            return None;
        }
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        (0..self.order.len()).find_map(|step| {
            let position = start.wrapping_add(step) % self.order.len();
            let candidate = *self.order.get(position)? as usize;
            may_serve(candidate).then_some(candidate)
        })
    }
}

/// Earliest deadline first: whoever has the smallest deadline is next, and its deadline grows by 1/weight.
fn order(weights: &[i64]) -> Vec<u32> {
    let weights = scaled(weights);
    let round: u64 = weights.iter().sum();
    let mut taken = vec![0_u64; weights.len()];
    let mut order = Vec::with_capacity(usize::try_from(round).unwrap_or(0));
    for _ in 0..round {
        // The deadline of a candidate is (taken + 1) / weight; compared without division.
        let next = (0..weights.len()).filter(|&i| weight(&weights, i) > 0).min_by(|&a, &b| {
            let left = u128::from(weight(&taken, a) + 1) * u128::from(weight(&weights, b));
            let right = u128::from(weight(&taken, b) + 1) * u128::from(weight(&weights, a));
            // Of equal deadlines the one that has waited longer, as in Traefik: the lighter one.
            left.cmp(&right).then_with(|| weight(&weights, a).cmp(&weight(&weights, b)))
        });
        let Some(next) = next else { break };
        if let Some(count) = taken.get_mut(next) {
            *count += 1;
        }
        order.push(u32::try_from(next).unwrap_or(u32::MAX));
    }
    order
}

fn weight(of: &[u64], index: usize) -> u64 {
    of.get(index).copied().unwrap_or(0)
}

/// Weights in lowest terms, scaled down where a round would be too long.
fn scaled(weights: &[i64]) -> Vec<u64> {
    let weights: Vec<u64> = weights.iter().map(|&w| u64::try_from(w).unwrap_or(0)).collect();
    let divisor = weights.iter().copied().filter(|&w| w > 0).fold(0, gcd).max(1);
    let reduced: Vec<u64> = weights.iter().map(|w| w / divisor).collect();
    let sum: u128 = reduced.iter().map(|&w| u128::from(w)).sum();
    if sum <= u128::from(ROUND_LIMIT) {
        return reduced;
    }
    let scale = |w: u64| u64::try_from(u128::from(w) * u128::from(ROUND_LIMIT) / sum).unwrap_or(ROUND_LIMIT);
    reduced.iter().map(|&w| if w == 0 { 0 } else { scale(w).max(1) }).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::RoundRobin;

    fn check(weights: &[i64], wanted: &[usize]) {
        let balancer = RoundRobin::new(weights);
        let got: Vec<usize> = wanted.iter().filter_map(|_| balancer.choose(|_| true)).collect();
        assert_eq!(got, wanted, "{weights:?}");
    }

    #[test]
    fn equal_weights_take_turns() {
        check(&[1, 1, 1], &[0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn three_to_one_is_interleaved() {
        check(&[3, 1], &[0, 0, 1, 0, 0, 0, 1, 0]);
        check(&[2, 1], &[0, 1, 0, 0, 1, 0]);
        // Traefik's own test of its balancer.
        check(&[11, 3], &[0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn zero_and_negative_weights_are_out() {
        check(&[0, 1, -5], &[1, 1]);
    }

    #[test]
    fn nothing_to_choose_from() {
        assert_eq!(RoundRobin::new(&[]).choose(|_| true), None);
        assert_eq!(RoundRobin::new(&[0]).choose(|_| true), None);
        assert_eq!(RoundRobin::new(&[1, 1]).choose(|_| false), None);
    }

    #[test]
    fn skips_those_that_may_not_serve() {
        let balancer = RoundRobin::new(&[1, 1]);
        for _ in 0..4 {
            assert_eq!(balancer.choose(|i| i == 1), Some(1));
        }
    }

    #[test]
    fn huge_weights_keep_their_ratio() {
        let balancer = RoundRobin::new(&[3_000_000_019, 1_000_000_007]);
        let first = (0..8000).filter(|_| balancer.choose(|_| true) == Some(0)).count();
        assert!((5990..=6010).contains(&first), "{first}");
    }
}
