//! Requests to try middlewares with, and the order in which a route's steps run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use exchange::{Body, Connection, Record, Request, Response, connection};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::*;
use crate::run::through;

pub(crate) fn request(target: &str) -> Request {
    request_to("a.test", target)
}

pub(crate) fn request_to(host: &str, target: &str) -> Request {
    let (head, ()) = http::Request::builder().uri(target).header("host", host).body(()).unwrap().into_parts();
    let connection = Rc::new(connection("127.0.0.1:1000", None));
    Request {
        record: Rc::new(Record::new(Rc::clone(&connection), Method::GET, Instant::now())),
        head,
        body: Body::Empty,
        host: exchange::canonical::host(host).unwrap().0.as_ref().into(),
        client: connection.peer.ip(),
        connection,
        append_forwarded_for: true,
        upgrade: None,
    }
}

fn connection(peer: &str, tls: Option<connection::Tls>) -> Connection {
    let peer: SocketAddr = peer.parse().unwrap();
    Connection {
        entry_point: "web".into(),
        peer,
        local: "127.0.0.1:80".parse().unwrap(),
        peer_value: HeaderValue::try_from(peer.ip().to_string()).unwrap(),
        trusted: false,
        tls,
        open: connection::Open::count(&Arc::default()),
    }
}

pub(crate) fn with_peer(mut req: Request, peer: &str) -> Request {
    req.connection = Rc::new(connection(peer, None));
    req
}

pub(crate) fn over_tls(mut req: Request) -> Request {
    let tls = connection::Tls {
        version: "1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        sni: None,
        options: "default".into(),
        client_certificates: [].into(),
    };
    req.connection = Rc::new(connection("127.0.0.1:1000", Some(tls)));
    req
}

pub(crate) fn with_method(mut req: Request, method: &str) -> Request {
    req.head.method = method.parse().unwrap();
    req
}

pub(crate) fn with_header(mut req: Request, name: &str, value: &str) -> Request {
    let name: HeaderName = name.parse().unwrap();
    req.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    req
}

pub(crate) fn target(req: &Request) -> String {
    req.head.uri.to_string()
}

pub(crate) fn header_values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

pub(crate) fn passes(flow: &Flow) -> bool {
    matches!(flow, Flow::Continue | Flow::Remember(_))
}

pub(crate) fn answer(flow: Flow) -> Response {
    match flow {
        Flow::Answer(res) => *res,
        Flow::Continue | Flow::Remember(_) => panic!("it passed"),
    }
}

pub(crate) fn text(res: &Response) -> String {
    match &res.body {
        Body::Full(bytes) => String::from_utf8(bytes.clone().unwrap_or_default().to_vec()).unwrap(),
        other => panic!("{other:?} is no text"),
    }
}

/// The status and `Location` of a redirect; `None`: the request passes.
pub(crate) fn redirected(flow: Flow, wanted: Option<(u16, &str)>) {
    let Some((status, location)) = wanted else {
        assert!(passes(&flow), "it should pass, not go to {:?}", answer(flow).headers().get("location"));
        return;
    };
    let res = answer(flow);
    assert_eq!(res.status().as_u16(), status);
    assert_eq!(header_values(res.headers(), "location"), [location]);
    assert_eq!(text(&res), StatusCode::from_u16(status).unwrap().canonical_reason().unwrap());
}

pub(crate) fn build_error<T>(built: Result<T, Problem>, path: &str) {
    match built {
        Ok(_) => panic!("it should not build"),
        Err(problem) => assert_eq!(problem.path, path, "{problem}"),
    }
}

