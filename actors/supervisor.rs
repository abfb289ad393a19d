//! The supervisor: starts the others, starts them again with a back-off, and asks each whether it lives.
//!
//! The root of the tree. Hears from: its children's ends, its own clock. Tells: nobody.
//! Invariant: it does nothing but supervise. A child that gives no answer is abandoned and replaced.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent};
use tokio::task::JoinSet;

use crate::Arguments;
use crate::backoff::Backoff;
use crate::configurator::{self, Configurator};
use crate::entrypoint::{self, EntryPointActor};
use crate::provider::{self, ProviderActor};

/// How often children are asked whether they live.
const ROUND: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Supervisor;

#[derive(Debug)]
pub enum Message {
    /// Command: start this child, if it does not run.
    Start(usize),
    /// Command: ask everybody.
    AskAll,
    /// Event: this child, of this epoch, gave no answer.
    Unresponsive { child: usize, epoch: u64 },
    /// Question: is anybody there?
    Ping(RpcReplyPort<()>),
}

pub struct State {
    args: Arguments,
    children: Vec<Child>,
    asking: JoinSet<()>,
}

struct Child {
    kind: Kind,
    name: String,
    running: Option<Running>,
    /// Counts its lives.
    epoch: u64,
    backoff: Backoff,
}

/// The catalogue of children; the number is the place in the arguments.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Configurator,
    Provider(usize),
    EntryPoint(usize),
}

struct Running {
    cell: ActorCell,
    ask: Ask,
}

/// Asks a child whether it lives.
#[derive(Clone)]
enum Ask {
    Configurator(ActorRef<configurator::Message>),
    Provider(ActorRef<provider::Message>),
    EntryPoint(ActorRef<entrypoint::Message>),
}

/// How often each actor has been started again, for metrics.
#[derive(Debug, Default)]
pub struct Restarts(Mutex<BTreeMap<String, u64>>);

