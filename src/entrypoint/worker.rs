//! Worker threads: one for each core, each with a runtime of its own. Nothing moves between them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often a worker shows that it lives and looks through its pools.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked whether the threads have ended.
const LOOK: Duration = Duration::from_millis(5);
/// Jobs that may wait for a worker. They come from the entry points' actors, a handful in a process's life.
const JOBS: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// The worker threads of the process. They live until it ends.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    started: Instant,
}

#[derive(Debug)]
struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: thread::JoinHandle<()>,
    stop: Arc<Notify>,
    /// Milliseconds since the start at the last sign of life.
    beat: Arc<AtomicU64>,
}

impl Workers {
    /// Starts them. `prepare` runs first on each thread.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub fn start(count: usize, prepare: impl Fn(usize) + Send + Sync + 'static) -> io::Result<Self> {
        let started = Instant::now();
        let prepare = Arc::new(prepare);
        let workers = (0..count).map(|index| Worker::start(index, started, Arc::clone(&prepare)));
        Ok(Self { workers: workers.collect::<io::Result<_>>()?, started })
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Runs a job on one worker's thread, where it may spawn local tasks. False when it was not taken.
    pub fn run(&self, worker: usize, job: impl FnOnce() + Send + 'static) -> bool {
        self.workers.get(worker).is_some_and(|worker| worker.jobs.try_send(Box::new(job)).is_ok())
    }

    /// Ends the threads, and with them every task that is left: each drops what it holds. Gives up after `patience`.
    pub async fn stop(&self, patience: Duration) {
        for worker in &self.workers {
            worker.stop.notify_one();
        }
        let ended = async {
            while self.workers.iter().any(|worker| !worker.thread.is_finished()) {
                sleep(LOOK).await;
            }
        };
        if timeout(patience, ended).await.is_err() {
            tracing::warn!("a worker does not end");
        }
    }

    /// How long ago the slowest worker showed that it lives.
    #[must_use]
    pub fn slowest_beat(&self) -> Duration {
        let now = self.started.elapsed();
        let beats =
            self.workers.iter().map(|worker| Duration::from_millis(worker.beat.load(Ordering::Relaxed)));
        now.saturating_sub(beats.min().unwrap_or(now))
    }
}

impl Worker {
    fn start(
        index: usize,
        started: Instant,
        prepare: Arc<impl Fn(usize) + Send + Sync + 'static>,
    ) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>(JOBS);
        let beat = Arc::new(AtomicU64::new(0));
        let beats = Arc::clone(&beat);
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    prepare(index);
                    runtime.block_on(live(waiting, &stopped, &beats, started));
                }
                Err(error) => tracing::error!(error = %error, worker = index, "worker did not start"),
            }
        })?;
        Ok(Self { jobs, thread, stop, beat })
    }
}

async fn live(mut jobs: mpsc::Receiver<Job>, stop: &Notify, beat: &AtomicU64, started: Instant) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job(),
                None => return,
            },
            () = stop.notified() => return,
            _ = ticks.tick() => {
                let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                beat.store(now, Ordering::Relaxed);
                service::pool::sweep();
            }
        }
    }
}
