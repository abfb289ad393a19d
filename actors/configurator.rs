//! The configurator: gathers what providers publish, compiles it, publishes the snapshot.
//!
//! One per gateway, child of the supervisor. Hears from: the providers' cells. Tells: the report's cell.
//! Invariant: the only writer of `snapshot::Published`; at most one compile in flight, at most one waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use dynamic::Configuration;
use dynamic::merge::Merger;
use provider::Documents;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use snapshot::{Context, Published, Report};
use telemetry::metrics::Metrics;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::look::{Look, Seen};

pub struct Configurator;

#[derive(Debug)]
pub enum Message {
    /// Event: some provider's documents have changed.
    DocumentsChanged,
    /// Event: the compile in flight has ended.
    CompileEnded,
    /// Question: is anybody there?
    Ping(RpcReplyPort<()>),
    #[cfg(feature = "test-hooks")]
    Hang,
}

#[derive(Clone)]
pub struct Arguments {
    /// One cell for each provider.
    pub documents: Vec<watch::Receiver<Documents>>,
    /// What the gateway offers by itself.
    pub internal: Arc<Configuration>,
    pub context: Arc<Context>,
    pub published: Arc<Published>,
    pub report: watch::Sender<Arc<Report>>,
    pub metrics: Arc<Metrics>,
    /// At most one publication in this time; zero: as they come.
    pub throttle: Duration,
    /// Told once every provider has delivered.
    pub completed: Arc<dyn Fn() + Send + Sync>,
}

pub struct State {
    args: Arguments,
    seen: Seen,
    is_compiling: bool,
    /// Something changed since the compile in flight took its documents.
    is_dirty: bool,
    last: Option<Instant>,
    merger: Arc<Mutex<Merger>>,
    /// What the last compile was made from.
    compiled: Arc<Mutex<Option<Documents>>>,
    tasks: JoinSet<()>,
}

impl Actor for Configurator {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        args: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let seen = Seen::default();
        let mut tasks = JoinSet::new();
        for documents in &args.documents {
            let look = Look::new(myself.clone(), &seen, || Message::DocumentsChanged);
            let mut documents = documents.clone();
            tasks.spawn(async move { while documents.changed().await.is_ok() && look.raise() {} });
        }
        // Without any provider there is still what the gateway itself offers.
        Look::new(myself, &seen, || Message::DocumentsChanged).raise();
        let merger = Arc::new(Mutex::new(Merger::new(args.context.entry_points.clone())));
        Ok(State {
            args,
            seen,
            is_compiling: false,
            is_dirty: false,
            last: None,
            merger,
            compiled: Arc::default(),
            tasks,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::DocumentsChanged => {
                state.seen.clear();
                state.is_dirty = true;
                state.compile(&myself);
            }
            Message::CompileEnded => {
                state.is_compiling = false;
                state.compile(&myself);
            }
            Message::Ping(reply) => reply.send(())?,
            #[cfg(feature = "test-hooks")]
            Message::Hang => std::future::pending().await,
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    /// Starts a compile, unless one is in flight or nothing has changed.
    fn compile(&mut self, myself: &ActorRef<Message>) {
        while self.tasks.try_join_next().is_some() {}
        if self.is_compiling || !self.is_dirty {
            return;
        }
        self.is_compiling = true;
        self.is_dirty = false;
        let wait = self.last.map_or(Duration::ZERO, |last| self.args.throttle.saturating_sub(last.elapsed()));
        self.last = Some(Instant::now() + wait);
        let (args, merger, compiled) =
            (self.args.clone(), Arc::clone(&self.merger), Arc::clone(&self.compiled));
        let myself = myself.clone();
        self.tasks.spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let work = tokio::task::spawn_blocking(move || compile(&args, &merger, &compiled));
            if let Err(error) = work.await {
                tracing::error!(error = %error, "a compile ended in a panic; the last snapshot serves on");
            }
            let _gone = myself.cast(Message::CompileEnded);
        });
    }
}

/// Merges, compiles and publishes what the cells hold now. Runs on a thread that serves nobody.
fn compile(args: &Arguments, merger: &Mutex<Merger>, compiled: &Mutex<Option<Documents>>) {
    let mut documents = Documents::new();
    let mut is_complete = true;
    for cell in &args.documents {
        let cell = cell.borrow();
        is_complete &= !cell.is_empty();
        documents.extend(cell.iter().map(|(name, document)| (Arc::clone(name), Arc::clone(document))));
    }
    documents.insert(provider::internal::NAME.into(), Arc::clone(&args.internal));
    let mut last = compiled.lock().unwrap_or_else(PoisonError::into_inner);
    let previous = args.published.load_full();
    if last.as_ref().is_some_and(|last| is_same(last, &documents)) && previous.complete == is_complete {
        return;
    }
    let started = Instant::now();
    let merged = merger.lock().unwrap_or_else(PoisonError::into_inner).merge(&documents);
    let (mut snapshot, report) = snapshot::compile(&merged, Some(&previous), &args.context);
    snapshot.complete = is_complete;
    *last = Some(documents);
    drop(previous);
    let (generation, report) = (snapshot.generation, Arc::new(report));
    let retired = args.published.store(Arc::new(snapshot));
    let before = args.report.send_replace(Arc::clone(&report));
    args.metrics.reloaded(SystemTime::now(), report.routers.keys().cloned(), report.services.keys().cloned());
    if is_complete {
        (args.completed)();
    }
    tell(&before, &report, generation, started.elapsed());
    drop(retired);
}

fn is_same(last: &Documents, now: &Documents) -> bool {
    last.len() == now.len()
        && last.iter().zip(now).all(|((a, x), (b, y))| a == b && (Arc::ptr_eq(x, y) || x == y))
}

/// Says what is wrong now and was not before.
fn tell(before: &Report, now: &Report, generation: u64, took: Duration) {
    let known = before.all_problems();
    for problem in now.all_problems() {
        if known.contains(&problem) {
            continue;
        }
        if problem.is_error() {
            tracing::error!(code = problem.code, "{}", problem.summary());
        } else {
            tracing::warn!(code = problem.code, "{}", problem.summary());
        }
    }
    let routers = now.routers.len();
    tracing::info!(generation, routers, milliseconds = took.as_secs_f64() * 1e3, "configuration is in use");
}
