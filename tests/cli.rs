//! The command line: what a person types, and what is said back.

mod demo;
mod explain;
mod mistakes;

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::harness::connection::Connection;
use crate::harness::eventually::holds;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, portcullis, portcullis_with};
use crate::harness::{Request, backend, eventually, gateway, routes};

const GOOD: &str = "http:
  routers:
    shop: { rule: 'Host(`shop.test`) && PathPrefix(`/a`)', service: shop, middlewares: [strip] }
    all: { rule: 'Host(`shop.test`)', service: shop }
  middlewares: { strip: { stripPrefix: { prefixes: [/a] } } }
  services: { shop: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:9' }] } } }
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn it_says_what_it_is() {
    let folder = folder(&[]);
    portcullis(folder.path(), &["version"]).ends_with(0).says(env!("CARGO_PKG_VERSION"));
    portcullis(folder.path(), &["--version"]).ends_with(0).says(env!("CARGO_PKG_VERSION"));
    portcullis(folder.path(), &["--help"]).ends_with(0).says("demo").says("check").says("explain");
}

#[test]
fn a_misspelt_command_starts_nothing() {
    let folder = folder(&[]);
    portcullis(folder.path(), &["chek"]).ends_with(2).says("did you mean `check`");
    portcullis(folder.path(), &["--no-such-flag=1"]).ends_with(1).says("--no-such-flag");
    portcullis(folder.path(), &["--entrypoints.web.adress=:80"]).ends_with(1).says("did you mean `address`");
}

#[test]
fn a_typo_in_the_configuration_refuses_the_start_with_its_place() {
    let folder =
        folder(&[("install.yml", "entryPoints:\n  web:\n    adress: ':80'\nlog: { levle: DEBUG }\n")]);
    let printed = portcullis(folder.path(), &["--configFile=install.yml"]);
    // Every mistake at once, each with its line.
    printed.ends_with(1).says("install.yml:3:5").says("did you mean `address`");
    printed.says("install.yml:4:").says("did you mean `level`");
    portcullis(folder.path(), &["--configFile=none.yml"]).ends_with(1).says("none.yml");
}

#[test]
fn check_finds_nothing_in_what_is_good() {
    let folder = folder(&[("good.yml", GOOD)]);
    portcullis(folder.path(), &["check", "good.yml"]).ends_with(0).says("no problem");
}

#[test]
fn check_says_place_reason_and_remedy() {
    let bad = GOOD.replace("Host(`shop.test`)'", "Hots(`shop.test`)'").replace("[strip]", "[stirp]");
    let folder = folder(&[("bad.yml", &bad)]);
    let printed = portcullis(folder.path(), &["check", "bad.yml"]);
    printed.ends_with(1).says("unknown matcher `Hots`").says("bad.yml:4:19").says("did you mean `Host`");
    printed.says("`stirp").says("did you mean `strip");
}

/// What is read and has no effect is named, and what would route otherwise than it says refuses the start.
#[test]
fn options_that_are_not_built_are_named() {
    let install = "entryPoints:
  web: { address: ':0', allowACMEByPass: true, udp: { timeout: 5s } }
tcpServersTransport: { dialTimeout: 3s }
hostResolver: { resolvConfig: /etc/resolv.conf, resolvDepth: 3 }
cluster: { secret: geheim }
";
    let folder = folder(&[
        ("install.yml", install),
        ("v2.yml", "core: { defaultRuleSyntax: v2 }\n"),
        ("codes.yml", "accessLog:\n  filters: { statusCodes: ['200', 4xx] }\n"),
    ]);
    let printed = portcullis(folder.path(), &["check", "install.yml"]);
    printed.ends_with(0).says("6 warnings").never_says("geheim");
    for (place, name) in [
        ("2:25", "allowACMEByPass"),
        ("2:55", "udp.timeout"),
        ("3:1", "tcpServersTransport"),
        ("4:17", "resolvConfig"),
        ("4:49", "resolvDepth"),
        ("5:12", "cluster.secret"),
    ] {
        printed.says(&format!("install.yml:{place}")).says(&format!("warning: `{name}`"));
    }
    for command in [&["check", "v2.yml"][..], &["--configFile=v2.yml"]] {
        portcullis(folder.path(), command).ends_with(1).says("`v2` is not supported").says("v2.yml:1:28");
    }
    for command in [&["check", "codes.yml"][..], &["--configFile=codes.yml"]] {
        portcullis(folder.path(), command).ends_with(1).says("`4xx`").says("codes.yml:2:35");
    }
}

#[test]
fn routers_to_what_is_not_there_are_found() {
    let routers = |service: &str| {
        format!("http: {{ routers: {{ own: {{ rule: 'Path(`/`)', service: {service} }} }} }}\n")
    };
    let folder = folder(&[
        ("dashboard.yml", &routers("dashboard@internal")),
        ("api.yml", &routers("api@internal")),
        ("without.yml", "entryPoints: { web: { address: ':0' } }\n"),
        ("with.yml", "entryPoints: { web: { address: ':0' } }\napi: {}\n"),
    ]);
    portcullis(folder.path(), &["check", "dashboard.yml"])
        .ends_with(1)
        .says("the dashboard is not built yet")
        .says("dashboard.yml:1:");
    portcullis(folder.path(), &["check", "api.yml"]).ends_with(0);
    portcullis(folder.path(), &["check", "api.yml", "with.yml"]).ends_with(0);
    portcullis(folder.path(), &["check", "api.yml", "without.yml"]).ends_with(1).says("`api@internal`");
}

#[test]
fn check_speaks_to_programs() {
    let folder = folder(&[("bad.yml", &GOOD.replace("Host(", "Hots("))]);
    let printed = portcullis(folder.path(), &["check", "--output", "json", "bad.yml"]);
    let found: Value = serde_json::from_str(&printed.ends_with(1).out).expect("JSON and nothing else");
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
    assert_eq!((&found[0]["severity"], &found[0]["line"]), (&"error".into(), &3.into()), "{found}");
    let printed = portcullis(folder.path(), &["check", "--output", "sarif", "bad.yml"]);
    let found: Value = serde_json::from_str(&printed.ends_with(1).out).expect("JSON and nothing else");
    assert_eq!(found["version"], "2.1.0", "{found}");
    assert_eq!(found["runs"][0]["results"].as_array().map(Vec::len), Some(2), "{found}");
}

#[test]
fn check_reads_manifests_too() {
    let manifest = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: web, namespace: shop }
spec:
  routes:
    - match: Host(`a.test`) && PathPrefx(`/x`)
      kind: Rule
      services: [{ name: gone, port: 80 }]
";
    let folder = folder(&[("route.yml", manifest)]);
    let printed = portcullis(folder.path(), &["check", "."]);
    printed.ends_with(1).says("PathPrefx").says("did you mean `PathPrefix`").says("route.yml:6");
    printed.says("gone");
}

