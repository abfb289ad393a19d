//! The drain: stop accepting, let exchanges end, within the times each entry point gives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::entrypoint::Arguments;
use entrypoint::{Phase, Workers};
use telemetry::Telemetry;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often it is looked whether connections are left.
const LOOK: Duration = Duration::from_millis(20);
/// How long connections that are cut off may take to end by themselves, and the workers to end what is left.
const CUT: Duration = Duration::from_millis(300);
const STOP: Duration = Duration::from_secs(2);

/// An entry point, and the phase that it is in.
#[derive(Clone)]
pub(crate) struct Driven {
    pub(crate) args: Arguments,
    pub(crate) phase: watch::Sender<Phase>,
}

/// Drives each entry point through its own phases. Returns when no connection is left, or all times are up.
pub(crate) async fn drain(entry_points: &[Driven], telemetry: &Arc<Telemetry>) {
    tracing::info!("draining");
    let mut drains = JoinSet::new();
    for driven in entry_points {
        drains.spawn(drain_one(driven.clone(), Arc::clone(telemetry)));
    }
    let _done = drains.join_all().await;
}

async fn drain_one(driven: Driven, telemetry: Arc<Telemetry>) {
    let Driven { args, phase } = &driven;
    let settings = &args.entry_point.settings;
    phase.send_replace(Phase::Leaving);
    if !settings.request_accept_grace.is_zero() {
        sleep(settings.request_accept_grace).await;
    }
    phase.send_replace(Phase::Draining);
    // The workers hold copies of the sockets and accept what the kernel has accepted before they let go.
    args.sockets.close();
    if timeout(settings.grace, driven.emptied()).await.is_err() {
        driven.cut(&telemetry);
    }
}

/// Ends what is left on every entry point, and the workers, so that nothing is on its way when the process ends.
pub(crate) async fn end(entry_points: &[Driven], workers: &Workers, telemetry: &Telemetry) {
    for driven in entry_points {
        driven.cut(telemetry);
    }
    let empty = async {
        for driven in entry_points {
            driven.emptied().await;
        }
    };
    // An upgraded stream does not end by itself.
    let _the_workers_end_them = timeout(CUT, empty).await;
    workers.stop(STOP).await;
}

// === impl Driven ===

impl Driven {
    /// Waits until no connection is open and none is accepted.
    async fn emptied(&self) {
        while !self.is_empty() {
            sleep(LOOK).await;
        }
    }

    fn is_empty(&self) -> bool {
        let Arguments { entry_point, workers, .. } = &self.args;
        let accepting = (0..workers.count()).any(|worker| entry_point.is_accepting(worker));
        !accepting && entry_point.open.load(Ordering::Relaxed) == 0
    }

    /// Closes what is open, and counts it.
    fn cut(&self, telemetry: &Telemetry) {
        // Counted before the workers hear of it.
        let left = self.args.entry_point.connections();
        let is_first =
            self.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Cut) != Phase::Cut);
        if is_first && left > 0 {
            let entry_point = &self.args.entry_point.name;
            tracing::warn!(%entry_point, connections = left, "closing the connections that are still open");
            telemetry.metrics().connections_aborted(left as u64);
        }
    }
}
