//! A token bucket as the generic cell rate algorithm: one timestamp is all its state.
//!
//! With `T = period / average` between two tokens and `τ = burst · T`, the state is the theoretical arrival time:
//! when the bucket will be full again. Each request moves it by `T`; it may lie `τ` ahead of now. That admits what
//! a bucket of `burst` tokens refilled at `average / period` admits, and gives the time to wait for free.
//! Times are nanoseconds since a start that the caller chooses.

use std::num::NonZeroU64;
use std::time::Duration;

/// The rate of a bucket and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// `T`.
    interval: u64,
    /// `τ`.
    tolerance: u64,
}

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has its token.
    Pass,
    /// It has its token, which is its own only after this time.
    Wait(Duration),
    /// It has none, and would get one after this time if nobody else came.
    Refuse { retry_after: Duration },
}

/// So that sums of two such times cannot overflow: about 146 years.
const MOST: u64 = u64::MAX / 4;

// === impl Gcra ===

impl Gcra {
    /// `average` tokens in each `period`, `burst` of them at once.
    #[must_use]
    pub fn new(average: NonZeroU64, period: Duration, burst: NonZeroU64) -> Self {
        let average = u128::from(average.get());
        let rounded = (period.as_nanos() + average / 2) / average;
        let interval = u64::try_from(rounded).unwrap_or(MOST).clamp(1, MOST);
        Self { interval, tolerance: interval.saturating_mul(burst.get()).min(MOST) }
    }

    /// Asks for one token for a bucket in state `arrival`, and waits for it no longer than `patience`.
    /// The second value is the bucket's new state; `None` leaves it as it was.
    #[must_use]
    pub fn take(&self, arrival: u64, now: u64, patience: Duration) -> (Verdict, Option<u64>) {
        let next = arrival.max(now).saturating_add(self.interval);
        let wait = Duration::from_nanos(next.saturating_sub(now).saturating_sub(self.tolerance));
        if wait.is_zero() {
            (Verdict::Pass, Some(next))
        } else if wait <= patience {
            (Verdict::Wait(wait), Some(next))
        } else {
            (Verdict::Refuse { retry_after: wait }, None)
        }
    }

    /// The time between two tokens.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn gcra(average: u64, period: Duration, burst: u64) -> Gcra {
        Gcra::new(NonZeroU64::new(average).unwrap(), period, NonZeroU64::new(burst).unwrap())
    }

    #[test]
    fn a_full_bucket_gives_its_burst_at_once() {
        let gcra = gcra(1, Duration::from_secs(3600), 5);
        let mut arrival = 0;
        for _ in 0..5 {
            let (verdict, next) = gcra.take(arrival, SECOND, Duration::ZERO);
            assert_eq!(verdict, Verdict::Pass);
            arrival = next.unwrap();
        }
        let retry_after = Duration::from_secs(3600);
        assert_eq!(gcra.take(arrival, SECOND, Duration::ZERO), (Verdict::Refuse { retry_after }, None));
    }

    #[test]
    fn an_empty_bucket_is_waited_for_within_patience() {
        let gcra = gcra(1, Duration::from_secs(1), 1);
        let (_, arrival) = gcra.take(0, SECOND, Duration::ZERO);
        let later = SECOND + SECOND / 2;
        let half = Duration::from_millis(500);
        assert_eq!(gcra.take(arrival.unwrap(), later, half), (Verdict::Wait(half), Some(3 * SECOND)));
        assert_eq!(
            gcra.take(arrival.unwrap(), later - 1, half),
            (Verdict::Refuse { retry_after: half + Duration::from_nanos(1) }, None)
        );
    }

    #[test]
    fn extreme_settings_do_not_overflow() {
        let slow = gcra(1, Duration::MAX, u64::MAX);
        let (verdict, next) = slow.take(u64::MAX, 0, Duration::ZERO);
        assert!(matches!(verdict, Verdict::Refuse { .. }));
        assert_eq!(next, None);
        let fast = gcra(u64::MAX, Duration::from_nanos(1), 1);
        assert_eq!(fast.interval(), Duration::from_nanos(1));
    }

    /// A bucket as the textbook has it.
    struct Reference {
        tokens: f64,
        last: u64,
    }

    proptest! {
        #[test]
        fn admits_what_a_token_bucket_admits(
            average in 1_u64..1000, burst in 1_u64..50, gaps in prop::collection::vec(0_u64..3_000, 1..300)
        ) {
            let gcra = gcra(average, Duration::from_secs(1), burst);
            let interval = gcra.interval().as_nanos() as f64;
            let mut reference = Reference { tokens: burst as f64, last: SECOND };
            let (mut arrival, mut now) = (0, SECOND);
            for gap in gaps {
                now += gap * 1000 * 10;
                let refilled = reference.tokens + (now - reference.last) as f64 / interval;
                reference = Reference { tokens: refilled.min(burst as f64), last: now };
                let (verdict, next) = gcra.take(arrival, now, Duration::ZERO);
                // Within rounding of the reference's floats either answer is right.
                if (reference.tokens - 1.0).abs() > 1e-6 {
                    prop_assert_eq!(verdict == Verdict::Pass, reference.tokens >= 1.0);
                }
                if let Some(next) = next {
                    arrival = next;
                    reference.tokens -= 1.0;
                }
            }
        }
    }
}