/// Middlewares by name, for chains.
struct Named(RefCell<BTreeMap<&'static str, Config>>);

impl Context for Named {
    fn middleware(&self, name: &str) -> Result<Vec<Step>, Problem> {
        let config = self.0.borrow().get(name).cloned();
        let config = config.ok_or_else(|| Problem::error("not_found", format!("there is no `{name}`")))?;
        config.build(name, self)
    }
}

fn named(list: &[(&'static str, &str)]) -> Named {
    let read = |(name, json): &(&'static str, &str)| (*name, serde_json::from_str(json).unwrap());
    Named(RefCell::new(list.iter().map(read).collect()))
}

fn steps(list: &[(&'static str, &str)], names: &[&str]) -> Vec<Step> {
    let named = named(list);
    names.iter().flat_map(|name| named.middleware(name).unwrap()).collect()
}

const ONE: (&str, &str) = (
    "one",
    r#"{"headers": {"customRequestHeaders": {"X-Order": "one"}, "customResponseHeaders": {"X-Order": "one", "X-One": "1"}}}"#,
);
const TWO: (&str, &str) = (
    "two",
    r#"{"headers": {"customRequestHeaders": {"X-Order": "two"}, "customResponseHeaders": {"X-Order": "two", "X-Two": "1"}}}"#,
);
const AUTH: (&str, &str) = ("auth", r#"{"basicAuth": {"users": ["sha:{SHA}xO2etOilyqtV8o1RvvnmkeBx7QI="]}}"#);

/// The request that the service sees, if it is called, and the response of the client.
async fn send(steps: &[Step], req: Request) -> (Option<Request>, Response) {
    let mut seen = None;
    let res = through(steps, req, async |req: Request| {
        seen = Some(req);
        Response::new(StatusCode::OK, Body::Empty)
    })
    .await;
    (seen, res)
}

/// What the service sees of a header, and what the client does.
async fn order(list: &[(&'static str, &str)], names: &[&str]) -> (Option<String>, String) {
    let (seen, res) = send(&steps(list, names), request("/")).await;
    let seen = seen.map(|req| header_values(req.headers(), "x-order").concat());
    (seen, header_values(res.headers(), "x-order").concat())
}

#[tokio::test]
async fn requests_go_forwards_and_responses_backwards() {
    let pair = |seen: &str, got: &str| (Some(seen.to_owned()), got.to_owned());
    assert_eq!(order(&[ONE, TWO], &["one", "two"]).await, pair("two", "one"));
    assert_eq!(order(&[ONE, TWO], &["two", "one"]).await, pair("one", "two"));
    assert_eq!(order(&[], &[]).await, pair("", ""));
}

#[tokio::test]
async fn a_chain_is_its_members() {
    let chain = ("chain", r#"{"chain": {"middlewares": ["inner", "one"]}}"#);
    let inner = ("inner", r#"{"chain": {"middlewares": ["two"]}}"#);
    let (seen, got) = order(&[ONE, TWO, chain, inner], &["chain"]).await;
    assert_eq!((seen.as_deref(), got.as_str()), (Some("one"), "two"));
}

#[tokio::test]
async fn an_answer_passes_the_steps_before_it_and_no_other() {
    let list = [ONE, AUTH, TWO];
    let (seen, res) = send(&steps(&list, &["one", "auth", "two"]), request("/")).await;
    assert!(seen.is_none());
    assert_eq!(res.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header_values(res.headers(), "x-one"), ["1"]);
    assert_eq!(header_values(res.headers(), "x-two"), [""; 0]);
}

#[tokio::test]
async fn what_a_step_remembers_comes_back_to_it() {
    let cors = |origin: &str| format!(r#"{{"headers": {{"accessControlAllowOriginList": ["{origin}"]}}}}"#);
    let (a, b) = (cors("https://a.test"), cors("https://b.test"));
    let list = [("a", a.as_str()), ONE, ("b", b.as_str())];
    let req = with_header(request("/"), "origin", "https://b.test");
    let (_, res) = send(&steps(&list, &["a", "one", "b"]), req).await;
    assert_eq!(header_values(res.headers(), "access-control-allow-origin"), ["https://b.test"]);
}

#[tokio::test]
async fn strip_then_add() {
    let list = [
        ("strip", r#"{"stripPrefix": {"prefixes": ["/api"]}}"#),
        ("add", r#"{"addPrefix": {"prefix": "/v1"}}"#),
    ];
    for (names, path, wanted) in [
        (["strip", "add"], "/api/x", "/v1/x"),
        (["add", "strip"], "/api/x", "/v1/api/x"),
        (["strip", "add"], "/api", "/v1"),
        (["strip", "add"], "/api/", "/v1/"),
    ] {
        let (seen, _) = send(&steps(&list, &names), request(path)).await;
        assert_eq!(target(&seen.unwrap()), wanted, "{names:?} {path}");
    }
}

#[test]
fn a_missing_member_is_named() {
    let list = [ONE, ("chain", r#"{"chain": {"middlewares": ["one", "not-there"]}}"#)];
    build_error(named(&list).middleware("chain"), "chain.middlewares[1]");
}

#[test]
fn a_mistake_has_its_path_from_the_kind_on() {
    let list = [("x", r#"{"rateLimit": {"average": -1}}"#), ("y", r#"{"chain": {"middlewares": ["x"]}}"#)];
    build_error(named(&list).middleware("x"), "rateLimit.average");
    let problem = named(&list).middleware("y").unwrap_err();
    assert_eq!(
        (problem.path.as_str(), problem.object.as_deref()),
        ("rateLimit.average", Some("middleware `x`"))
    );
}

#[test]
fn kinds_that_are_not_built_are_named() {
    let json = r#"{"compress": {"minResponseBodyBytes": 7}}"#;
    let problem = named(&[("x", json)]).middleware("x").unwrap_err();
    assert_eq!(problem.code, "unsupported_middleware");
    assert_eq!(problem.message, "the middleware kind `compress` is not supported yet");
    let json = r#"{"plugin": {"geoblock": {"any": ["thing"]}}}"#;
    let problem = named(&[("x", json)]).middleware("x").unwrap_err();
    assert_eq!(problem.message, "plugins are not supported: `geoblock`");
}

#[test]
fn every_kind_is_read_by_its_name() {
    let schema = document::Schema::of::<Config>();
    let mut kinds = 0;
    for branch in schema.as_json().get("oneOf").unwrap().as_array().unwrap() {
        let kind = branch.get("required").unwrap()[0].as_str().unwrap();
        let config: Config = serde_json::from_str(&format!("{{\"{kind}\": {{}}}}")).unwrap();
        assert_eq!(config.kind(), kind);
        assert_eq!(serde_json::to_string(&config).unwrap(), format!("{{\"{kind}\":{{}}}}"));
        kinds += 1;
    }
    assert_eq!(kinds, 26);
}

#[test]
fn unknown_options_are_mistakes() {
    for json in [
        r#"{"addPrefix": {"prefixes": "/x"}}"#,
        r#"{"headers": {"customRequestHeader": {}}}"#,
        r#"{"rateLimit": {"sourceCriterion": {"host": true}}}"#,
        r#"{"unknown": {}}"#,
    ] {
        assert!(serde_json::from_str::<Config>(json).is_err(), "{json}");
    }
}

#[test]
fn documents_are_read_as_traefik_reads_them() {
    let read = |text: &str| {
        let (value, _) = document::parse(text, document::Format::Yaml).unwrap();
        document::schema::read::<Config>(&value)
    };
    let (config, problems) =
        read("ratelimit: { average: '100', period: 60, sourceCriterion: { ipStrategy: { DEPTH: '1' } } }");
    assert_eq!(problems, []);
    let Some(Config::RateLimit(config)) = config else { panic!("{config:?}") };
    assert_eq!((config.average, config.period.to_string().as_str()), (100, "1m0s"));
    assert_eq!(config.source_criterion.unwrap().ip_strategy.unwrap().depth, 1);
    let (config, problems) = read("headers: { customResponseHeaders: { X-A: 1, X-B: true, X-C: '' } }");
    assert_eq!(problems, []);
    let Some(Config::Headers(config)) = config else { panic!("{config:?}") };
    let values: Vec<&str> = config.custom_response_headers.values().map(String::as_str).collect();
    assert_eq!(values, ["1", "true", ""]);
    let (config, problems) = read("compress:");
    assert_eq!((config, problems.len()), (Some(Config::Compress(Unbuilt)), 0));
}

#[test]
fn steps_are_shared_between_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Step>();
}

#[test]
fn only_some_depend_on_more_than_their_configuration() {
    let read = |json: &str| serde_json::from_str::<Config>(json).unwrap();
    assert_eq!(read(r#"{"basicAuth": {"usersFile": "/u"}}"#).reads_files(), [PathBuf::from("/u")]);
    assert!(read(AUTH.1).reads_files().is_empty());
}
