//! "Look again": a message of which at most one is waiting, however often it is raised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ractor::{ActorRef, Message};

/// Raises one kind of message at one actor.
pub(crate) struct Look<M> {
    actor: ActorRef<M>,
    is_waiting: Arc<AtomicBool>,
    make: fn() -> M,
}

/// The receiving end's half.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<AtomicBool>);

impl<M: Message> Look<M> {
    pub(crate) fn new(actor: ActorRef<M>, seen: &Seen, make: fn() -> M) -> Self {
        Self { actor, is_waiting: Arc::clone(&seen.0), make }
    }

    /// False when the actor is gone.
    pub(crate) fn raise(&self) -> bool {
        if self.is_waiting.swap(true, Ordering::AcqRel) {
            return true;
        }
        self.actor.cast((self.make)()).is_ok()
    }
}

impl Seen {
    /// Called before looking: what is raised from now on comes again.
    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }
}
