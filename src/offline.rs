//! A configuration that is read once and compiled, and never served: what `check` and `explain` share.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use document::Problem;
use dynamic::Map;
use dynamic::merge::{self, EntryPoint};
use exchange::{Answer, Error, Handler, Kind, Request};
use provider::{Documents, file, manifests};
use snapshot::{Context, Report, Snapshot};
use telemetry::config::Prometheus;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::assembly;
use crate::install::Install;

/// What serving the configuration would begin with.
pub(crate) struct Compiled {
    pub(crate) snapshot: Snapshot,
    pub(crate) report: Report,
    lints: Vec<Problem>,
}

/// Stands for a service of the gateway itself: it can be named, and is never asked.
struct Absent;

/// The entry point of routers that name none, where nothing says which there are.
const USUAL_ENTRY_POINT: &str = "web";

/// The entry point for TLS, as everybody calls it; in Traefik's chart its routers need not say so.
const TLS_ENTRY_POINT: &str = "websecure";

/// The environment as the install configuration reads it.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    // Neither names nor values of ours are anything but UTF-8.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The documents of these files: dynamic configuration, and Kubernetes manifests with the install configuration's
/// options for them.
pub(crate) fn read(install: &Install, dynamic: &[PathBuf], manifests: &[PathBuf]) -> Documents {
    let mut documents = Documents::new();
    if !dynamic.is_empty() {
        documents.insert(file::NAME.into(), Arc::new(file::read_all(dynamic)));
    }
    if !manifests.is_empty() {
        let options = install.providers.manifests.clone().unwrap_or_default();
        documents.extend(manifests::read_all(manifests, &options));
    }
    documents
}

/// The documents of the providers that the install configuration names.
pub(crate) fn read_providers(install: &Install) -> Documents {
    let file = install.providers.file.as_ref();
    let file = file.map(|file| if file.directory.is_empty() { &file.filename } else { &file.directory });
    let manifests = install.providers.manifests.as_ref().map(|manifests| &manifests.directory);
    let paths = |path: Option<&String>| path.map(PathBuf::from).into_iter().collect::<Vec<_>>();
    read(install, &paths(file), &paths(manifests))
}

/// Of a configuration that nobody has shown: takes it that the entry points exist which routers name, and that the
/// gateway's own services are on, for routers to name them.
pub(crate) fn assume(install: &mut Install, documents: &Documents) {
    install.api.get_or_insert_default();
    install.ping.get_or_insert_with(|| api::Ping { manual_routing: true, ..api::Ping::default() });
    let prometheus = || Prometheus { manual_routing: true, ..Prometheus::default() };
    install.metrics.get_or_insert_default().prometheus.get_or_insert_with(prometheus);
    let mut names: BTreeSet<String> = BTreeSet::new();
    for document in documents.values() {
        let http = configs(&document.http.routers).flat_map(|router| &router.entry_points);
        let tcp = configs(&document.tcp.routers).flat_map(|router| &router.entry_points);
        names.extend(http.chain(tcp).cloned());
    }
    if names.is_empty() {
        names.insert(USUAL_ENTRY_POINT.to_owned());
    }
    let assumed = |name: String| {
        let mut config = entrypoint::config::Config::default();
        config.http.tls = (name == TLS_ENTRY_POINT).then(Default::default);
        (name, config)
    };
    install.entry_points.extend(names.into_iter().map(assumed));
}

fn configs<T>(objects: &Map<T>) -> impl Iterator<Item = &T> {
    objects.values().filter_map(|element| element.config.as_ref())
}

/// Compiles what serving would compile.
pub(crate) fn compile(install: &Install, mut documents: Documents) -> Compiled {
    let entry_points = assembly::entry_points(install);
    documents.insert(provider::internal::NAME.into(), Arc::new(assembly::internal(install, &entry_points)));
    let merged = merge::merge(&documents, &entry_points);
    let cx = context(install, entry_points);
    let (snapshot, report) = snapshot::compile(&merged, None, &cx);
    let lints = snapshot::lint::lint(&merged, &snapshot);
    Compiled { snapshot, report, lints }
}

fn context(install: &Install, entry_points: Vec<EntryPoint>) -> Context {
    let resolver = service::resolve::Resolver::new(nobody());
    let mut cx = Context::new(entry_points, install.servers_transport.clone(), resolver, 1);
    cx.precedence = install.providers.precedence();
    cx.admissions = assembly::admissions(install);
    let metrics = install.metrics.as_ref();
    let own = [
        ("api@internal", install.api.is_some()),
        ("ping@internal", install.ping.is_some()),
        ("prometheus@internal", metrics.is_some_and(|metrics| metrics.prometheus.is_some())),
    ];
    for (name, _) in own.into_iter().filter(|(_, is_on)| *is_on) {
        cx.add_handler(name, Arc::new(Absent));
    }
    cx
}

/// A runtime that never runs: names of endpoints are not looked up, for no endpoint is ever asked.
fn nobody() -> Handle {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_current_thread()
            .build()
            .expect("a runtime without drivers needs nothing from the system")
    });
    RUNTIME.handle().clone()
}

// === impl Compiled ===

impl Compiled {
    /// Everything that was found, in no order.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.report.all_problems().into_iter().chain(&self.lints).cloned().collect()
    }
}

// === impl Absent ===

impl Handler for Absent {
    fn handle(&self, _req: Request) -> Answer<'_> {
        Box::pin(async { Error::internal(Kind::NoRouter).into_response() })
    }
}
