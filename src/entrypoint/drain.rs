//! A drain, as the connections of one worker see it: a flag they read and a bell that wakes those that wait.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use ahash::AHashMap;

/// The phases of an entry point's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Serving,
    /// `requestAcceptGraceTimeout`: still accepting, while load balancers learn of the drain.
    Leaving,
    /// No new connection; the open ones end after their exchange.
    Draining,
}

/// One worker's view of one entry point's drain.
#[derive(Debug, Default)]
pub(crate) struct Local {
    leaving: Cell<bool>,
    draining: Cell<bool>,
    next: Cell<u64>,
    waiting: RefCell<AHashMap<u64, Waker>>,
}

/// A connection's place in the list of those that are woken; it leaves the list when dropped.
pub(crate) struct Seat {
    list: std::rc::Rc<Local>,
    number: u64,
}

impl Local {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Is each response to be its connection's last?
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    /// From now on each response is its connection's last, so that clients go elsewhere.
    pub(crate) fn leave(&self) {
        self.leaving.set(true);
    }

    /// Tells every connection.
    pub(crate) fn begin(&self) {
        self.leaving.set(true);
        self.draining.set(true);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for waker in waiting.into_values() {
            waker.wake();
        }
    }
}

impl Seat {
    pub(crate) fn take(list: &std::rc::Rc<Local>) -> Self {
        let number = list.next.get();
        list.next.set(number.wrapping_add(1));
        Self { list: std::rc::Rc::clone(list), number }
    }

    /// Asks to be woken, with the waker of the connection's task.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        self.list.waiting.borrow_mut().entry(self.number).or_insert_with(|| waker.clone());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.list.waiting.borrow_mut().remove(&self.number);
    }
}
