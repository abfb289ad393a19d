//! An entry point: keeps its accept loop running on every worker, on the sockets that the process owns, and drives
//! its drain.
//!
//! One per entry point, child of the supervisor. Hears from: the loops' bell. Tells: the phase.
//! Invariant: it never touches a connection; loops and connections go on without it.

use std::sync::Arc;
use std::time::Duration;

use entrypoint::{EntryPoint, Phase, Sockets, Workers};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::look::{Look, Seen};

/// How often it looks even if nothing rang.
const LOOK: Duration = Duration::from_secs(1);

pub struct EntryPointActor;

#[derive(Debug)]
pub enum Message {
    /// Command: start the loops that do not run.
    Look,
    /// Question: is anybody there?
    Ping(RpcReplyPort<()>),
    #[cfg(feature = "test-hooks")]
    Hang,
}

#[derive(Clone)]
pub struct Arguments {
    pub entry_point: Arc<EntryPoint>,
    pub sockets: Arc<Sockets>,
    pub workers: Arc<Workers>,
    pub phase: watch::Receiver<Phase>,
}

pub struct State {
    args: Arguments,
    seen: Seen,
    _bell: JoinSet<()>,
}

impl Actor for EntryPointActor {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        args: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let seen = Seen::default();
        let look = Look::new(myself, &seen, || Message::Look);
        let mut bell = JoinSet::new();
        let entry_point = Arc::clone(&args.entry_point);
        bell.spawn(async move {
            loop {
                if !look.raise() {
                    return;
                }
                tokio::select! {
                    () = entry_point.loop_ended() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Ok(State { args, seen, _bell: bell })
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Look => state.look(),
            Message::Ping(reply) => reply.send(())?,
            #[cfg(feature = "test-hooks")]
            Message::Hang => std::future::pending().await,
        }
        Ok(())
    }
}

impl State {
    fn look(&self) {
        self.seen.clear();
        if *self.args.phase.borrow() >= Phase::Draining {
            return;
        }
        for worker in 0..self.args.workers.count() {
            if self.args.entry_point.is_accepting(worker) {
                continue;
            }
            let name = &self.args.entry_point.name;
            match self.args.sockets.of_worker(worker) {
                Ok(Some(listener)) => {
                    let phase = self.args.phase.clone();
                    if !self.args.entry_point.serve(&self.args.workers, worker, listener, phase) {
                        tracing::warn!(entry_point = %name, worker, "worker takes no job");
                    }
                }
                // Closed: the process drains.
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(entry_point = %name, worker, error = %error, "failed to share a socket")
                }
            }
        }
    }
}
