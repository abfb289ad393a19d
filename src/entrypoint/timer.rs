//! A connection's one timer. Polling a timer that has not fired registers the waker once more; a connection's is
//! always the same, so once is enough.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Fires at one moment, and again when it is set again.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Is the waker registered for the moment that is set?
    waits: bool,
}

impl Timer {
    pub(crate) fn at(moment: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(moment.into())), waits: false }
    }

    pub(crate) fn reset(&mut self, moment: Instant) {
        self.sleep.as_mut().reset(moment.into());
        self.waits = false;
    }

    /// Has its moment come? If not, the task is woken then. Always to be asked by the same task.
    pub(crate) fn has_fired(&mut self, task: &mut Context<'_>) -> bool {
        if self.waits && !self.sleep.is_elapsed() {
            return false;
        }
        // A task that has used up its turn is told to wait without being registered.
        let is_heard = tokio::task::coop::has_budget_remaining();
        let is_pending = self.sleep.as_mut().poll(task).is_pending();
        self.waits = is_pending && is_heard;
        !is_pending
    }
}
