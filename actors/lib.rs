//! Who acts, and when: supervised actors that keep the data plane right. They decide *when*; the crates below
//! decide *what*.
//!
//! ```text
//! supervisor          one for one: back-off with jitter, restart intensity, liveness by ping
//! ├─ configurator     documents → merge → compile → publish; the only writer of `snapshot::Published`
//! ├─ provider × n     runs one provider; its documents go into a cell that the configurator reads
//! └─ entrypoint × n   keeps an accept loop running on every worker; drives the drain
//! ```
//!
//! - [`supervisor`] · [`configurator`] · [`provider`] · [`entrypoint`] · [`backoff`] when a restart is due · `look` "look again"
//! - `hooks` killing actors, for tests only
//!
//! Used by the root alone, which starts the tree again should it ever end.
//!
//! Invariants: nothing of the data plane hangs below an actor: sockets, workers, cells and connections are the
//! process's. An actor's start reconciles from the cells, so a restart is the normal path and loses nothing.
//! Messages are level-triggered ("look again"): at most one of a kind is waiting. No actor waits on the network
//! inside `handle`.

pub mod backoff;
pub mod configurator;
pub mod entrypoint;
#[cfg(feature = "test-hooks")]
pub mod hooks;
pub mod provider;
pub mod supervisor;

mod look;

use std::sync::Arc;

use tokio::sync::watch;

pub use crate::supervisor::Supervisor;

/// Everything the tree works on. The root makes it once and keeps it: a new tree starts from the same cells.
#[derive(Clone)]
pub struct Arguments {
    pub configurator: configurator::Arguments,
    pub providers: Vec<provider::Arguments>,
    pub entry_points: Vec<entrypoint::Arguments>,
    /// Counts restarts, by the name of the actor.
    pub restarts: Arc<supervisor::Restarts>,
    #[cfg(feature = "test-hooks")]
    pub hooks: hooks::Hooks,
}

/// A running tree.
pub struct Tree {
    pub supervisor: ractor::ActorRef<supervisor::Message>,
    ended: tokio::task::JoinHandle<()>,
}

/// Starts the tree.
///
/// # Errors
/// When the supervisor itself could not start, which needs nothing that could be missing.
pub async fn start(arguments: Arguments) -> Result<Tree, ractor::SpawnErr> {
    // Unnamed, so that a new tree can start beside one that is stuck.
    let (supervisor, ended) = ractor::Actor::spawn(None, Supervisor, arguments).await?;
    Ok(Tree { supervisor, ended })
}

impl Tree {
    /// Waits until the tree has ended, for whatever reason.
    pub async fn ended(self) {
        // A panic of the supervisor's task is an end as well.
        let _how = self.ended.await;
    }
}

/// Starts the tree again whenever it ends, until the process does.
pub async fn keep_running(arguments: Arguments, mut stop: watch::Receiver<bool>) {
    let mut backoff = backoff::Backoff::default();
    loop {
        match start(arguments.clone()).await {
            Ok(tree) => {
                let supervisor = tree.supervisor.clone();
                tokio::select! {
                    () = tree.ended() => tracing::error!("the supervisor has ended, starting it again"),
                    _ = stop.wait_for(|stop| *stop) => {
                        supervisor.stop(None);
                        return;
                    }
                }
            }
            Err(error) => tracing::error!(error = %error, "the supervisor did not start"),
        }
        tokio::time::sleep(backoff.next()).await;
    }
}
