//! Room for connections: one limit for the process, because descriptors are what there is too little of. The last places
//! are for the entry point that answers probes: an instance that is merely full is not to be taken for a dead one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many places are kept.
const KEPT: usize = 16;
/// How often it is said that there is none.
const WARNING: Duration = Duration::from_secs(60);

/// The places of the process.
#[derive(Debug)]
pub struct Places {
    taken: Arc<AtomicUsize>,
    limit: usize,
    started: Instant,
    /// When the next warning may come, in milliseconds since the start.
    next_warning: AtomicU64,
}

impl Places {
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let started = Instant::now();
        Self { taken: Arc::default(), limit, started, next_warning: AtomicU64::new(0) }
    }

    /// Is there room for one more? `probes`: on the entry point that answers probes.
    pub(crate) fn have_room(&self, probes: bool) -> bool {
        let kept = if probes { 0 } else { KEPT };
        self.taken.load(Ordering::Relaxed) < self.limit.saturating_sub(kept)
    }

    pub(crate) fn taken(&self) -> &Arc<AtomicUsize> {
        &self.taken
    }

    /// Says that a connection was refused, unless that was said a moment ago.
    pub(crate) fn warn(&self, entry_point: &str) {
        if self.may_warn(self.started.elapsed()) {
            tracing::warn!(entry_point, limit = self.limit, "connections refused, too many are open");
        }
    }

    fn may_warn(&self, now: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let next = self.next_warning.load(Ordering::Relaxed);
        let then = millis(now + WARNING);
        // Whoever of several workers comes first says it.
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        millis(now) >= next && self.next_warning.compare_exchange(next, then, success, failure).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchange::connection::Open;

    use super::{KEPT, Places};

    #[test]
    fn the_last_places_are_for_probes() {
        let places = Places::new(KEPT + 2);
        let counter = std::sync::Arc::default();
        let mut open = Vec::new();
        while places.have_room(false) {
            open.push(Open::count(&counter).among(places.taken()));
        }
        assert_eq!(open.len(), 2);
        while places.have_room(true) {
            open.push(Open::count(&counter).among(places.taken()));
        }
        assert_eq!(open.len(), KEPT + 2);
        open.truncate(1);
        assert!(places.have_room(false));
    }

    #[test]
    fn one_warning_a_minute() {
        let places = Places::new(1);
        let at = |seconds| places.may_warn(Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(59), at(60), at(61), at(200)], [true, false, false, true, false, true]);
    }
}
