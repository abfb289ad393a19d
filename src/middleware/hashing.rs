//! Slow computations, on threads of their own: a password hash takes a worker's time for some fifty milliseconds.
//!
//! A few threads with a short queue. When the queue is full the caller is told so at once: passwords that somebody
//! guesses should cost the gateway less than they cost its users.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// A handle to the threads; clones share them.
#[derive(Clone)]
pub struct Hashing {
    jobs: SyncSender<Job>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Which computation it is: whoever asks for one that is under way waits for its outcome.
pub(crate) type Question = [u8; 20];

/// The queue is full, or the threads are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded;

type Job = Box<dyn FnOnce() + Send>;
type Waiting = HashMap<Question, Vec<oneshot::Sender<bool>>>;

/// At the usual cost of a hash the last in the queue waits for about two seconds.
const QUEUE_PER_THREAD: usize = 32;
/// Requests that may wait for one computation: those of a page that a browser loads, not those of a flood.
const MOST_WAITING: usize = 256;

// === impl Hashing ===

impl Hashing {
    /// The process's own threads, as many as cores, started when the first is needed.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: LazyLock<Hashing> =
            LazyLock::new(|| Hashing::start(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)));
        SHARED.clone()
    }

    /// Starts so many threads. They end when the last handle is gone.
    #[must_use]
    pub fn start(threads: NonZeroUsize) -> Self {
        let (jobs, queue) = sync_channel(threads.get() * QUEUE_PER_THREAD);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.get() {
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name("password-hash".to_owned());
            if let Err(error) = thread.spawn(move || work(&queue)) {
                tracing::error!(%error, "failed to start a thread for password hashes");
            }
        }
        Self { jobs, waiting: Arc::default() }
    }

    /// Computes, or waits for the outcome of who computes the same already.
    pub(crate) async fn ask(
        &self,
        question: Question,
        compute: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<bool, Overloaded> {
        let outcome = self.submit(question, compute)?;
        outcome.await.map_err(|_closed| Overloaded)
    }

    fn submit(
        &self,
        question: Question,
        compute: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<oneshot::Receiver<bool>, Overloaded> {
        let (tell, outcome) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if let Some(waiters) = waiting.get_mut(&question) {
            if waiters.len() >= MOST_WAITING {
                return Err(Overloaded);
            }
            waiters.push(tell);
            return Ok(outcome);
        }
        let asked = Arc::clone(&self.waiting);
        let job = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(compute));
            for tell in lock(&asked).remove(&question).into_iter().flatten() {
                // Dropping it tells the waiter that there was no outcome. Gone waiters are not missed.
                if let Ok(outcome) = outcome {
                    let _ = tell.send(outcome);
                }
            }
        });
        self.jobs.try_send(job).map_err(|_full| Overloaded)?;
        waiting.insert(question, vec![tell]);
        Ok(outcome)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: only one thread waits at the channel, the others at the lock.
        let job = lock(queue).recv();
        match job {
            Ok(job) => job(),
            Err(_no_handle_left) => return,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    fn one_thread() -> Hashing {
        Hashing::start(NonZeroUsize::MIN)
    }

    /// A computation that does not end before it is let go.
    fn held(hashing: &Hashing, question: u8) -> (mpsc::Sender<()>, oneshot::Receiver<bool>) {
        let (go, wait) = mpsc::channel();
        let outcome = hashing.submit([question; 20], move || wait.recv().is_ok()).unwrap();
        (go, outcome)
    }

    #[tokio::test]
    async fn gives_the_outcome() {
        let hashing = one_thread();
        assert_eq!(hashing.ask([1; 20], || true).await, Ok(true));
        assert_eq!(hashing.ask([1; 20], || false).await, Ok(false));
    }

    #[tokio::test]
    async fn the_same_question_is_computed_once() {
        let hashing = one_thread();
        let (go, first) = held(&hashing, 1);
        let computed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&computed);
        let second = hashing.submit([1; 20], move || {
            count.fetch_add(1, Ordering::Relaxed);
            false
        });
        go.send(()).unwrap();
        assert_eq!((first.await, second.unwrap().await), (Ok(true), Ok(true)));
        assert_eq!(computed.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once() {
        let hashing = one_thread();
        let (go, _first) = held(&hashing, 0);
        let refused = (1..=u8::MAX).filter(|n| hashing.submit([*n; 20], || true).is_err()).count();
        assert!(refused >= usize::from(u8::MAX) - QUEUE_PER_THREAD - 1, "{refused}");
        drop(go);
    }

    #[tokio::test]
    async fn so_are_too_many_waiters() {
        let hashing = one_thread();
        let (go, _first) = held(&hashing, 1);
        let waiters: Vec<_> = (0..MOST_WAITING + 10).map(|_| hashing.submit([1; 20], || true)).collect();
        assert_eq!(waiters.iter().filter(|waiter| waiter.is_err()).count(), 11);
        drop(go);
    }

    #[tokio::test]
    async fn survives_a_panic() {
        let hashing = one_thread();
        assert_eq!(hashing.ask([1; 20], || panic!("as if")).await, Err(Overloaded));
        assert_eq!(hashing.ask([1; 20], || true).await, Ok(true));
    }
}
