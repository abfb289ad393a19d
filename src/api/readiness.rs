//! Whether the gateway lives and is ready: a few atomics that probes read on the worker that is asked.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What probes ask. Written by the root as the program starts and ends.
#[derive(Default)]
pub struct Readiness {
    listeners_bound: AtomicBool,
    complete: AtomicBool,
    draining: AtomicBool,
    beat: OnceLock<Beat>,
}

/// How long ago the slowest worker showed that it lives.
type Beat = Box<dyn Fn() -> Duration + Send + Sync>;

/// What keeps the gateway from being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// An address is not bound yet.
    Binding,
    /// The first configuration of some provider is missing.
    Starting,
    Draining,
}

/// A worker that has not shown itself for so long is stuck.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);

impl Readiness {
    /// All entry points have their sockets.
    pub fn listeners_are_bound(&self) {
        self.listeners_bound.store(true, Ordering::Release);
    }

    /// Every provider has delivered, or a last good configuration has been loaded.
    pub fn configuration_is_complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// The gateway is about to end: it still answers, but wants no more.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Where the workers' sign of life comes from. The first one given stays.
    pub fn watch_workers(&self, slowest_beat: impl Fn() -> Duration + Send + Sync + 'static) {
        let _ = self.beat.set(Box::new(slowest_beat));
    }

    /// # Errors
    /// What is missing.
    pub fn check(&self) -> Result<(), Unready> {
        if self.is_draining() {
            Err(Unready::Draining)
        } else if !self.listeners_bound.load(Ordering::Acquire) {
            Err(Unready::Binding)
        } else if !self.complete.load(Ordering::Acquire) {
            Err(Unready::Starting)
        } else {
            Ok(())
        }
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Do the workers live? Said to be so while nobody watches them.
    pub fn is_alive(&self) -> bool {
        self.beat.get().is_none_or(|slowest_beat| slowest_beat() <= LONGEST_SILENCE)
    }
}

impl Unready {
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Binding => "not every address is bound yet",
            Self::Starting => "the first configuration is not in yet",
            Self::Draining => "the gateway is draining",
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("check", &self.check()).finish_non_exhaustive()
    }
}
