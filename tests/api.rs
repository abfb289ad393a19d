//! The API, probes and their like: what tools of Traefik's users read.

use serde_json::{Value, json};

use crate::harness::eventually::holds;
use crate::harness::routes::services;
use crate::harness::{Backend, Gateway, backend, eventually, gateway, routes};

const AUTH: &str = "$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.";

async fn site() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    one: {{ rule: 'Host(`one.test`)', service: shop, middlewares: [auth] }}
    two: {{ rule: 'Host(`two.test`)', service: shop }}
    broken: {{ rule: 'Host(`broken.test`)', service: nowhere }}
  middlewares: {{ auth: {{ basicAuth: {{ users: ['a:{AUTH}'] }} }} }}
  services:
{}",
        services(&["shop"])
    );
    let gateway =
        gateway().install(json!({"metrics": {"prometheus": {}}})).file(&text).with(&shop).start().await;
    (shop, gateway)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|item| item["name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn routers_services_and_middlewares_are_listed() {
    let (shop, gateway) = site().await;
    let routers = gateway.api("/api/http/routers").await;
    for name in ["one@file", "two@file", "broken@file", "ping@internal"] {
        assert!(names(&routers).contains(&name), "{name}: {routers}");
    }
    let one = gateway.api("/api/http/routers/one@file").await;
    assert_eq!(one["rule"], "Host(`one.test`)");
    assert_eq!((&one["status"], &one["provider"]), (&json!("enabled"), &json!("file")));
    assert!(one["service"].as_str().is_some_and(|name| name.starts_with("shop")), "{one}");
    assert_eq!((&one["using"], &one["priority"]), (&json!(["web"]), &json!(16)));
    assert_eq!(one["middlewares"], json!(["auth@file"]));
    let service = gateway.api("/api/http/services/shop@file").await;
    assert_eq!(
        (&service["type"], &service["serverStatus"][shop.url()]),
        (&json!("loadbalancer"), &json!("UP")),
        "{service}"
    );
    assert_eq!(service["usedBy"], json!(["one@file", "two@file"]));
    let middleware = gateway.api("/api/http/middlewares/auth@file").await;
    assert_eq!(
        (&middleware["type"], &middleware["usedBy"]),
        (&json!("basicauth"), &json!(["one@file"])),
        "{middleware}"
    );
}

/// Traefik shows users' hashes here.
#[tokio::test]
async fn secrets_are_not_shown() {
    let (_shop, gateway) = site().await;
    for path in ["/api/rawdata", "/api/http/middlewares", "/api/http/middlewares/auth@file"] {
        let response = gateway.internal(path).await;
        assert!(!response.is(200).text().contains("saltsalt"), "{path}");
    }
}

#[tokio::test]
async fn a_broken_object_says_what_is_wrong() {
    let (_shop, gateway) = site().await;
    let broken = gateway.api("/api/http/routers/broken@file").await;
    assert_eq!(broken["status"], "disabled");
    assert!(broken["error"][0].as_str().unwrap_or_default().contains("nowhere"), "{broken}");
    let listed = gateway.api("/api/http/routers?status=disabled").await;
    assert_eq!(names(&listed), ["broken@file"]);
    let overview = gateway.api("/api/overview").await;
    assert_eq!(overview["http"]["routers"]["errors"], 1, "{overview}");
    assert_eq!(overview["features"]["metrics"], "Prometheus", "{overview}");
    assert_eq!(overview["providers"], json!(["File"]), "{overview}");
}

#[tokio::test]
async fn lists_are_paged_searched_and_sorted() {
    let (_shop, gateway) = site().await;
    let page = gateway.internal("/api/http/routers?per_page=2&search=.test").await;
    page.is(200).has("X-Next-Page", "2").has("Content-Type", "application/json");
    assert_eq!(names(&page.json()), ["broken@file", "one@file"]);
    let page = gateway.internal("/api/http/routers?per_page=2&page=2&search=.test").await;
    page.is(200).has("X-Next-Page", "1");
    assert_eq!(names(&page.json()).first(), Some(&"two@file"));
    let sorted = gateway.api("/api/http/routers?search=.test&sortBy=name&direction=desc").await;
    assert_eq!(names(&sorted), ["two@file", "one@file", "broken@file"]);
    gateway.internal("/api/http/routers?page=0").await.is(400);
    gateway.internal("/api/http/routers?page=99").await.is(400);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let (_shop, gateway) = site().await;
    let missing = gateway.internal("/api/http/routers/none@file").await;
    missing.is(404).has("Content-Type", "application/json");
    assert_eq!(missing.json(), json!({"message": "router not found: none@file"}));
    let refused = gateway.call("POST", "http://localhost/api/http/routers").on("traefik").await;
    refused.is(405);
}

