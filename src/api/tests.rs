//! The API as tools read it: lists, objects, errors.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use dynamic::{Configuration, Element, Source};
use exchange::connection::Open;
use exchange::{Body, Connection, Handler, Record, Request, Response};
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use snapshot::{Context, Published, Report};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::{Api, Config, Facts, Features, Prometheus};

fn read<T: serde::de::DeserializeOwned>(name: &str, value: Value) -> (Arc<str>, Arc<Element<T>>) {
    (name.into(), Arc::new(Element::new(serde_json::from_value(value).unwrap(), Source::default())))
}

/// What a file says: a sound router, one whose service is missing, and TCP.
fn document() -> Configuration {
    let mut document = Configuration::default();
    document.http.routers.extend([
        read(
            "shop",
            json!({"rule": "Host(`shop.example`)", "service": "shop", "middlewares": ["strip"], "tls": {}}),
        ),
        read("lost", json!({"rule": "Path(`/lost`)", "service": "nowhere", "priority": 7})),
    ]);
    document.http.middlewares.extend([read("strip", json!({"stripPrefix": {"prefixes": ["/api"]}}))]);
    document.http.services.extend([read(
        "shop",
        json!({"loadBalancer": {"servers": [{"url": "http://127.0.0.1:8080"}], "passHostHeader": true}}),
    )]);
    document.tcp.routers.extend([read("db", json!({"rule": "HostSNI(`*`)", "service": "db"}))]);
    document
        .tcp
        .services
        .extend([read("db", json!({"loadBalancer": {"servers": [{"address": "127.0.0.1:5432"}]}}))]);
    document
}

fn entry_point(name: &str) -> dynamic::merge::EntryPoint {
    dynamic::merge::EntryPoint {
        name: name.into(),
        is_default: true,
        ..dynamic::merge::EntryPoint::default()
    }
}

fn compiled() -> (Arc<Published>, watch::Receiver<Arc<Report>>) {
    let entry_points = vec![entry_point("web")];
    let documents = BTreeMap::from([("file".into(), Arc::new(document()))]);
    let merged = dynamic::merge::merge(&documents, &entry_points);
    let resolver = service::resolve::Resolver::new(Handle::current());
    let cx = Context::new(entry_points, service::transport::Config::default(), resolver, 1);
    let (snapshot, report) = snapshot::compile(&merged, None, &cx);
    (Arc::new(Published::new(Arc::new(snapshot))), watch::channel(Arc::new(report)).1)
}

fn api(base_path: &str) -> Api {
    let facts = Facts {
        version: "1.2.3".to_owned(),
        codename: "portcullis".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        entry_points: vec![
            ("websecure".to_owned(), json!({"address": ":443"})),
            ("web".to_owned(), json!({"address": ":80"})),
        ],
        features: Features { metrics: "Prometheus".to_owned(), access_log: true, ..Features::default() },
        providers: vec!["File".to_owned()],
        ..Facts::default()
    };
    let (published, reports) = compiled();
    let config = Config { base_path: base_path.to_owned(), ..Config::default() };
    Api::new(&config, facts, published, reports, Handle::current())
}

fn request(method: Method, target: &str) -> Request {
    let connection = Rc::new(Connection {
        entry_point: "traefik".into(),
        peer: "127.0.0.1:4000".parse().unwrap(),
        local: "127.0.0.1:8080".parse().unwrap(),
        peer_value: HeaderValue::from_static("127.0.0.1"),
        trusted: false,
        tls: None,
        open: Open::count(&Arc::default()),
    });
    let (head, ()) =
        http::Request::builder().method(method.clone()).uri(target).body(()).unwrap().into_parts();
    Request {
        head,
        body: Body::Empty,
        host: "gateway".into(),
        client: connection.peer.ip(),
        record: Rc::new(Record::new(Rc::clone(&connection), method, Instant::now())),
        connection,
        append_forwarded_for: true,
        upgrade: None,
    }
}

