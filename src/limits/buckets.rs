//! One limit for all its sources: a token bucket each.

use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::{Gcra, Table, Verdict};

/// The buckets of one limit.
pub struct Buckets {
    rate: Gcra,
    patience: Duration,
    arrivals: Table,
    started: Instant,
}

/// Traefik keeps as many sources for each limit.
const SOURCES: usize = 65_536;

// === impl Buckets ===

impl Buckets {
    /// `patience` is how long a request may be made to wait for its token.
    #[must_use]
    pub fn new(rate: Gcra, patience: Duration, started: Instant) -> Self {
        Self { rate, patience, arrivals: Table::new(SOURCES), started }
    }

    /// Takes one token of the source's bucket. `patient`: may the request wait for it?
    pub fn take(&self, source: &(impl Hash + ?Sized), now: Instant, patient: bool) -> Verdict {
        let elapsed = now.saturating_duration_since(self.started).as_nanos();
        let now = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let patience = if patient { self.patience } else { Duration::ZERO };
        self.arrivals.update(source, now, |arrival| self.rate.take(arrival, now, patience))
    }

    /// The same limit with full buckets.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::new(self.rate, self.patience, self.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    fn buckets(average: u64, burst: u64, patience: Duration, started: Instant) -> Buckets {
        let rate = Gcra::new(
            NonZeroU64::new(average).unwrap(),
            Duration::from_secs(1),
            NonZeroU64::new(burst).unwrap(),
        );
        Buckets::new(rate, patience, started)
    }

    #[test]
    fn sources_do_not_share() {
        let now = Instant::now();
        let buckets = buckets(1, 1, Duration::ZERO, now);
        assert_eq!(buckets.take("a", now, true), Verdict::Pass);
        assert_eq!(buckets.take("b", now, true), Verdict::Pass);
        assert!(matches!(buckets.take("a", now, true), Verdict::Refuse { .. }));
    }

    #[test]
    fn a_pause_shorter_than_the_refill_does_not_refill() {
        let start = Instant::now();
        let buckets = buckets(1, 100, Duration::ZERO, start);
        let passed = |at: Instant| (0..200).filter(|_| buckets.take("a", at, true) == Verdict::Pass).count();
        assert_eq!(passed(start), 100);
        assert_eq!(passed(start + Duration::from_secs(2)), 2);
    }

    #[test]
    fn a_fresh_one_shares_nothing() {
        let now = Instant::now();
        let buckets = buckets(1, 1, Duration::ZERO, now);
        let other = buckets.fresh();
        assert_eq!(buckets.take("a", now, true), Verdict::Pass);
        assert_eq!(other.take("a", now, true), Verdict::Pass);
        assert!(matches!(other.take("a", now, true), Verdict::Refuse { .. }));
    }

    #[test]
    fn the_impatient_are_refused_instead_of_held() {
        let now = Instant::now();
        let buckets = buckets(1, 1, Duration::from_secs(2), now);
        assert_eq!(buckets.take("a", now, true), Verdict::Pass);
        let second = Duration::from_secs(1);
        assert_eq!(buckets.take("a", now, false), Verdict::Refuse { retry_after: second });
        assert_eq!(buckets.take("a", now, true), Verdict::Wait(second));
    }
}