impl Actor for Supervisor {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        args: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let children: Vec<Child> = kinds(&args).map(|kind| Child::new(kind, &args)).collect();
        for child in 0..children.len() {
            myself.cast(Message::Start(child))?;
        }
        let _asks_for_life = myself.send_interval(ROUND, || Message::AskAll);
        #[cfg(feature = "test-hooks")]
        args.hooks.supervisor(myself.get_cell());
        Ok(State { args, children, asking: JoinSet::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Start(child) => state.start(child, &myself).await,
            Message::AskAll => state.ask_all(&myself),
            Message::Unresponsive { child, epoch } => state.abandon(child, epoch, &myself),
            Message::Ping(reply) => reply.send(())?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                state.ended(&cell, reason.as_deref().unwrap_or("it stopped"), &myself);
            }
            SupervisionEvent::ActorFailed(cell, error) => state.ended(&cell, &error.to_string(), &myself),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

fn kinds(args: &Arguments) -> impl Iterator<Item = Kind> {
    let providers = (0..args.providers.len()).map(Kind::Provider);
    let entry_points = (0..args.entry_points.len()).map(Kind::EntryPoint);
    std::iter::once(Kind::Configurator).chain(providers).chain(entry_points)
}

// === impl State ===

impl State {
    async fn start(&mut self, index: usize, myself: &ActorRef<Message>) {
        let Some(child) = self.children.get_mut(index).filter(|child| child.running.is_none()) else {
            return;
        };
        child.epoch += 1;
        match child.kind.spawn(&self.args, myself.get_cell()).await {
            Ok(ask) => {
                #[cfg(feature = "test-hooks")]
                self.args.hooks.child(&child.name, ask.clone().into());
                child.running = Some(Running { cell: ask.cell(), ask });
            }
            Err(error) => {
                tracing::error!(actor = child.name, error = %error, "an actor did not start");
                again(index, child, myself);
            }
        }
    }

    fn ended(&mut self, cell: &ActorCell, why: &str, myself: &ActorRef<Message>) {
        let found = self.children.iter_mut().enumerate().find(|(_, child)| {
            child.running.as_ref().is_some_and(|running| running.cell.get_id() == cell.get_id())
        });
        // One that was abandoned has been replaced already.
        let Some((index, child)) = found else { return };
        child.running = None;
        tracing::warn!(actor = child.name, why, "an actor has ended and starts again");
        self.args.restarts.count(&child.name);
        again(index, child, myself);
    }

    fn ask_all(&mut self, myself: &ActorRef<Message>) {
        while self.asking.try_join_next().is_some() {}
        if !self.asking.is_empty() {
            // The last round is still waiting for somebody.
            return;
        }
        for (index, child) in self.children.iter().enumerate() {
            let Some(running) = &child.running else { continue };
            let (ask, epoch, myself) = (running.ask.clone(), child.epoch, myself.clone());
            self.asking.spawn(async move {
                if !ask.is_alive().await {
                    let _ending = myself.cast(Message::Unresponsive { child: index, epoch });
                }
            });
        }
    }

    /// Gives a child up. It may be stuck where nothing can stop it, so nobody waits for its end.
    fn abandon(&mut self, index: usize, epoch: u64, myself: &ActorRef<Message>) {
        let Some(child) = self.children.get_mut(index).filter(|child| child.epoch == epoch) else {
            return;
        };
        let Some(running) = child.running.take() else {
            return;
        };
        tracing::error!(actor = child.name, "an actor gives no answer and is replaced");
        running.cell.unlink(myself.get_cell());
        running.cell.kill();
        self.args.restarts.count(&child.name);
        again(index, child, myself);
    }
}

/// Has the child started again when its back-off is over.
fn again(index: usize, child: &mut Child, myself: &ActorRef<Message>) {
    let wait = child.backoff.next();
    if child.backoff.is_down() {
        tracing::error!(actor = child.name, "an actor keeps ending; it is tried once a minute");
    }
    let _timer = myself.send_after(wait, move || Message::Start(index));
}

// === impl Child ===

impl Child {
    fn new(kind: Kind, args: &Arguments) -> Self {
        let name = match kind {
            Kind::Configurator => "configurator".to_owned(),
            Kind::Provider(place) => {
                args.providers.get(place).map_or_else(String::new, |p| format!("provider.{}", p.name))
            }
            Kind::EntryPoint(place) => args
                .entry_points
                .get(place)
                .map_or_else(String::new, |e| format!("entrypoint.{}", e.entry_point.name)),
        };
        Self { kind, name, running: None, epoch: 0, backoff: Backoff::default() }
    }
}

// === impl Kind ===

impl Kind {
    /// Starts it, unnamed: its last life may not have ended yet.
    async fn spawn(self, args: &Arguments, supervisor: ActorCell) -> Result<Ask, SpawnErr> {
        let missing = || SpawnErr::StartupFailed("no such child".into());
        match self {
            Self::Configurator => {
                let args = args.configurator.clone();
                let (actor, _) = Actor::spawn_linked(None, Configurator, args, supervisor).await?;
                Ok(Ask::Configurator(actor))
            }
            Self::Provider(place) => {
                let args = args.providers.get(place).cloned().ok_or_else(missing)?;
                let (actor, _) = Actor::spawn_linked(None, ProviderActor, args, supervisor).await?;
                Ok(Ask::Provider(actor))
            }
            Self::EntryPoint(place) => {
                let args = args.entry_points.get(place).cloned().ok_or_else(missing)?;
                let (actor, _) = Actor::spawn_linked(None, EntryPointActor, args, supervisor).await?;
                Ok(Ask::EntryPoint(actor))
            }
        }
    }
}

// === impl Ask ===

impl Ask {
    fn cell(&self) -> ActorCell {
        match self {
            Self::Configurator(actor) => actor.get_cell(),
            Self::Provider(actor) => actor.get_cell(),
            Self::EntryPoint(actor) => actor.get_cell(),
        }
    }

    async fn is_alive(&self) -> bool {
        let patience = Some(PATIENCE);
        match self {
            Self::Configurator(actor) => answered(&actor.call(configurator::Message::Ping, patience).await),
            Self::Provider(actor) => answered(&actor.call(provider::Message::Ping, patience).await),
            Self::EntryPoint(actor) => answered(&actor.call(entrypoint::Message::Ping, patience).await),
        }
    }
}

/// One that has ended is the business of its end.
fn answered<M>(answer: &Result<ractor::rpc::CallResult<()>, ractor::MessagingErr<M>>) -> bool {
    !matches!(answer, Ok(ractor::rpc::CallResult::Timeout))
}

// === impl Restarts ===

impl Restarts {
    fn count(&self, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
    }

    /// By the name of the actor.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(feature = "test-hooks")]
impl From<Ask> for crate::hooks::Child {
    fn from(ask: Ask) -> Self {
        let cell = ask.cell();
        let hang: std::sync::Arc<dyn Fn() + Send + Sync> = match ask {
            Ask::Configurator(actor) => {
                std::sync::Arc::new(move || drop(actor.cast(configurator::Message::Hang)))
            }
            Ask::Provider(actor) => std::sync::Arc::new(move || drop(actor.cast(provider::Message::Hang))),
            Ask::EntryPoint(actor) => {
                std::sync::Arc::new(move || drop(actor.cast(entrypoint::Message::Hang)))
            }
        };
        Self { cell, hang }
    }
}
