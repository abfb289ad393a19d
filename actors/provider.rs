//! A provider: runs one source of dynamic configuration. Its documents go into a cell of the process.
//!
//! One per provider of the install configuration, child of the supervisor. Hears from: its task. Tells: nobody;
//! the configurator watches the cell.
//! Invariant: the cell keeps the last documents while there is no provider.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub struct ProviderActor;

#[derive(Debug)]
pub enum Message {
    /// Event: the source has ended, which it never should.
    Ended,
    /// Question: is anybody there?
    Ping(RpcReplyPort<()>),
    #[cfg(feature = "test-hooks")]
    Hang,
}

#[derive(Clone)]
pub struct Arguments {
    /// For logs and hooks: `file`, `manifests`.
    pub name: &'static str,
    /// Makes the source anew.
    pub make: Arc<dyn Fn() -> provider::Provider + Send + Sync>,
    pub documents: watch::Sender<provider::Documents>,
    /// Rung by SIGHUP.
    pub reread: Arc<Notify>,
}

/// Owns the task that runs the source; dropped, it ends.
pub struct State {
    name: &'static str,
    _running: JoinSet<()>,
}

impl Actor for ProviderActor {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        args: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let mut running = JoinSet::new();
        let source = (args.make)();
        running.spawn(async move {
            let mut inner = JoinSet::new();
            inner.spawn(source.run(args.documents, args.reread));
            // A panic of the source is an end, too.
            let _how = inner.join_next().await;
            let _gone = myself.cast(Message::Ended);
        });
        Ok(State { name: args.name, _running: running })
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Ended => Err(format!("the provider `{}` has ended", state.name).into()),
            Message::Ping(reply) => Ok(reply.send(())?),
            #[cfg(feature = "test-hooks")]
            Message::Hang => std::future::pending().await,
        }
    }
}
