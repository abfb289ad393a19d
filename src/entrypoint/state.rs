//! Where a connection stands, in cells that its driver, its stream and its exchanges share.
//!
//! Deadlines are not timers: whoever changes the phase notes when; the driver's one timer looks at it when it fires.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use exchange::upgrade::Duplex;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::drain::Local;
use crate::settings::Settings;

/// The reason of an exchange that had no answer within `writeTimeout`.
pub(crate) const WRITE_TIMEOUT: &str = "write_timeout";

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct State {
    phase: Cell<Phase>,
    /// When the phase began.
    since: Cell<Instant>,
    opened: Instant,
    /// Exchanges whose response has not ended.
    in_flight: Cell<u32>,
    served: Cell<u64>,
    /// Is a request's body still being read?
    reads_body: Cell<bool>,
    /// The request's body took too long.
    body_expired: Cell<bool>,
    /// Did the last read find nothing more?
    pub(crate) read_dry: Cell<bool>,
    /// Is anything written that has not been flushed?
    pub(crate) unflushed: Cell<bool>,
    /// Was the connection used since this was last asked?
    touched: Cell<bool>,
    /// Woken when the body's time is up: whoever reads it need not be this connection's task.
    body_reader: RefCell<Option<Waker>>,
    /// Did the client send a body, or a head, that was not read to its end?
    unread: Cell<bool>,
    /// HTTP/1: is the answer still to be made?
    unanswered: Cell<bool>,
    /// What is left of a body that nobody wanted, until the answer is made.
    left: RefCell<Option<Incoming>>,
    /// HTTP/1: has `writeTimeout` passed?
    overdue: Cell<bool>,
    drain: Rc<Local>,
    /// HTTP/2: was a response said to be the last?
    parting: Cell<bool>,
    /// HTTP/2: exchanges have deadlines of their own.
    multiplexed: Cell<bool>,
    /// Was a `101` sent?
    upgraded: Cell<bool>,
    /// Who takes the stream after a `101`.
    upgrade: RefCell<Option<oneshot::Sender<Box<dyn Duplex>>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for a request.
    Idle,
    /// A request's head is being read.
    Head,
    /// At least one exchange is under way.
    Exchange,
}

/// What a deadline demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet; look again then.
    Later(Instant),
    /// No deadline runs.
    Never,
    /// Idle for too long: say goodbye.
    Idle,
    /// The client is too slow.
    Slow,
}

impl State {
    pub(crate) fn new(now: Instant, drain: Rc<Local>) -> Self {
        Self {
            phase: Cell::new(Phase::Head),
            since: Cell::new(now),
            opened: now,
            in_flight: Cell::new(0),
            served: Cell::new(0),
            reads_body: Cell::new(false),
            body_expired: Cell::new(false),
            body_reader: RefCell::new(None),
            unread: Cell::new(false),
            unanswered: Cell::new(false),
            left: RefCell::new(None),
            overdue: Cell::new(false),
            drain,
            parting: Cell::new(false),
            read_dry: Cell::new(false),
            unflushed: Cell::new(false),
            touched: Cell::new(true),
            multiplexed: Cell::new(false),
            upgraded: Cell::new(false),
            upgrade: RefCell::new(None),
        }
    }

    /// Bytes have come from the client.
    pub(crate) fn note_read(&self) {
        self.touched.set(true);
        if self.phase.get() == Phase::Idle && !self.multiplexed.get() {
            self.phase.set(Phase::Head);
            self.since.set(Instant::now());
        }
    }

    pub(crate) fn set_multiplexed(&self) {
        self.multiplexed.set(true);
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.get()
    }

    pub(crate) fn set_upgraded(&self) {
        self.upgraded.set(true);
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.get()
    }

    /// A request's head is complete. Gives back when its first byte came.
    pub(crate) fn begin(&self) -> Instant {
        // The head may have come together with the request before it.
        // Over HTTP/2 nothing tells when it began, and a connection may have waited long for its first stream.
        let in_head = self.phase.get() == Phase::Head && !self.multiplexed.get();
        let started = if in_head { self.since.get() } else { Instant::now() };
        self.phase.set(Phase::Exchange);
        self.since.set(started);
        self.unanswered.set(!self.multiplexed.get());
        // Whatever was left unread before this request has been read by now.
        self.unread.set(false);
        self.in_flight.set(self.in_flight.get() + 1);
        self.served.set(self.served.get() + 1);
        started
    }

    /// A response has ended, or was given up.
    pub(crate) fn end(&self, now: Instant) {
        let left = self.in_flight.get().saturating_sub(1);
        self.in_flight.set(left);
        self.touched.set(true);
        if left == 0 {
            self.phase.set(Phase::Idle);
            self.since.set(now);
        }
    }

    pub(crate) fn body_begins(&self) {
        self.reads_body.set(true);
    }

