//! A drain, as the connections of one worker see it: a flag they read and a bell that wakes those that wait.

use std::cell::{Cell, RefCell};
use std::task::{Poll, Waker};
use std::time::Duration;

use ahash::AHashMap;
use tokio::sync::watch;

/// How long a connection that was in use may take, once a drain has begun, to send what its client had no reason to
/// hold back; the answer says that it is the last. Closed at once, it would lose the request that is on its way.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// The phases of an entry point's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Serving,
    /// `requestAcceptGraceTimeout`: still accepting, while load balancers learn of the drain.
    Leaving,
    /// No new connection; the open ones end after their exchange.
    Draining,
    /// Time is up: the open ones end now.
    Cut,
}

/// Waits for a phase.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone means that the process ends.
    let _gone = phase.wait_for(|phase| *phase >= wanted).await;
}

/// One worker's view of one entry point's drain.
#[derive(Debug, Default)]
pub(crate) struct Local {
    leaving: Cell<bool>,
    draining: Cell<bool>,
    cut: Cell<bool>,
    next: Cell<u64>,
    waiting: RefCell<AHashMap<u64, Waker>>,
}

/// A connection's place in the list of those that are woken; it leaves the list when dropped.
pub(crate) struct Seat {
    list: std::rc::Rc<Local>,
    number: u64,
    taken: Cell<bool>,
}

impl Local {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Is each response to be its connection's last?
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    /// Is every connection to end as it is?
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// From now on each response is its connection's last, so that clients go elsewhere.
    pub(crate) fn leave(&self) {
        self.leaving.set(true);
    }

    /// Tells every connection.
    pub(crate) fn begin(&self) {
        self.leaving.set(true);
        self.draining.set(true);
        self.waiting.borrow().values().for_each(Waker::wake_by_ref);
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.cut.set(true);
        self.begin();
    }
}

impl Seat {
    pub(crate) fn take(list: &std::rc::Rc<Local>) -> Self {
        let number = list.next.get();
        list.next.set(number.wrapping_add(1));
        Self { list: std::rc::Rc::clone(list), number, taken: Cell::new(false) }
    }

    /// Asks to be woken, with the waker of the connection's task, which is the same one all its life.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        if !self.taken.replace(true) {
            self.list.waiting.borrow_mut().insert(self.number, waker.clone());
        }
    }

    /// Waits for the drain to begin.
    pub(crate) async fn rung(&self) {
        std::future::poll_fn(|task| {
            self.wake_with(task.waker());
            if self.list.is_draining() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.list.waiting.borrow_mut().remove(&self.number);
    }
}
