//! When a restart is due: 100 ms, doubled each time up to 30 s, give or take a fifth; more than ten in a minute
//! and it is a minute each.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// After so long without a restart the next one counts as the first.
const HEALTHY: Duration = Duration::from_secs(60);
/// More restarts than this within a minute mark the actor as down.
const INTENSITY: usize = 10;

/// The restarts of one actor.
#[derive(Debug, Default)]
pub struct Backoff {
    recent: VecDeque<Instant>,
    step: u32,
    seed: u32,
}

impl Backoff {
    /// Notes a restart and says how long to wait for it.
    #[must_use = "the restart is to wait so long"]
    #[expect(clippy::should_implement_trait, reason = "it is no iterator: it never ends")]
    pub fn next(&mut self) -> Duration {
        self.next_at(Instant::now())
    }

    /// Has it been restarted too often of late?
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.recent.len() > INTENSITY
    }

    fn next_at(&mut self, now: Instant) -> Duration {
        if self.recent.back().is_none_or(|last| now.duration_since(*last) >= HEALTHY) {
            self.step = 0;
        }
        self.recent.retain(|at| now.duration_since(*at) < HEALTHY);
        self.recent.push_back(now);
        if self.is_down() {
            return HEALTHY;
        }
        let wait = FIRST.saturating_mul(1 << self.step.min(16)).min(LONGEST);
        self.step += 1;
        self.jittered(wait)
    }

    /// A fifth more or less, so that actors that fell together do not rise together.
    fn jittered(&mut self, wait: Duration) -> Duration {
        // A linear congruential step is chance enough for this.
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = f64::from(self.seed >> 8) / f64::from(1_u32 << 24);
        wait.mul_f64(0.8 + 0.4 * share)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Backoff;

    fn about(got: Duration, wanted: Duration) -> bool {
        got >= wanted.mul_f64(0.79) && got <= wanted.mul_f64(1.21)
    }

    #[test]
    fn doubles_and_starts_again_after_a_minute_of_health() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        for wanted in [100, 200, 400, 800] {
            assert!(about(backoff.next_at(now), Duration::from_millis(wanted)), "{wanted}");
        }
        assert!(about(backoff.next_at(now + Duration::from_secs(61)), Duration::from_millis(100)));
    }

    #[test]
    fn too_many_mark_it_as_down() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let waits: Vec<Duration> = (0..11).map(|_| backoff.next_at(now)).collect();
        assert!(backoff.is_down());
        assert_eq!(waits.last(), Some(&Duration::from_secs(60)));
    }
}
