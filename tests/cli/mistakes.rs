//! Mistakes: all of them at once, each with its place, and no secret beside them.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::folder;
use crate::harness::process::{Process, portcullis};
use crate::harness::secure::fixture_text;
use crate::harness::{backend, eventually, gateway, routes};

const SECRET: &str = "GEHEIM";

/// Taken for none, it would publish what it was written to keep out.
#[test]
fn a_label_selector_that_cannot_be_read_refuses_the_start() {
    let install = "entryPoints: { web: { address: ':0' } }
providers:
  manifests: { directory: ., kubernetesCRD: { labelSelector: 'l in (a' } }
";
    let folder = folder(&[("install.yml", install)]);
    for command in [&["check", "install.yml"][..], &["--configFile=install.yml"]] {
        let printed = portcullis(folder.path(), command);
        printed.ends_with(1).says("`l in (a` is no requirement").says("install.yml:3:62");
    }
}

/// Traefik's level hides warnings unless somebody asks for them; these are owed.
#[tokio::test]
async fn what_has_no_effect_is_said_at_every_level() {
    for (format, said) in [("common", " WRN the dashboard is not built yet"), ("json", "{\"level\":\"warn\"")]
    {
        let install = json!({"log": {"level": "ERROR", "format": format}, "api": {"dashboard": true}});
        let gateway = gateway().install(install).env("TRAEFIK_NONSENSE", "1").start().await;
        let log = gateway.log();
        assert!(log.contains(said), "{log}");
        assert_eq!(log.matches("the dashboard is not built yet").count(), 1, "{log}");
        assert!(log.contains("environment variables are ignored"), "{log}");
        assert!(!log.contains("listening"), "{log}");
    }
    let folder = folder(&[]);
    let env = [("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", "127.0.0.1:0"), ("TRAEFIK_NONSENSE", "1")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let process = Process::start(folder.path(), &[], &env);
    eventually("the variable is named", async || {
        process.log().contains("WRN unknown key `nonsense`").then_some(())
    })
    .await;
}

#[test]
fn a_wrong_type_hides_no_other_mistake() {
    let install = "entryPoints:
  web: { address: ':80', forwardedHeaders: { trustedIPs: [300.1.1.1, 10.0.0.0/44] } }
api: { insecure: [1] }
ping: { entryPoint: nowhere }
";
    let folder = folder(&[("install.yml", install)]);
    let printed = portcullis(folder.path(), &["--configFile=install.yml"]);
    printed.ends_with(1).says("`300.1.1.1`").says("`10.0.0.0/44`").says("install.yml:3:8").says("`nowhere`");
}

#[tokio::test]
async fn user_information_in_the_url_of_a_server_is_neither_sent_nor_shown() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]).replace("http://127.0.0.1", &format!("http://usr:{SECRET}@127.0.0.1"));
    assert!(text.contains(SECRET), "{text}");
    let gateway = gateway().with(&shop).file(&text).start().await;
    let answer = gateway.get("http://shop.test/").await;
    answer.is(200);
    assert!(!answer.text().to_lowercase().contains("authorization"), "{}", answer.text());
    let shown = gateway.api("/api/rawdata").await.to_string();
    let services = gateway.api("/api/http/services").await.to_string();
    let explained = gateway.api("/api/explain?url=http%3A%2F%2Fshop.test%2F").await.to_string();
    for text in [shown, services, explained, gateway.log()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(gateway.log().contains("user information"), "{}", gateway.log());
    let printed = portcullis(gateway.folder(), &["check", "dynamic.yml"]);
    printed.ends_with(0).says("user information").never_says(SECRET);
}

#[test]
fn a_server_needs_a_scheme() {
    let text = "http: { services: { s: { loadBalancer: { servers: [{ url: '127.0.0.1:80' }] } } } }\n";
    let folder = folder(&[("a.yml", text)]);
    let printed = portcullis(folder.path(), &["check", "a.yml"]);
    printed.ends_with(1).says("it has no scheme").says("a.yml:1:59").says("for example `http://");
}

#[test]
fn lines_that_are_shown_hold_no_secret() {
    let install = format!(
        "entryPoints: {{ web: {{ address: ':0' }} }}
tracing: {{ otlp: {{ http: {{ headers: {{ Authorization: {SECRET} }} }} }} }}
nonsense: {SECRET}
"
    );
    let dynamic = format!(
        "http:
  middlewares:
    one: {{ basicAuth: {{ user: ['joe:{SECRET}'], users: ['a:{SECRET}'] }} }}
    two: {{ forwardAuth: {{ address: 'http://a', tls: {{ key: {SECRET}, kez: {SECRET} }} }} }}
    three:
      headers:
        customRequestHeaders:
          'no name': {SECRET}
          Authorization: {SECRET}
        nothing: {SECRET}
"
    );
    let folder = folder(&[("install.yml", &install), ("dynamic.yml", &dynamic)]);
    let printed = portcullis(folder.path(), &["check", "install.yml", "dynamic.yml"]);
    printed.ends_with(1).never_says(SECRET);
    printed.says("   | tracing:\n").says("   | nonsense:\n").says(" user:\n").says("        nothing:\n");
    portcullis(folder.path(), &["--configFile=install.yml"]).ends_with(1).never_says(SECRET);
}

