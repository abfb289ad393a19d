//! Entries as the API shows them.

use serde_json::json;

use super::*;
use crate::testing::compiled;

const SHOP: &str = "
http:
  routers:
    shop: {rule: Host(`shop.test`), service: shop, middlewares: [users], tls: {}, entryPoints: [websecure]}
    broken: {rule: Host(`broken.test`), service: lost, entryPoints: [web], priority: 7}
  services:
    shop: {loadBalancer: {servers: [{url: 'http://127.0.0.1:8080'}], sticky: {cookie: {}}}}
  middlewares:
    users: {basicAuth: {users: ['joe:$apr1$x$y']}}
    secret: {basicAuth: {banana: 1}}
";

#[test]
fn a_router_as_the_api_shows_it() {
    let (_, report) = compiled(SHOP);
    assert_eq!(
        report.routers["shop@file"].to_json("shop@file"),
        json!({
            "entryPoints": ["websecure"],
            "rule": "Host(`shop.test`)",
            "middlewares": ["users@file"],
            "service": "shop@file",
            "tls": {"options": "default"},
            "observability": {"accessLogs": true, "metrics": true, "tracing": true, "traceVerbosity": "minimal"},
            "priority": 17,
            "priorityStr": "17",
            "using": ["websecure"],
            "status": "enabled",
            "name": "shop@file",
            "provider": "file",
        })
    );
    let broken = report.routers["broken@file"].to_json("broken@file");
    assert_eq!((&broken["status"], &broken["priority"]), (&json!("disabled"), &json!(7)));
    assert!(broken["error"][0].as_str().unwrap().starts_with("there is no service `lost@file`"));
}

#[test]
fn a_service_with_its_servers() {
    let (_, report) = compiled(SHOP);
    let shop = report.services["shop@file"].to_json("shop@file");
    assert_eq!(shop["type"], "loadbalancer");
    assert_eq!(shop["usedBy"], json!(["shop@file"]));
    assert_eq!(shop["serverStatus"], json!({"http://127.0.0.1:8080": "UP"}));
    let noop = report.services["noop@internal"].to_json("noop@internal");
    assert_eq!(noop, json!({"status": "enabled", "name": "noop@internal", "provider": "internal"}));
}

#[test]
fn secrets_are_not_shown() {
    let (_, report) = compiled(SHOP);
    let users = report.middlewares["users@file"].to_json("users@file");
    assert_eq!((&users["type"], &users["usedBy"]), (&json!("basicauth"), &json!(["shop@file"])));
    assert!(!users.to_string().contains("apr1"), "{users}");
    let unreadable = report.middlewares["secret@file"].to_json("secret@file");
    assert_eq!((&unreadable["status"], unreadable.get("basicAuth")), (&json!("disabled"), None));
}

#[test]
fn the_status_is_that_of_the_worst_problem() {
    let (error, warning) = (Problem::error("a", "a"), Problem::warning("b", "b"));
    assert_eq!(Status::of(&[]), Status::Enabled);
    assert_eq!(Status::of(std::slice::from_ref(&warning)), Status::Warning);
    assert_eq!(Status::of(&[warning, error]), Status::Disabled);
}

/// Its text stands elsewhere, so the place of the part that is meant is told in words.
#[test]
fn a_mistake_inside_an_alias_is_told_by_its_column() {
    let (_, report) = crate::testing::compiled(
        "http:
  services: {s: {loadBalancer: {servers: []}}}
  routers:
    a: {service: s, rule: &rule 'Host(`a`) && Hots(`b`)'}
    b: {service: s, rule: *rule}
",
    );
    let told = |name: &str| report.routers[name].problems[0].summary();
    assert!(told("a@file").starts_with("unknown matcher `Hots` (routes.yml:4:47, "), "{}", told("a@file"));
    assert!(
        told("b@file").starts_with("unknown matcher `Hots`, in column 14 of the rule (routes.yml:5:27, "),
        "{}",
        told("b@file")
    );
}
