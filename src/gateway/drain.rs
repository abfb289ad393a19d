//! The drain: stop accepting, let exchanges end, within the times the entry points give.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::entrypoint::Arguments;
use entrypoint::Phase;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// How often it is looked whether connections are left.
const LOOK: Duration = Duration::from_millis(20);

/// Drives all entry points through their phases. Returns when no connection is left or time is up.
pub(crate) async fn drain(entry_points: &[Arguments], phase: &watch::Sender<Phase>) {
    let settings = || entry_points.iter().map(|args| &args.entry_point.settings);
    let accept = settings().map(|settings| settings.request_accept_grace).max().unwrap_or_default();
    let grace = settings().map(|settings| settings.grace).max().unwrap_or_default();
    tracing::info!("draining");
    phase.send_replace(Phase::Leaving);
    if !accept.is_zero() {
        sleep(accept).await;
    }
    phase.send_replace(Phase::Draining);
    // The workers hold copies of the sockets and accept what the kernel has accepted before they let go.
    for args in entry_points {
        args.sockets.close();
    }
    let empty = async {
        while entry_points.iter().any(|args| !is_empty(args)) {
            sleep(LOOK).await;
        }
    };
    if timeout_at(Instant::now() + grace, empty).await.is_err() {
        let left = entry_points.first().map_or(0, |args| args.entry_point.connections());
        tracing::warn!(connections = left, "time is up, closing what is left");
    }
}

fn is_empty(args: &Arguments) -> bool {
    let accepting = (0..args.workers.count()).any(|worker| args.entry_point.is_accepting(worker));
    !accepting && args.entry_point.open.load(Ordering::Relaxed) == 0
}