async fn text(res: Response) -> String {
    String::from_utf8(res.body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn get(target: &str) -> (u16, Value) {
    let res = api("/").handle(request(Method::GET, target)).await;
    assert_eq!(res.headers()["content-type"], "application/json");
    let status = res.status().as_u16();
    (status, serde_json::from_str(&text(res).await).unwrap())
}

#[track_caller]
fn check(got: &(u16, Value), status: u16, wanted: &Value) {
    assert_eq!((got.0, &got.1), (status, wanted), "{}", got.1);
}

#[tokio::test]
async fn a_router_is_shown_as_traefik_shows_it() {
    let wanted = json!({
        "entryPoints": ["web"], "middlewares": ["strip@file"], "service": "shop@file",
        "rule": "Host(`shop.example`)", "priority": 20, "priorityStr": "20", "tls": {"options": "default"},
        "observability": {"accessLogs": true, "metrics": true, "tracing": true, "traceVerbosity": "minimal"},
        "status": "enabled", "using": ["web"], "name": "shop@file", "provider": "file",
    });
    check(&get("/api/http/routers/shop@file").await, 200, &wanted);
    check(&get("/api/http/routers/shop%40file").await, 200, &wanted);
}

#[tokio::test]
async fn a_broken_router_says_why() {
    let (status, router) = get("/api/http/routers/lost@file").await;
    assert_eq!((status, &router["status"], &router["priority"]), (200, &json!("disabled"), &json!(7)));
    assert!(router["error"][0].as_str().unwrap().contains("nowhere@file"), "{router}");
}

#[tokio::test]
async fn services_and_middlewares_have_a_type_and_users() {
    let (_, service) = get("/api/http/services/shop@file").await;
    assert_eq!(
        (&service["type"], &service["usedBy"], &service["serverStatus"]),
        (&json!("loadbalancer"), &json!(["shop@file"]), &json!({"http://127.0.0.1:8080": "UP"}))
    );
    assert_eq!(service["loadBalancer"]["servers"], json!([{"url": "http://127.0.0.1:8080"}]));
    check(
        &get("/api/http/middlewares").await,
        200,
        &json!([{
            "stripPrefix": {"prefixes": ["/api"]}, "status": "enabled", "usedBy": ["shop@file"],
            "name": "strip@file", "provider": "file", "type": "stripprefix",
        }]),
    );
}

#[tokio::test]
async fn lists_are_cut_into_pages() {
    let res = api("/").handle(request(Method::GET, "/api/http/routers?per_page=1&sortBy=priority")).await;
    assert_eq!(res.headers()["x-next-page"], "2");
    let shown: Value = serde_json::from_str(&text(res).await).unwrap();
    assert_eq!((shown.as_array().unwrap().len(), &shown[0]["name"]), (1, &json!("lost@file")));
}

#[tokio::test]
async fn raw_data_has_every_object_by_name() {
    let (status, raw) = get("/api/rawdata").await;
    assert_eq!(status, 200);
    let router = &raw["routers"]["shop@file"];
    assert_eq!((&router["status"], &router["using"]), (&json!("enabled"), &json!(["web"])));
    for key in ["name", "provider", "priorityStr"] {
        assert!(router.get(key).is_none(), "{key}");
    }
    assert_eq!(raw["services"]["shop@file"]["serverStatus"], json!({"http://127.0.0.1:8080": "UP"}));
    assert!(raw["services"].get("noop@internal").is_some());
    assert_eq!(raw["tcpRouters"]["db@file"]["rule"], "HostSNI(`*`)");
    assert!(raw.get("udpRouters").is_none());
}

#[tokio::test]
async fn the_overview_counts() {
    let (_, overview) = get("/api/overview").await;
    assert_eq!(overview["http"]["routers"], json!({"total": 2, "warnings": 0, "errors": 1}));
    assert_eq!(overview["http"]["middlewares"], json!({"total": 1, "warnings": 0, "errors": 0}));
    assert_eq!(overview["features"], json!({"tracing": "", "metrics": "Prometheus", "accessLog": true}));
    assert_eq!((&overview["providers"], overview["udp"].get("middlewares")), (&json!(["File"]), None));
    assert_eq!(overview["certificates"]["total"], 1);
}

#[tokio::test]
async fn facts_are_shown() {
    check(
        &get("/api/version").await,
        200,
        &json!({"Version": "1.2.3", "Codename": "portcullis", "startDate": "2026-01-01T00:00:00Z"}),
    );
    check(
        &get("/api/entrypoints").await,
        200,
        &json!([{"address": ":80", "name": "web"}, {"address": ":443", "name": "websecure"}]),
    );
    check(&get("/api/entrypoints/web").await, 200, &json!({"address": ":80", "name": "web"}));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    for (target, message) in [
        ("/api/http/routers/x@file", "router not found: x@file"),
        ("/api/tcp/services/a%2Fb@file", "service not found: a/b@file"),
        ("/api/http/middlewares/x", "middleware not found: x"),
        ("/api/entrypoints/x", "entry point not found: x"),
        ("/api/certificates/x", "certificate not found: x"),
    ] {
        check(&get(target).await, 404, &json!({"message": message}));
    }
    check(&get("/api/http/routers/%ff").await, 400, &json!({"message": "the name cannot be decoded"}));
}

#[tokio::test]
async fn certificates_have_a_status() {
    let (status, certificates) = get("/api/certificates").await;
    let first = &certificates[0];
    assert_eq!((status, &first["status"]), (200, &json!("enabled")));
    let name = first["name"].as_str().unwrap();
    check(&get(&format!("/api/certificates/{name}")).await, 200, first);
}

#[tokio::test]
async fn explains_a_request() {
    let (status, explanation) = get("/api/explain?url=https%3A%2F%2Fshop.example%2Fa").await;
    assert_eq!((status, &explanation["router"]), (200, &json!("shop@file")));
    assert_eq!(get("/api/explain?url=x").await.0, 400);
}

#[tokio::test]
async fn only_reads_below_its_base_path() {
    for (base, method, target, wanted) in [
        ("/", Method::HEAD, "/api/version", 200),
        ("/", Method::POST, "/api/version", 405),
        ("/", Method::GET, "/api/nothing", 404),
        ("/", Method::GET, "/api/http/routers/a/b", 404),
        ("/gate", Method::GET, "/gate/api/version", 200),
        ("/gate", Method::GET, "/api/version", 404),
    ] {
        let res = api(base).handle(request(method, target)).await;
        assert_eq!(res.status().as_u16(), wanted, "{target}");
    }
}

#[tokio::test]
async fn a_scrape_sees_certificates_and_servers() {
    let telemetry = telemetry::Telemetry::start(None, None, &["web".into()]).unwrap();
    let config = telemetry::config::Metrics {
        prometheus: Some(telemetry::config::Prometheus::default()),
        ..telemetry::config::Metrics::default()
    };
    let with_metrics = telemetry::Telemetry::start(None, Some(&config), &["web".into()]).unwrap();
    let (published, reports) = compiled();
    for (telemetry, shown) in [(with_metrics, true), (telemetry, false)] {
        let metrics = Arc::clone(telemetry.metrics());
        let prometheus = Prometheus::new(metrics, Arc::clone(&published), reports.clone(), Handle::current());
        let res = prometheus.handle(request(Method::GET, "/metrics")).await;
        assert!(res.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        let text = text(res).await;
        assert!(text.contains("\ntraefik_tls_certs_not_after{cn=\""), "{text}");
        let server = "\ntraefik_service_server_up{service=\"shop@file\",url=\"http://127.0.0.1:8080\"} 1\n";
        assert_eq!(text.contains(server), shown);
    }
}
