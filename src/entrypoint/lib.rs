//! Where traffic enters: sockets, worker threads, connections, and the one canonical request they make.
//!
//! - [`config`], [`address`] the `entryPoints` section · [`settings`] what it comes to
//! - [`bind`] sockets · [`worker`] threads · `accept` a connection's first steps · [`places`] room for them · `sniff` what it speaks
//! - `http1`, `http2` a connection's life · `upgraded` what may follow · `stream`, `state`, `timer` what they share · [`drain`] its end
//! - `handle` one request: `canonical`, `forwarded`, the route, `body` · `extended_connect` WebSockets over HTTP/2
//!
//! Used by `actors` (starts accept loops, drives drains) and the root (sockets, workers).
//!
//! Invariants: a request is made canonical here, once, and by nobody else. A connection never leaves its worker.
//! Everything a client can make us keep has a bound. No actor is asked anything.

mod accept;
pub mod address;
pub mod bind;
mod body;
mod canonical;
pub mod config;
pub mod drain;
mod extended_connect;
mod forwarded;
mod handle;
mod http1;
mod http2;
pub mod places;
pub mod settings;
mod sniff;
mod state;
mod stream;
mod timer;
mod upgraded;
pub mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use snapshot::Published;
use telemetry::Telemetry;
use tokio::sync::{Notify, watch};

pub use crate::bind::{Listen, Sockets};
pub use crate::drain::Phase;
pub use crate::places::Places;
pub use crate::settings::Settings;
pub use crate::worker::Workers;

/// One entry point: everything its connections need, on every worker.
pub struct EntryPoint {
    pub name: Arc<str>,
    pub settings: Settings,
    pub published: Arc<Published>,
    pub telemetry: Arc<Telemetry>,
    /// Connections open now.
    pub open: Arc<AtomicUsize>,
    /// Where there is none left, new connections are closed at once.
    pub places: Arc<Places>,
    /// Are probes answered here?
    pub probes: bool,
    pub loops: Loops,
}

/// Which accept loops run; they outlive whoever started them.
#[derive(Debug, Default)]
pub struct Loops {
    running: Vec<AtomicBool>,
    ended: Notify,
}

impl EntryPoint {
    /// Connections open now, upgraded ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Does the accept loop of this worker run?
    #[must_use]
    pub fn is_accepting(&self, worker: usize) -> bool {
        self.loops.running.get(worker).is_some_and(|running| running.load(Ordering::Acquire))
    }

    /// Waits until some accept loop has ended.
    pub async fn loop_ended(&self) {
        self.loops.ended.notified().await;
    }

    /// Starts the accept loop of one worker on its socket, unless it runs. False: the worker takes no job.
    #[must_use]
    pub fn serve(
        self: &Arc<Self>,
        workers: &Workers,
        worker: usize,
        listener: std::net::TcpListener,
        mut phase: watch::Receiver<Phase>,
    ) -> bool {
        let Some(place) = self.loops.running.get(worker) else {
            return false;
        };
        if place.swap(true, Ordering::AcqRel) {
            return true;
        }
        let running = Running { entry_point: Arc::clone(self), worker };
        // A job that is not taken is dropped, and `running` with it.
        workers.run(worker, move || {
            let _watched_by_its_mark = tokio::task::spawn_local(async move {
                let entry_point = Arc::clone(&running.entry_point);
                let accepted = accept::accept(entry_point, listener, phase.clone()).await;
                let ended = accepted.inspect_err(|error| {
                    tracing::error!(error = %error, entry_point = %running.entry_point.name, "accept loop has ended");
                });
                drop(running);
                if let Ok(drain) = ended {
                    drain::reached(&mut phase, Phase::Cut).await;
                    drain.cut();
                }
            });
        })
    }
}

/// Marks an accept loop as running for as long as it lives, panic or not.
struct Running {
    entry_point: Arc<EntryPoint>,
    worker: usize,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(running) = self.entry_point.loops.running.get(self.worker) {
            running.store(false, Ordering::Release);
        }
        self.entry_point.loops.ended.notify_waiters();
    }
}

impl Loops {
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { running: (0..workers).map(|_| AtomicBool::new(false)).collect(), ended: Notify::new() }
    }
}
