//! Every reason for which the gateway answers by itself, with the status that the client gets for it: what somebody
//! who reads the access log looks up.

use serde_json::{Value, json};

use crate::harness::backend::{Answer, Close};
use crate::harness::connection::Connection;
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::load::guesses;
use crate::harness::secure::{ClientTls, ServerTls};
use crate::harness::{Backend, Gateway, Request, backend, eventually, gateway};
use crate::upstreams::connections::Hole;

const ROUTES: &str = "
http:
  routers:
    shop: { rule: 'Host(`shop.test`)', service: shop }
    patient: { rule: 'Host(`patient.test`)', service: patient }
    open: { rule: 'Host(`open.test`)', service: shop, tls: {} }
    inner: { rule: 'Host(`inner.test`)', service: shop, tls: { options: other } }
    broken: { rule: 'Host(`broken.test`)', service: nowhere }
    empty: { rule: 'Host(`empty.test`)', service: empty }
    dead: { rule: 'Host(`dead.test`)', service: dead }
    hole: { rule: 'Host(`hole.test`)', service: hole }
    name: { rule: 'Host(`name.test`)', service: name }
    tls: { rule: 'Host(`tls.test`)', service: tls }
    secret: { rule: 'Host(`secret.test`)', service: shop, middlewares: [auth] }
    limited: { rule: 'Host(`limited.test`)', service: shop, middlewares: [limit] }
    private: { rule: 'Host(`private.test`)', service: shop, middlewares: [allow] }
  middlewares:
    auth: { basicAuth: { users: ['bc:$2y$10$abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G'] } }
    limit: { rateLimit: { average: 1, burst: 1, period: 1h } }
    allow: { ipAllowList: { sourceRange: [203.0.113.1] } }
  services:
    shop: { loadBalancer: { serversTransport: quick, servers: [{ url: 'http://127.0.0.1:<shop>' }] } }
    patient: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<shop>' }] } }
    empty: { loadBalancer: { servers: [] } }
    dead: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<dead>' }] } }
    hole: { loadBalancer: { serversTransport: quick, servers: [{ url: 'http://127.0.0.1:<hole>' }] } }
    name: { loadBalancer: { servers: [{ url: 'http://nowhere.invalid' }] } }
    tls: { loadBalancer: { servers: [{ url: 'https://127.0.0.1:<untrusted>' }] } }
  serversTransports:
    quick: { forwardingTimeouts: { dialTimeout: 1s, responseHeaderTimeout: 1s } }
tls: { options: { other: { minVersion: VersionTLS13 } } }
";

struct Site {
    gateway: Gateway,
    shop: Backend,
    /// Lines of the access log that were looked at.
    seen: usize,
    _kept: (Backend, Hole),
}

fn json_log() -> Value {
    json!({"accessLog": {"filePath": "access.log", "format": "json"}})
}

async fn site() -> Site {
    let shop = backend("shop").await;
    let untrusted =
        Backend::start("untrusted", Some(ServerTls::build("backend-untrusted", None, 13, &[])), 0).await;
    let hole = Hole::open().await;
    let dead = crate::harness::ports::free_port();
    let text = ROUTES.replace("<hole>", &hole.port().to_string()).replace("<dead>", &dead.to_string());
    let builder = gateway()
        .secure()
        .entry_point(
            "strict",
            json!({"http": {"underscoreHeadersStrategy": "reject", "maxHeaderBytes": 8192,
            "encodedCharacters": {"allowEncodedSlash": false}}}),
        )
        .entry_point("slow", json!({"transport": {"respondingTimeouts": {"readTimeout": "1s"}}}))
        .entry_point("large", json!({"http": {"maxHeaderBytes": 1 << 20}}))
        .install(json_log());
    let gateway = builder.file(&text).with(&shop).with(&untrusted).start().await;
    Site { gateway, shop, seen: 0, _kept: (untrusted, hole) }
}

impl Site {
    /// The next line of the log, which must say this.
    async fn logged(&mut self, status: u16, reason: &str) {
        let path = self.gateway.folder().join("access.log");
        let seen = self.seen;
        let line = eventually(&format!("a line for {reason}"), async || {
            std::fs::read_to_string(&path).ok()?.lines().nth(seen).map(str::to_owned)
        })
        .await;
        let entry: Value = serde_json::from_str(&line).unwrap();
        let got = (entry["DownstreamStatus"].as_u64(), entry["Reason"].as_str().unwrap_or("none"));
        assert_eq!(got, (Some(u64::from(status)), reason), "{entry}");
        self.seen += 1;
    }

    async fn get(&mut self, url: &str, status: u16, reason: &str) {
        self.gateway.get(url).await.is(status);
        self.logged(status, reason).await;
    }

    /// Sends these bytes to an entry point.
    async fn send(&mut self, entry_point: &str, bytes: &str, status: u16, reason: &str) {
        let mut client = self.gateway.connect(entry_point).await;
        client.send(bytes.as_bytes()).await.unwrap();
        client.answer("GET").await.is(status);
        self.logged(status, reason).await;
    }
}