#[test]
fn a_secret_is_never_printed() {
    let secret = "$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.";
    let text = GOOD
        .replace("stripPrefix: { prefixes: [/a] }", &format!("basicAuth: {{ users: ['a:{secret}', b] }}"));
    let folder = folder(&[("secret.yml", &text)]);
    portcullis(folder.path(), &["check", "secret.yml"]).ends_with(1).never_says("saltsalt");
    portcullis(folder.path(), &["check", "--output", "json", "secret.yml"]).never_says("saltsalt");
}

fn explained(folder: &Path, args: &[&str]) -> String {
    let all = [&["explain", "--configFile", "install.yml"], args].concat();
    portcullis(folder, &all).ends_with(0).out.clone()
}

#[test]
fn explain_says_why_and_where() {
    let install = "entryPoints: { web: { address: ':8000' } }\nproviders: { file: { filename: good.yml } }\n";
    let folder = folder(&[("good.yml", GOOD), ("install.yml", install)]);
    let text = explained(folder.path(), &["http://shop.test/a/x"]);
    for part in ["shop@file", "strip@file", "http://127.0.0.1:9", "good.yml:3"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let text = explained(folder.path(), &["http://shop.test/b"]);
    assert!(text.contains("PathPrefix(`/a`)") && text.contains("all@file"), "{text}");
    let text = explained(folder.path(), &["http://other.test/"]);
    assert!(text.contains("404"), "{text}");
    let json: Value =
        serde_json::from_str(&explained(folder.path(), &["--output", "json", "http://shop.test/a"])).unwrap();
    assert_eq!(json["router"], "shop@file", "{json}");
}

#[tokio::test]
async fn explain_asks_a_running_gateway() {
    let shop = backend("shop").await;
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    let api = format!("http://127.0.0.1:{}", gateway.port("traefik"));
    let printed = portcullis(gateway.folder(), &["explain", "--api", &api, "http://shop.test/"]);
    printed.ends_with(0).says("shop@file").says(&shop.url());
    assert_eq!(shop.count(), 0, "nothing is sent");
}

#[tokio::test]
async fn healthcheck_tells_by_its_status() {
    let mut gateway = gateway().start().await;
    let config = format!("--configFile={}", gateway.folder().join("install.yml").display());
    let folder = gateway.folder().to_owned();
    portcullis(&folder, &["healthcheck", &config]).ends_with(0).says("OK");
    gateway.terminate();
    gateway.exit().await;
    portcullis(&folder, &["healthcheck", &config]).ends_with(1);
}

/// Its own certificate is nobody's concern, and of no name that leads to an address.
#[tokio::test]
async fn healthcheck_asks_over_tls_where_the_ping_is_behind_it() {
    let gateway = gateway().secure().install(json!({"ping": {"entryPoint": "secure"}})).launch();
    let config = format!("--configFile={}", gateway.folder().join("install.yml").display());
    let printed = eventually("the ping answers over TLS", async || {
        let printed = portcullis(gateway.folder(), &["healthcheck", &config]);
        (printed.code == Some(0)).then_some(printed)
    })
    .await;
    printed.says(&format!("OK: https://127.0.0.1:{}/ping", gateway.port("secure")));
}

/// Flags and environment say what a file says.
#[tokio::test]
async fn flags_and_environment_configure_it() {
    let shop = backend("shop").await;
    let dynamic = routes(&["shop"]).replace("<shop>", &shop.port().to_string());
    let folder = folder(&[("dynamic.yml", &dynamic)]);
    let ports = [free_port(), free_port()];
    let flags = [
        format!("--entryPoints.web.address=127.0.0.1:{}", ports[0]),
        "--providers.file.filename=dynamic.yml".to_owned(),
    ];
    let variables = [
        ("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS".to_owned(), format!("127.0.0.1:{}", ports[1])),
        ("PORTCULLIS_PROVIDERS_FILE_FILENAME".to_owned(), "dynamic.yml".to_owned()),
        // Kubernetes makes such variables for services; they are no configuration.
        ("TRAEFIK_PORT".to_owned(), "tcp://10.0.0.1:80".to_owned()),
    ];
    let by_flags = Process::start(folder.path(), &flags, &[]);
    serves(ports[0], &by_flags).await;
    let by_variables = Process::start(folder.path(), &[], &variables);
    serves(ports[1], &by_variables).await;
    let printed = portcullis_with(folder.path(), &["--configFile=none.yml"], &[("TRAEFIK_API", "true")]);
    printed.ends_with(1);
}

/// What systemd has bound is served, and not bound again.
#[tokio::test]
async fn a_socket_from_systemd_is_the_entry_points() {
    let shop = backend("shop").await;
    let dynamic = routes(&["shop"]).replace("<shop>", &shop.port().to_string());
    let folder = folder(&[("dynamic.yml", &dynamic)]);
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let flags = [
        // Held by the socket that is passed, so binding it would fail.
        format!("--entryPoints.web.address=127.0.0.1:{port}"),
        "--providers.file.filename=dynamic.yml".to_owned(),
    ];
    let process = Process::start_with_socket(folder.path(), &flags, socket, "web");
    serves(port, &process).await;
}

async fn serves(port: u16, process: &Process) {
    eventually(&format!("port {port} serves; the log: {}", process.log()), async || {
        let mut client = Connection::open(([127, 0, 0, 1], port).into(), None, None).await.ok()?;
        holds(client.ask(&Request::new("GET", "shop.test", "/")).await.status == 200)
    })
    .await;
}
