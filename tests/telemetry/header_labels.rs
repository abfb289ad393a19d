//! Labels that are a request's headers: on the number of requests, and never more than there is room for.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{metrics, sum};
use crate::harness::process::portcullis;
use crate::harness::{Backend, Gateway, Request, backend, eventually, gateway};

/// Combinations of values that are told apart.
const MOST: usize = 1_000;

const LEVELS: [&str; 3] =
    ["traefik_entrypoint_requests_total", "traefik_router_requests_total", "traefik_service_requests_total"];

fn labelled() -> Value {
    let labels = json!({"shop": "X-Shop", "till": "x-till"});
    json!({"metrics": {"prometheus": {"addRoutersLabels": true, "headerLabels": labels}}})
}

async fn site() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let text = "http:
  routers:
    shop: { rule: 'Host(`shop.test`)', service: shop, middlewares: [renamed] }
  middlewares:
    renamed: { headers: { customRequestHeaders: { X-Shop: renamed } } }
  services:
    shop: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<shop>' }] } }
";
    let gateway = gateway().install(labelled()).file(text).with(&shop).start().await;
    (shop, gateway)
}

/// The metrics, once so many requests to `web` are counted.
async fn counted(gateway: &Gateway, requests: usize) -> BTreeMap<String, f64> {
    eventually(&format!("{requests} requests are counted"), async || {
        let metrics = metrics(gateway).await;
        (count(&metrics, LEVELS[0], &["entrypoint=\"web\""]) >= requests).then_some(metrics)
    })
    .await
}

fn count(metrics: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> usize {
    sum(metrics, name, labels).round() as usize
}

#[tokio::test]
async fn requests_are_counted_by_their_headers() {
    let (_shop, gateway) = site().await;
    for till in ["1", "1", "2"] {
        let call = gateway.get("http://shop.test/").header("X-Shop", "north \"a\\b\"");
        call.header("X-Till", till).await.is(200);
    }
    // The first of two, and none at all.
    gateway.get("http://shop.test/").header("X-Shop", "one").header("X-Shop", "two").await.is(200);
    gateway.get("http://shop.test/").await.is(200);
    let found = counted(&gateway, 5).await;
    for level in LEVELS {
        for (shop, till, expected) in
            [(r#"north \"a\\b\""#, "1", 2), (r#"north \"a\\b\""#, "2", 1), ("one", "", 1), ("renamed", "", 0)]
        {
            let labels = [&*format!("shop=\"{shop}\""), &*format!("till=\"{till}\"")];
            assert_eq!(count(&found, level, &labels), expected, "{level} {labels:?}");
        }
    }
    assert_eq!(count(&found, LEVELS[2], &["shop=\"\"", "till=\"\""]), 1);
    let others =
        found.keys().filter(|series| series.contains("till=") && !series.contains("_requests_total{"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// What a rule cannot read is no label either.
#[tokio::test]
async fn a_header_of_the_connection_alone_is_none() {
    let (_shop, gateway) = site().await;
    let call = gateway.get("http://shop.test/").header("X-Shop", "north").header("X-Till", "1");
    call.header("Connection", "X-Shop").await.is(200);
    let found = counted(&gateway, 1).await;
    assert_eq!(count(&found, LEVELS[0], &["shop=\"\"", "till=\"1\""]), 1);
}

#[tokio::test]
async fn a_long_value_is_cut() {
    let (_shop, gateway) = site().await;
    gateway.get("http://shop.test/").header("X-Shop", &"a".repeat(1_000)).await.is(200);
    let found = counted(&gateway, 1).await;
    assert_eq!(count(&found, LEVELS[0], &[&format!("shop=\"{}\"", "a".repeat(128))]), 1);
}

/// A client that sends ever new values would fill the memory.
#[tokio::test]
async fn values_beyond_the_limit_are_others() {
    const BEYOND: usize = 50;
    let (_shop, gateway) = site().await;
    // On two connections, which may be two workers'.
    for half in 0..2 {
        let mut connection = gateway.connect("web").await;
        for n in 0..(MOST + BEYOND) / 2 {
            let request = Request::new("GET", "nobody.test", "/");
            connection.ask(&request.header("X-Shop", &format!("{half}-{n}"))).await.is(404);
        }
    }
    // Known values, and those of requests without any, go on as before.
    gateway.get("http://nobody.test/").header("X-Shop", "0-0").await.is(404);
    gateway.get("http://nobody.test/").await.is(404);
    let found = counted(&gateway, MOST + BEYOND + 2).await;
    let other = ["shop=\"other\"", "till=\"other\""];
    assert_eq!(count(&found, LEVELS[0], &other), BEYOND);
    assert_eq!(count(&found, LEVELS[0], &["shop=\"0-0\""]), 2);
    let web = |series: &&String| series.starts_with(LEVELS[0]) && series.contains("entrypoint=\"web\"");
    assert_eq!(found.keys().filter(web).count(), MOST + 2);
    assert_eq!(gateway.log().matches("header labels have too many values").count(), 1);
}

#[test]
fn a_label_that_cannot_be_one_refuses_the_start() {
    let install = "entryPoints: { web: { address: ':0' } }
metrics:
  prometheus:
    headerLabels:
      shop: X-Shop
      a-b: X-Shop
      code: X-Code
      host: Host
";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("install.yml"), install).unwrap();
    for command in [&["check", "install.yml"][..], &["--configFile=install.yml"]] {
        let printed = portcullis(folder.path(), command);
        printed.ends_with(1).says("`a-b` is no label name").says("install.yml:6:");
        printed.says("the metrics have a label `code` already").says("install.yml:7:");
        printed.says("`Host` is no header of a request").says("install.yml:8:").never_says("install.yml:5:");
    }
}