    pub(crate) fn body_ends(&self) {
        self.reads_body.set(false);
    }

    pub(crate) fn body_expired(&self) -> bool {
        self.body_expired.get()
    }

    /// Has whoever reads the body woken when its time is up.
    pub(crate) fn wake_reader(&self, waker: &Waker) {
        let mut reader = self.body_reader.borrow_mut();
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(waker)) {
            *reader = Some(waker.clone());
        }
    }

    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// Keeps what is left of a body that nobody wanted, where it may still be read before the answer is made.
    pub(crate) fn leave(&self, body: Incoming) {
        if self.unanswered.get() {
            *self.left.borrow_mut() = Some(body);
        }
    }

    pub(crate) fn take_left(&self) -> Option<Incoming> {
        self.left.borrow_mut().take()
    }

    /// The rest of the body has been read after all.
    pub(crate) fn catch_up(&self) {
        self.unread.set(false);
    }

    /// HTTP/1: the answer is made. Is there anything of the request that may never be read? Then hyper closes.
    pub(crate) fn answers_early(&self) -> bool {
        self.unanswered.set(false);
        self.unread.get() || self.reads_body.get()
    }

    /// HTTP/1: `writeTimeout` has passed.
    pub(crate) fn set_overdue(&self) {
        self.overdue.set(true);
    }

    /// Why the gateway itself breaks off an exchange that ends now.
    /// `is_overdue`: an HTTP/2 stream's own time is up.
    pub(crate) fn interruption(&self, is_answered: bool, is_overdue: bool) -> Option<&'static str> {
        match (is_overdue || self.overdue.get(), is_answered) {
            (true, true) => Some("body_cut_off"),
            (true, false) => Some(WRITE_TIMEOUT),
            (false, _) => self.drain.is_cut().then_some("shutdown"),
        }
    }

    /// May the client still be sending what nobody will read?
    pub(crate) fn is_unread(&self) -> bool {
        self.unread.get()
    }

    pub(crate) fn part(&self) {
        self.parting.set(true);
    }

    pub(crate) fn is_parting(&self) -> bool {
        self.parting.get()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.get() == 0 && self.phase.get() == Phase::Idle
    }

    /// Idle, nothing half read or half written, and untouched since the last time this was asked.
    pub(crate) fn may_park(&self) -> bool {
        let touched = self.touched.replace(false);
        !touched && self.is_idle() && self.read_dry.get() && !self.unflushed.get()
    }

    /// Must this response be the connection's last?
    pub(crate) fn is_last(&self, settings: &Settings) -> bool {
        let served = settings.keep_alive_max_requests;
        (served > 0 && self.served.get() >= served)
            || settings.keep_alive_max_time.is_some_and(|limit| self.opened.elapsed() >= limit)
    }

    /// What the deadlines say now.
    pub(crate) fn due(&self, settings: &Settings, now: Instant) -> Due {
        let since = self.since.get();
        match self.phase.get() {
            Phase::Idle => due(since, settings.idle_timeout, now, Due::Idle),
            Phase::Head => due(since, settings.read_timeout, now, Due::Slow),
            Phase::Exchange if self.multiplexed.get() => Due::Never,
            Phase::Exchange => {
                let write = due(since, settings.write_timeout, now, Due::Slow);
                if write == Due::Slow || !self.reads_body.get() || self.body_expired.get() {
                    return write;
                }
                match (due(since, settings.read_timeout, now, Due::Slow), write) {
                    (Due::Slow, _) => {
                        self.body_expired.set(true);
                        if let Some(reader) = self.body_reader.borrow_mut().take() {
                            reader.wake();
                        }
                        Due::Later(now)
                    }
                    (Due::Later(read), Due::Later(write)) => Due::Later(read.min(write)),
                    (Due::Never, other) | (other, _) => other,
                }
            }
        }
    }

    pub(crate) fn idle_since(&self) -> Instant {
        self.since.get()
    }

    pub(crate) fn offer_upgrade(&self) -> oneshot::Receiver<Box<dyn Duplex>> {
        let (sender, receiver) = oneshot::channel();
        *self.upgrade.borrow_mut() = Some(sender);
        receiver
    }

    pub(crate) fn withdraw_upgrade(&self) {
        *self.upgrade.borrow_mut() = None;
    }

    pub(crate) fn take_upgrade(&self) -> Option<oneshot::Sender<Box<dyn Duplex>>> {
        self.upgrade.borrow_mut().take()
    }
}

fn due(since: Instant, limit: Option<Duration>, now: Instant, then: Due) -> Due {
    match limit {
        None => Due::Never,
        Some(limit) => {
            let at = since + limit;
            if at <= now { then } else { Due::Later(at) }
        }
    }
}

#[cfg(test)]
mod tests;
