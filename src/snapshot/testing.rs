//! For tests: a document in YAML, compiled as the gateway would.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use document::{Format, Problem, Value, schema};
use dynamic::merge::{EntryPoint, merge};
use dynamic::{Configuration, Element, Map, Source};
use exchange::connection::Open;
use exchange::{Connection, Record, Request};
use http::{HeaderValue, Method};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::{Context, Report, Route, Snapshot, compile};

/// Names are never looked up in these tests, but the resolver wants a runtime.
static CONTROL: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// The entry points `web`, `websecure` and, not a default one, `traefik`.
pub(crate) fn context() -> Context {
    let entry_point =
        |name: &str, is_default| EntryPoint { name: name.into(), is_default, ..EntryPoint::default() };
    let entry_points =
        vec![entry_point("web", true), entry_point("websecure", true), entry_point("traefik", false)];
    let _inside = CONTROL.enter();
    let resolver = service::resolve::Resolver::new(CONTROL.handle().clone());
    Context::new(entry_points, service::transport::Config::default(), resolver, 1)
}

/// The document of one provider.
pub(crate) fn document(yaml: &str) -> Configuration {
    let text = Arc::new(document::Source::new("routes.yml", yaml));
    let (tree, problems) = text.parse(Format::Yaml).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let part = |path: [&str; 2]| {
        tree.get(path[0]).and_then(|section| section.get(path[1])).cloned().unwrap_or_default()
    };
    let mut configuration = Configuration::default();
    let http = &mut configuration.http;
    http.routers = objects(&part(["http", "routers"]), &text, "router");
    http.services = objects(&part(["http", "services"]), &text, "service");
    http.middlewares = objects(&part(["http", "middlewares"]), &text, "middleware");
    http.servers_transports = objects(&part(["http", "serversTransports"]), &text, "servers transport");
    configuration.tcp.routers = objects(&part(["tcp", "routers"]), &text, "TCP router");
    configuration.tcp.services = objects(&part(["tcp", "services"]), &text, "TCP service");
    configuration.udp.routers = objects(&part(["udp", "routers"]), &text, "UDP router");
    configuration.tls.options = objects(&part(["tls", "options"]), &text, "TLS options");
    configuration
}

fn objects<T: DeserializeOwned + JsonSchema + 'static>(
    section: &Value,
    text: &Arc<document::Source>,
    noun: &str,
) -> Map<T> {
    let read = |member: &document::Member| {
        let source = Source {
            file: Some(Arc::new(PathBuf::from(text.path()))),
            tree: Some(Arc::new(member.value.clone().into())),
            text: Some(Arc::clone(text)),
            ..Source::default()
        };
        let (config, problems) = schema::read::<T>(&member.value);
        let name = format!("{noun} `{}@file`", member.key);
        let problems: Vec<Problem> =
            problems.into_iter().map(|p| source.attach(p).in_object(&*name)).collect();
        let is_broken = problems.iter().any(Problem::is_error);
        let element = Element { config: config.filter(|_| !is_broken), problems, source };
        (member.key.as_str().into(), Arc::new(element))
    };
    section.members().iter().map(read).collect()
}

/// The documents of several providers, as one.
pub(crate) fn merged(documents: &[(&str, &str)], cx: &Context) -> Configuration {
    let documents: BTreeMap<Arc<str>, Arc<Configuration>> =
        documents.iter().map(|(provider, yaml)| ((*provider).into(), Arc::new(document(yaml)))).collect();
    merge(&documents, &cx.entry_points)
}

/// One file, compiled.
pub(crate) fn compiled(yaml: &str) -> (Snapshot, Report) {
    compiled_by(yaml, &context())
}

/// The same in a context of the test's own.
pub(crate) fn compiled_by(yaml: &str, cx: &Context) -> (Snapshot, Report) {
    compile(&merged(&[("file", yaml)], cx), None, cx)
}

/// What a route answers to a `GET`, and the router that the record names at the end.
pub(crate) fn serve(route: &Route, target: &str) -> (u16, String) {
    let connection = Rc::new(Connection {
        entry_point: "web".into(),
        peer: "127.0.0.1:4000".parse().unwrap(),
        local: "127.0.0.1:80".parse().unwrap(),
        peer_value: HeaderValue::from_static("127.0.0.1"),
        trusted: false,
        tls: None,
        open: Open::count(&Arc::default()),
    });
    let (mut head, ()) = http::Request::new(()).into_parts();
    head.uri = target.parse().unwrap();
    let record = Rc::new(Record::new(Rc::clone(&connection), Method::GET, std::time::Instant::now()));
    let req = Request {
        head,
        body: exchange::Body::Empty,
        host: "".into(),
        client: connection.peer.ip(),
        connection,
        record: Rc::clone(&record),
        append_forwarded_for: true,
        upgrade: None,
    };
    let res = CONTROL.block_on(route.serve(req));
    let router = record.route.borrow().as_ref().map(|name| name.router.to_string());
    (res.status().as_u16(), router.unwrap_or_default())
}

/// The codes of a list of problems.
pub(crate) fn codes(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.code).collect()
}
