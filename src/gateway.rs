//! The gateway, put together: runtimes, sockets, workers, cells and actors; and taken apart again when it is told.

mod activation;
mod drain;
mod signals;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actors::{configurator, entrypoint as entry_point_actor};
use api::{Api, Facts, Probes, Prometheus, Readiness};
use document::Problem;
use entrypoint::{EntryPoint, Loops, Phase, Places, Sockets, Workers};
use provider::{Documents, Provider};
use service::proxy::Proxies;
use service::resolve::Resolver;
use snapshot::{Context, Published, Report};
use telemetry::Telemetry;
use telemetry::log::Log;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

use self::activation::Activation;
use self::drain::Driven;
use crate::assembly;
use crate::install::Install;

/// Threads of the control runtime.
const CONTROL_THREADS: usize = 2;
/// How long a thread of the blocking pool waits for more: an allocator's cache for each thread is kept as long, and a
/// compile of thousands of routes leaves a full one.
const KEEP_ALIVE: Duration = Duration::from_millis(500);
/// Descriptors that are not for connections: sockets, files, the control runtime's.
const RESERVED_DESCRIPTORS: u64 = 256;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to start the control runtime")]
    Control(#[source] io::Error),
    #[error("failed to start the workers")]
    Workers(#[source] io::Error),
    #[error("failed to start telemetry")]
    Telemetry(#[source] telemetry::Error),
    #[error("failed to start the log")]
    Log(#[source] telemetry::log::OpenError),
    #[error("entry point `{name}` cannot listen on {address}")]
    Bind { name: String, address: String, source: io::Error },
    #[error("entry point `{name}`: {}", .problem.message)]
    EntryPoint { name: String, problem: Box<Problem> },
    #[error("failed to listen for signals")]
    Signals(#[source] io::Error),
}

/// Everything that lives as long as the process, whoever dies meanwhile.
pub(crate) struct Gateway {
    control: Runtime,
    arguments: actors::Arguments,
    entry_points: Vec<Driven>,
    workers: Arc<Workers>,
    readiness: Arc<Readiness>,
    telemetry: Arc<Telemetry>,
    log: Log,
}

impl Gateway {
    /// Starts everything but the actors. What can fail for outside reasons fails here.
    pub(crate) fn start(install: &Install, warnings: &[Problem]) -> Result<Self, Error> {
        let log = telemetry::log::start(&install.log.clone().unwrap_or_default()).map_err(Error::Log)?;
        for warning in warnings {
            tracing::warn!(target: telemetry::log::NOTICE, code = warning.code, "{}", warning.summary());
        }
        let connections = raise_descriptor_limit();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = install.core.workers.unwrap_or(cores);
        let control = control_runtime(cores).map_err(Error::Control)?;
        let names: Vec<Arc<str>> = install.entry_points.keys().map(|name| name.as_str().into()).collect();
        let telemetry = Telemetry::start(install.access_log.as_ref(), install.metrics.as_ref(), &names);
        let telemetry = Arc::new(telemetry.map_err(Error::Telemetry)?);
        let readiness = Arc::new(Readiness::default());
        let sockets = bind(install, workers)?;
        let threads = Arc::new(Workers::start(workers, |_| {}).map_err(Error::Workers)?);
        let beats = Arc::clone(&threads);
        readiness.watch_workers(move || beats.slowest_beat());
        readiness.listeners_are_bound();
        let parts =
            Parts { install, control: control.handle(), telemetry: &telemetry, readiness: &readiness };
        let (configurator, providers) = parts.configuration(workers);
        let entry_points = parts.entry_points(sockets, &threads, &configurator.published, connections)?;
        let arguments = actors::Arguments {
            configurator,
            providers,
            entry_points: entry_points.iter().map(|driven| driven.args.clone()).collect(),
            restarts: Arc::default(),
            #[cfg(feature = "test-hooks")]
            hooks: crate::hooks::hooks().clone(),
        };
        Ok(Self { control, arguments, entry_points, workers: threads, readiness, telemetry, log })
    }

    /// Serves until a signal has ended it. `beside`: runs as long.
    pub(crate) fn run(self, beside: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { control, arguments, entry_points, workers, readiness, telemetry, log } = self;
        control.block_on(async {
            let stop = watch::Sender::new(false);
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(actors::keep_running(arguments.clone(), stop.subscribe()));
            tasks.spawn(beside);
            let mut signals = signals::Signals::listen().map_err(Error::Signals)?;
            signals.until_stop(&telemetry, &log, &arguments.providers).await;
            readiness.drain();
            tokio::select! {
                () = drain::drain(&entry_points, &telemetry) => {}
                () = signals.until_stop(&telemetry, &log, &arguments.providers) => tracing::warn!("told twice, ending at once"),
            }
            stop.send_replace(true);
            drain::end(&entry_points, &workers, &telemetry).await;
            telemetry.flush(Duration::from_secs(3)).await;
            Ok(())
        })?;
        control.shutdown_timeout(Duration::from_millis(200));
        Ok(())
    }
}

/// What the parts are made of.
struct Parts<'a> {
    install: &'a Install,
    control: &'a Handle,
    telemetry: &'a Arc<Telemetry>,
    readiness: &'a Arc<Readiness>,
}

impl Parts<'_> {
    fn configuration(&self, workers: usize) -> (configurator::Arguments, Vec<actors::provider::Arguments>) {
        let install = self.install;
        let entry_points = assembly::entry_points(install);
        let internal = assembly::internal(install, &entry_points);
        #[cfg(feature = "test-hooks")]
        let internal = crate::hooks::route(internal, install);
        let internal = Arc::new(internal);
        let resolver = Resolver::new(self.control.clone());
        let mut cx = Context::new(entry_points, install.servers_transport.clone(), resolver, workers);
        cx.precedence = install.providers.precedence();
        cx.admissions = assembly::admissions(install);
        cx.proxies = Proxies::read(|name| std::env::var(name).ok());
        // The handlers need the cells, and the first snapshot needs no handlers.
        let (mut empty, report) = snapshot::compile(&dynamic::Configuration::default(), None, &cx);
        empty.complete = false;
        let published = Arc::new(Published::new(Arc::new(empty)));
        let report = watch::Sender::new(Arc::new(report));
        self.add_handlers(&mut cx, &published, &report);
        // So that probes are probes from the first request on, in metrics and in the access log too.
        let own = Documents::from([(provider::internal::NAME.into(), Arc::clone(&internal))]);
        let own = dynamic::merge::merge(&own, &cx.entry_points);
        let (mut own, _told_by_the_configurator) = snapshot::compile(&own, None, &cx);
        own.complete = false;
        published.store(Arc::new(own));
        let providers = providers(install);
        let readiness = Arc::clone(self.readiness);
        let configurator = configurator::Arguments {
            documents: providers.iter().map(|provider| provider.documents.subscribe()).collect(),
            internal,
            context: Arc::new(cx),
            published,
            report,
            metrics: Arc::clone(self.telemetry.metrics()),
            throttle: install.providers.providers_throttle_duration.to_std(),
            completed: Arc::new(move || readiness.configuration_is_complete()),
        };
        (configurator, providers)
    }

    fn add_handlers(
        &self,
        cx: &mut Context,
        published: &Arc<Published>,
        report: &watch::Sender<Arc<Report>>,
    ) {
        let control = self.control.clone();
        if let Some(config) = &self.install.api {
            let api =
                Api::new(config, self.facts(), Arc::clone(published), report.subscribe(), control.clone());
            cx.add_handler("api@internal", Arc::new(api));
        }
        if let Some(ping) = &self.install.ping {
            cx.add_handler("ping@internal", Arc::new(Probes::new(ping, Arc::clone(self.readiness))));
        }
        if self.install.metrics.as_ref().is_some_and(|metrics| metrics.prometheus.is_some()) {
            let metrics = Arc::clone(self.telemetry.metrics());
            let prometheus = Prometheus::new(metrics, Arc::clone(published), report.subscribe(), control);
            cx.add_handler("prometheus@internal", Arc::new(prometheus));
        }
        #[cfg(feature = "test-hooks")]
        cx.add_handler(crate::hooks::SERVICE, Arc::new(crate::hooks::Handler));
    }

    fn facts(&self) -> Facts {
        let install = self.install;
        let shown = |config| serde_json::to_value(config).unwrap_or_default();
        let mut providers = Vec::new();
        if install.providers.file.is_some() {
            providers.push("File".to_owned());
        }
        if install.providers.manifests.is_some() {
            providers.extend(["KubernetesCRD".to_owned(), "KubernetesIngress".to_owned()]);
        }
        Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            codename: "portcullis".to_owned(),
            started: telemetry::rfc3339(SystemTime::now()),
            entry_points: install
                .entry_points
                .iter()
                .map(|(name, config)| (name.clone(), shown(config)))
                .collect(),
            features: api::Features {
                tracing: String::new(),
                metrics: install
                    .metrics
                    .as_ref()
                    .and_then(|m| m.prometheus.as_ref())
                    .map_or("", |_| "Prometheus")
                    .to_owned(),
                access_log: install.access_log.is_some(),
            },
            providers,
            dashboard_name: install.api.as_ref().map(|api| api.dashboard_name.clone()).unwrap_or_default(),
            disable_dashboard_ad: install.api.as_ref().is_some_and(|api| api.disable_dashboard_ad),
        }
    }

    fn entry_points(
        &self,
        sockets: Vec<(String, Arc<Sockets>)>,
        workers: &Arc<Workers>,
        published: &Arc<Published>,
        connections: usize,
    ) -> Result<Vec<Driven>, Error> {
        let places = Arc::new(Places::new(connections));
        let probes = self.install.ping.as_ref().map(|ping| ping.entry_point.as_str());
        let make = |(name, sockets): (String, Arc<Sockets>)| {
            let config = self.install.entry_points.get(&name).cloned().unwrap_or_default();
            let settings = assembly::settings(&config, self.install)
                .map_err(|problem| Error::EntryPoint { name: name.clone(), problem: Box::new(problem) })?;
            let entry_point = EntryPoint {
                name: name.as_str().into(),
                settings,
                published: Arc::clone(published),
                telemetry: Arc::clone(self.telemetry),
                open: Arc::default(),
                places: Arc::clone(&places),
                probes: probes == Some(name.as_str()),
                loops: Loops::new(workers.count()),
            };
            let phase = watch::Sender::new(Phase::Serving);
            let args = entry_point_actor::Arguments {
                entry_point: Arc::new(entry_point),
                sockets,
                workers: Arc::clone(workers),
                phase: phase.subscribe(),
            };
            Ok(Driven { args, phase })
        };
        sockets.into_iter().map(make).collect()
    }
}

/// Actors, watchers, the API: everything that serves nobody. CPU work goes to its bounded blocking pool.
fn control_runtime(cores: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .max_blocking_threads(cores.max(2))
        .thread_keep_alive(KEEP_ALIVE)
        .thread_name("control")
        .enable_all()
        .build()
}

fn providers(install: &Install) -> Vec<actors::provider::Arguments> {
    let mut providers = Vec::new();
    let mut add = |name, make: Arc<dyn Fn() -> Provider + Send + Sync>| {
        let documents = watch::Sender::new(Documents::default());
        providers.push(actors::provider::Arguments { name, make, documents, reread: Arc::default() });
    };
    if let Some(file) = install.providers.file.clone() {
        add("file", Arc::new(move || Provider::File(provider::file::File::new(&file))));
    }
    if let Some(manifests) = install.providers.manifests.clone() {
        add(
            "manifests",
            Arc::new(move || Provider::Manifests(provider::manifests::Manifests::new(&manifests))),
        );
    }
    providers
}

fn bind(install: &Install, workers: usize) -> Result<Vec<(String, Arc<Sockets>)>, Error> {
    let mut bound = Vec::new();
    let mut activation = Activation::of(crate::offline::environment());
    for (name, config) in &install.entry_points {
        let address = config.address().map_err(|error| Error::EntryPoint {
            name: name.clone(),
            problem: Box::new(Problem::field("address", error)),
        })?;
        let sockets = activation.take(name).and_then(|passed| match passed {
            Some(listener) => Sockets::adopt(listener, workers),
            None => Sockets::bind(assembly::listen(config, &address, install)?, workers),
        });
        let sockets = sockets.map_err(|source| Error::Bind {
            name: name.clone(),
            address: config.address.clone(),
            source,
        })?;
        tracing::info!(entry_point = name, address = %sockets.address(), "listening");
        bound.push((name.clone(), Arc::new(sockets)));
    }
    for name in activation.left() {
        tracing::warn!(name, "systemd passes a socket whose name no entry point has: it is not served");
    }
    Ok(bound)
}

/// Raises the limit on descriptors as far as it goes, and says how many connections that leaves room for: each may
/// need another one upstream.
fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let descriptors = current.unwrap_or(1 << 20);
    usize::try_from(descriptors.saturating_sub(RESERVED_DESCRIPTORS) / 2).unwrap_or(usize::MAX).max(64)
}
