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
    /// Of each provider at most one change in this time; zero: as they come.
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
        mut args: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let seen = Seen::default();
        let mut tasks = JoinSet::new();
        let throttle = args.throttle;
        for cell in &mut args.documents {
            let mut documents = cell.clone();
            let (admitted, compiled_from) = watch::channel(documents.borrow_and_update().clone());
            *cell = compiled_from;
            let look = Look::new(myself.clone(), &seen, || Message::DocumentsChanged);
            tasks.spawn(admit(documents, admitted, throttle, move || look.raise()));
        }
        // Without any provider there is still what the gateway itself offers.
        Look::new(myself, &seen, || Message::DocumentsChanged).raise();
        let merger = Arc::new(Mutex::new(Merger::new(args.context.entry_points.clone())));
        Ok(State {
            args,
            seen,
            is_compiling: false,
            is_dirty: false,
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
        let (args, merger, compiled) =
            (self.args.clone(), Arc::clone(&self.merger), Arc::clone(&self.compiled));
        let myself = myself.clone();
        self.tasks.spawn(async move {
            let work = tokio::task::spawn_blocking(move || compile(&args, &merger, &compiled));
            if let Err(error) = work.await {
                tracing::error!(error = %error, "a compile ended in a panic; the last snapshot serves on");
            }
            let _gone = myself.cast(Message::CompileEnded);
        });
    }
}

/// Hands on what a provider publishes: the first documents at once, then the latest, at most once in `throttle`.
/// What is compiled is what was handed on, so that a change of another provider does not carry these along early.
async fn admit(
    mut documents: watch::Receiver<Documents>,
    admitted: watch::Sender<Documents>,
    throttle: Duration,
    raise: impl Fn() -> bool,
) {
    while documents.changed().await.is_ok() {
        let latest = documents.borrow_and_update().clone();
        admitted.send_replace(latest);
        if !raise() {
            return;
        }
        if !throttle.is_zero() {
            tokio::time::sleep(throttle).await;
        }
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
    tracing::info!(generation, routers, milliseconds = milliseconds(took), "configuration is in use");
}

/// To the microsecond; a binary fraction is printed as the nearest decimal, so no digits follow.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents that can be told apart.
    fn documents(name: &str) -> Documents {
        Documents::from([(name.into(), Arc::default())])
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_documents_are_handed_on_at_once_and_then_the_latest_of_a_period() {
        let (publish, documents_cell) = watch::channel(Documents::new());
        let (admitted, mut handed_on) = watch::channel(Documents::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(admit(documents_cell, admitted, Duration::from_secs(5), || true));
        let begun = tokio::time::Instant::now();
        for (published, expected, seconds) in [(&["a"][..], "a", 0), (&["b", "c"], "c", 5), (&["d"], "d", 10)]
        {
            for name in published {
                publish.send_replace(documents(name));
            }
            handed_on.changed().await.unwrap();
            assert_eq!(*handed_on.borrow_and_update(), documents(expected));
            assert_eq!(begun.elapsed().as_secs(), seconds, "{expected}");
        }
    }

    #[test]
    fn a_duration_has_three_decimals_at_most() {
        for (micros, expected) in [(141.691, "0.142"), (1.4, "0.001"), (12_345_678.9, "12345.679")] {
            let took = Duration::from_secs_f64(micros / 1e6);
            assert_eq!(milliseconds(took).to_string(), expected);
        }
    }
}