#[tokio::test]
async fn of_routing() {
    let mut site = site().await;
    site.get("http://nobody.test/", 404, "no_router").await;
    site.get("http://broken.test/", 503, "router_disabled").await;
    site.gateway.get("https://open.test/").tls(ClientTls::to("open.test")).host("inner.test").await.is(421);
    site.logged(421, "misdirected").await;
}

/// Until every provider has delivered, nobody knows that there is no route. Here one is given a file that nobody
/// writes into.
#[tokio::test]
async fn of_a_gateway_that_starts() {
    let builder = gateway().install(json_log());
    let pipe = builder.folder().join("pipe.yml");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let builder = builder.install(json!({"providers": {"file": {"filename": pipe}}}));
    let gateway = builder.launch();
    let path = gateway.folder().join("access.log");
    let response = eventually("it answers", async || {
        let mut connection = Connection::open(gateway.address("web"), None, None).await.ok()?;
        let response = connection.ask(&Request::new("GET", "shop.test", "/")).await;
        (response.status != 0).then_some(response)
    })
    .await;
    response.is(503);
    let line =
        eventually("a line", async || std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty()))
            .await;
    let entry: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["DownstreamStatus"], &entry["Reason"]), (&json!(503), &json!("starting")), "{entry}");
}

#[tokio::test]
async fn of_services_and_endpoints() {
    let mut site = site().await;
    let shop = &site.shop;
    shop.answers("/silent", Answer::default().close(Close::Before));
    shop.answers("/nonsense", Answer::raw("220 mail.test ESMTP\r\n\r\n").close(Close::After));
    shop.answers("/held", Answer::status(200).hold());
    shop.answers("/cut", Answer::status(200).body("twelve bytes").close(Close::Mid));
    for (url, status, reason) in [
        ("http://empty.test/", 503, "no_endpoint"),
        ("http://dead.test/", 502, "dial_refused"),
        ("http://hole.test/", 504, "dial_timeout"),
        ("http://name.test/", 502, "name_not_resolved"),
        ("http://tls.test/", 502, "upstream_tls"),
        ("http://shop.test/silent", 502, "upstream_closed"),
        ("http://shop.test/nonsense", 502, "upstream_malformed"),
        ("http://shop.test/held", 504, "response_timeout"),
    ] {
        site.get(url, status, reason).await;
    }
    // An HTTP/1 client may find the connection closed before it sees a head.
    let response = site.gateway.get("http://shop.test/cut").await;
    assert!(response.closed && !response.complete, "{response}");
    site.logged(200, "body_cut_off").await;
}

#[tokio::test]
async fn of_requests_that_are_refused() {
    let mut site = site().await;
    let get =
        |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n");
    let large = format!("X: {}\r\n", "a".repeat(20_000));
    for (entry_point, bytes, status, reason) in [
        ("web", get("/%zz", ""), 400, "malformed"),
        ("web", "GET / HTTP/1.1\r\nHost shop.test\r\n\r\n".to_owned(), 400, "malformed"),
        ("strict", get("/", "X_User: 1\r\n"), 400, "header_refused"),
        ("strict", get("/a%2Fb", ""), 400, "encoded_character"),
        ("large", get(&format!("/{}", "a".repeat(70_000)), ""), 414, "uri_too_long"),
        ("strict", get("/", &large), 431, "headers_too_large"),
        ("web", get("/", &"X: a\r\n".repeat(300)), 431, "headers_too_large"),
        (
            "web",
            "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n".to_owned(),
            501,
            "connect_refused",
        ),
        ("slow", get("/", "Content-Length: 9\r\n"), 408, "request_timeout"),
    ] {
        site.send(entry_point, &bytes, status, reason).await;
    }
}

#[tokio::test]
async fn of_clients_that_leave() {
    let mut site = site().await;
    site.shop.answers("/held", Answer::status(200).hold());
    let mut client = site.gateway.connect("web").await;
    client.send(&Request::new("GET", "patient.test", "/held").bytes()).await.unwrap();
    eventually("it is at the backend", async || holds(site.shop.count() == 1)).await;
    drop(client);
    site.logged(499, "client_closed").await;
    let mut client = Http2::plain(&site.gateway, "web").await;
    let held = client.start(&http::Method::GET, "patient.test", "/held", &[], None).unwrap();
    eventually("it is at the backend", async || holds(site.shop.count() == 2)).await;
    drop(held);
    site.logged(499, "client_closed").await;
    // In the middle of its own body.
    let mut client = site.gateway.connect("web").await;
    client.send(b"POST / HTTP/1.1\r\nHost: patient.test\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    eventually("it is at the backend", async || holds(site.shop.count() == 3)).await;
    drop(client);
    site.logged(499, "client_closed").await;
}

#[tokio::test]
async fn of_middlewares() {
    let mut site = site().await;
    site.get("http://secret.test/", 401, "auth_failed").await;
    site.get("http://private.test/", 403, "ip_refused").await;
    site.get("http://limited.test/", 200, "none").await;
    site.get("http://limited.test/", 429, "rate_limited").await;
    let mut guesses = guesses(&site.gateway, "secret.test", "bc").await;
    while guesses.next().await.expect("one of them is told so") != 503 {
        site.logged(401, "auth_failed").await;
    }
    drop(guesses);
    site.logged(503, "overloaded").await;
}