/// No line of theirs names what they are.
#[test]
fn values_below_the_key_of_a_secret_are_not_shown() {
    let dynamic = format!(
        "http:
  middlewares:
    one:
      basicAuth:
        users:
          - joe:{SECRET}
"
    );
    let manifest = "apiVersion: v1
kind: Secret
metadata: { name: cert }
stringData:
  pin:
    12345678
";
    let folder = folder(&[("dynamic.yml", &dynamic), ("secret.yml", manifest)]);
    let printed = portcullis(folder.path(), &["check", "dynamic.yml"]);
    printed.says("no password matches the user `joe`").says("dynamic.yml:6:").never_says(SECRET);
    let printed = portcullis(folder.path(), &["check", "secret.yml"]);
    printed.ends_with(1).says("a value of this Secret is of the wrong type").says("secret.yml:6:5");
    printed.says("stringData.pin").never_says("12345678");
}

/// The place of each is found in the same object.
#[test]
fn an_object_of_thousands_of_mistakes_is_read_once() {
    let mut route = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: web }
spec:
  routes:
"
    .to_owned();
    for index in 0..2_000 {
        route.push_str(&format!(
            "    - {{ match: Host(`{index}.test`), kind: Rule, middlewares: [{{ name: gone }}], services: [{{ name: api@internal, kind: TraefikService }}] }}\n"
        ));
    }
    let folder = folder(&[("m.yml", &route)]);
    let started = Instant::now();
    let printed = portcullis(folder.path(), &["check", "m.yml"]);
    printed.ends_with(1).says("m.yml:2005:");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_secret_without_its_keys_is_an_error() {
    let route = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: web }
spec:
  routes: [{ match: Host(`a.test`), kind: Rule, services: [{ name: api@internal, kind: TraefikService }] }]
  tls: { secretName: cert }
---
apiVersion: v1
kind: Secret
metadata: { name: cert }
";
    let folder = folder(&[
        ("lacks.yml", &format!("{route}stringData: {{ tls.crt: x }}\n")),
        ("broken.yml", &format!("{route}data: {{ tls.crt: eA==, tls.key: '{SECRET}!' }}\n")),
    ]);
    portcullis(folder.path(), &["check", "lacks.yml"]).ends_with(1).says("has no `tls.key`");
    let text = "apiVersion: traefik.io/v1alpha1
kind: TLSOption
metadata: { name: a }
spec: { clientAuth: { secretNames: [cert] } }
---
apiVersion: v1
kind: Secret
metadata: { name: cert }
stringData: { ca.crt: GEHEIM }
";
    fs::write(folder.path().join("authority.yml"), text).unwrap();
    let printed = portcullis(folder.path(), &["check", "authority.yml"]);
    printed.ends_with(1).says("Secret `default/cert` has no PEM in `ca.crt`").never_says(SECRET);
    let text = "apiVersion: traefik.io/v1alpha1
kind: ServersTransport
metadata: { name: a }
spec: { rootCAs: [{ configMap: ca }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ca }
data: { ca.crt: /etc/GEHEIM }
";
    fs::write(folder.path().join("map.yml"), text).unwrap();
    let printed = portcullis(folder.path(), &["check", "map.yml"]);
    printed.ends_with(1).says("the ConfigMap `default/ca` has no PEM in `ca.crt`").says("map.yml:4:");
    let printed = portcullis(folder.path(), &["check", "broken.yml"]);
    printed.ends_with(1).says("the value of `tls.key` is no base64").says("Secret `default/cert`");
    printed.says("broken.yml:11:").never_says("there is no Secret").never_says("Invalid symbol");
    printed.never_says(SECRET);
}

#[test]
fn a_file_that_the_install_configuration_names_and_is_not_there_is_said() {
    let install = "entryPoints: { web: { address: ':0' } }
providers: { file: { filename: gone.yml } }
";
    let folder = folder(&[("install.yml", install)]);
    let printed = portcullis(folder.path(), &["check", "install.yml"]);
    printed.ends_with(0).says("warning: there is no file `gone.yml`").says("install.yml:2:32");
    let printed = portcullis(folder.path(), &["check", "--strict", "install.yml"]);
    printed.ends_with(1).says("error: there is no file `gone.yml`");
}

/// Of the key that does not fit, the Secret is named: its content has no name.
#[test]
fn certificates_are_named_by_their_secret() {
    let read = fixture_text;
    let indented = |text: &str| text.replace('\n', "\n    ");
    let manifest = format!(
        "apiVersion: traefik.io/v1alpha1
kind: TLSStore
metadata: {{ name: default }}
spec: {{ certificates: [{{ secretName: pair }}] }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: pair }}
stringData:
  tls.crt: |
    {}
  tls.key: |
    {}
",
        indented(&read("backend.crt")),
        indented(&read("exact.key")),
    );
    let folder = folder(&[("pair.yml", &manifest)]);
    let printed = portcullis(folder.path(), &["check", "pair.yml"]);
    printed.ends_with(1).says("the private key does not belong to the certificate\n").never_says("***");
    printed.says("Secret `default/pair`");
}