#[tokio::test]
async fn version_and_entry_points() {
    let (_shop, gateway) = site().await;
    let version = gateway.api("/api/version").await;
    assert!(version["Version"].is_string() && version["startDate"].is_string(), "{version}");
    let entry_points = gateway.api("/api/entrypoints").await;
    assert_eq!(names(&entry_points), ["traefik", "web"]);
    assert_eq!(entry_points[1]["address"], format!("127.0.0.1:{}", gateway.port("web")));
}

/// Where the dashboard asks for it.
#[tokio::test]
async fn the_version_tells_what_the_dashboard_is_called() {
    let api = json!({"api": {"dashboardName": "north", "disableDashboardAd": true}});
    let version = gateway().install(api).start().await.api("/api/version").await;
    assert_eq!((&version["dashboardName"], &version["disableDashboardAd"]), (&json!("north"), &json!(true)));
}

/// An option that is read and has no effect is told with its object, and its object serves.
#[tokio::test]
async fn what_has_no_effect_is_a_warning_of_its_object() {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    all: {{ rule: 'Host(`all.test`)', service: all }}
    old: {{ rule: 'Host(`old.test`)', service: all, ruleSyntax: v2 }}
    own: {{ rule: 'Host(`own.test`)', service: dashboard@internal }}
    odd: {{ rule: 'Host(`odd.test`)', service: all, ruleSyntax: v4, middlewares: [auth] }}
  middlewares: {{ auth: {{ basicAuth: {{ users: ['a:clear'] }} }} }}
  services:
    all: {{ weighted: {{ services: [{{ name: shop, weight: 3 }}], sticky: {{ cookie: {{}} }}, healthCheck: {{}} }} }}
{}",
        services(&["shop"])
    );
    let gateway = gateway().file(&text).with(&shop).start().await;
    gateway.get("http://all.test/").await.is(200).served_by(&shop);
    for (path, status, said) in [
        ("services/all@file", "warning", &["weighted.sticky", "weighted.healthCheck"][..]),
        ("routers/old@file", "disabled", &["the rule language `v2` is not supported"]),
        ("routers/own@file", "disabled", &["the dashboard is not built yet"]),
        ("routers/odd@file", "warning", &["there is no rule language `v4`"]),
        ("middlewares/auth@file", "warning", &["no password matches the user `a`"]),
    ] {
        let object = gateway.api(&format!("/api/http/{path}")).await;
        assert_eq!(object["status"], status, "{object}");
        let errors = object["error"].as_array().expect("messages");
        assert_eq!(errors.len(), said.len(), "{object}");
        for (error, said) in errors.iter().zip(said) {
            assert!(error.as_str().is_some_and(|error| error.contains(said)), "{error} {said}");
        }
        assert!(said.iter().all(|said| gateway.log().contains(said)), "{}", gateway.log());
        assert!(!object.to_string().contains("clear"), "{object}");
    }
    let all = gateway.api("/api/http/services/all@file").await;
    assert_eq!(all["weighted"]["services"][0]["weight"], 3, "{all}");
    // A rule of another language routes nothing, whatever it would mean in this one.
    gateway.get("http://old.test/").await.is(404);
}

#[tokio::test]
async fn raw_data_holds_everything_by_name() {
    let (_shop, gateway) = site().await;
    let raw = gateway.api("/api/rawdata").await;
    assert!(raw["routers"]["one@file"].is_object() && raw["services"]["shop@file"].is_object(), "{raw}");
    assert!(raw["middlewares"]["auth@file"].is_object(), "{raw}");
}

#[tokio::test]
async fn probes_tell_living_from_ready() {
    let (_shop, gateway) = site().await;
    for path in ["/ping", "/livez", "/readyz", "/startupz"] {
        gateway.internal(path).await.is(200);
    }
    assert_eq!(gateway.internal("/ping").await.text(), "OK");
    // As in Traefik, whatever the method.
    gateway.post("http://localhost/ping", "x").on("traefik").await.is(200);
    // Nobody outside sees them.
    gateway.get("http://one.test/livez").await.is(401);
    gateway.get("http://nobody.test/ping").await.is(404);
}

#[tokio::test]
async fn the_api_stays_inside_unless_a_router_says_so() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]).replace(
        "  routers:\n",
        "  routers:\n    api: { rule: 'Host(`ops.test`)', service: api@internal }\n",
    );
    let gateway = gateway().file(&text).with(&shop).start().await;
    gateway.get("http://shop.test/api/rawdata").await.is(200).served_by(&shop);
    gateway.get("http://other.test/api/rawdata").await.is(404);
    let response = gateway.get("http://ops.test/api/version").await;
    assert!(response.is(200).json()["Version"].is_string());
}

#[tokio::test]
async fn it_follows_the_configuration() {
    let (_shop, gateway) = site().await;
    gateway.rewrite("http: { routers: {} }");
    eventually("the routers are gone", async || {
        let routers = gateway.api("/api/http/routers?search=file").await;
        holds(names(&routers).is_empty())
    })
    .await;
}
