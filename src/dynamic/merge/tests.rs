//! What the merge makes of documents.

use super::*;
use crate::element::Source;

fn named<T>(objects: Vec<(&str, T)>) -> Map<T> {
    objects
        .into_iter()
        .map(|(name, config)| (name.into(), Arc::new(Element::new(config, Source::default()))))
        .collect()
}

fn router(rule: &str) -> http::Router {
    http::Router { rule: rule.to_owned(), service: "shop".to_owned(), ..http::Router::default() }
}

fn with_routers(routers: Vec<(&str, http::Router)>) -> Arc<Configuration> {
    let http = http::Http { routers: named(routers), ..http::Http::default() };
    Arc::new(Configuration { http, ..Configuration::default() })
}

fn entry_point(name: &str, is_default: bool, model: Model) -> EntryPoint {
    EntryPoint { name: name.into(), is_default, is_udp: false, model }
}

fn one(provider: &str, document: Arc<Configuration>) -> BTreeMap<Arc<str>, Arc<Configuration>> {
    BTreeMap::from([(provider.into(), document)])
}

fn config<'a>(merged: &'a Configuration, name: &str) -> &'a http::Router {
    merged.http.routers[name].config.as_ref().unwrap()
}

#[test]
fn names_and_references_get_their_provider() {
    let tls = Box::new(RouterTls { options: "modern".to_owned(), ..RouterTls::default() });
    let written = http::Router {
        middlewares: vec!["auth".to_owned(), "cors@kubernetescrd".to_owned()],
        tls: Some(tls),
        ..router("Host(`a`)")
    };
    let merged = merge(
        &one("file", with_routers(vec![("shop", written)])),
        &[entry_point("web", true, Model::default())],
    );
    let shop = config(&merged, "shop@file");
    assert_eq!(shop.service, "shop@file");
    assert_eq!(shop.middlewares, ["auth@file", "cors@kubernetescrd"]);
    assert_eq!(shop.tls.as_ref().unwrap().options, "modern@file");
    assert_eq!(shop.entry_points, ["web"]);
}

#[test]
fn only_default_entry_points_are_taken() {
    let entry_points = [
        entry_point("web", true, Model::default()),
        entry_point("traefik", false, Model::default()),
        EntryPoint { name: "dns".into(), is_default: true, is_udp: true, model: Model::default() },
    ];
    let child = http::Router { parent_refs: vec!["shop".to_owned()], ..router("Path(`/`)") };
    let merged =
        merge(&one("file", with_routers(vec![("shop", router("x")), ("child", child)])), &entry_points);
    assert_eq!(config(&merged, "shop@file").entry_points, ["web"]);
    assert!(config(&merged, "child@file").entry_points.is_empty());
    assert_eq!(config(&merged, "child@file").parent_refs, ["shop@file"]);
}

#[test]
fn a_model_splits_the_router() {
    let model = Model {
        middlewares: vec!["secure@file".to_owned()],
        tls: Some(Box::new(RouterTls::default())),
        observability: Observability { access_logs: Some(false), ..Observability::default() },
    };
    let entry_points = [entry_point("web", true, Model::default()), entry_point("websecure", true, model)];
    let written = http::Router { middlewares: vec!["auth".to_owned()], ..router("x") };
    let child = http::Router { parent_refs: vec!["shop".to_owned()], ..router("Path(`/`)") };
    let merged = merge(&one("file", with_routers(vec![("shop", written), ("child", child)])), &entry_points);
    let plain = config(&merged, "shop@file");
    assert_eq!((plain.entry_points.as_slice(), plain.tls.is_some()), (["web".to_owned()].as_slice(), false));
    let secure = config(&merged, "websecure-shop@file");
    assert_eq!(secure.middlewares, ["secure@file", "auth@file"]);
    assert_eq!(
        (secure.entry_points.as_slice(), secure.tls.is_some()),
        (["websecure".to_owned()].as_slice(), true)
    );
    assert_eq!(secure.observability.as_ref().unwrap().access_logs, Some(false));
    assert_eq!(config(&merged, "child@file").parent_refs, ["websecure-shop@file", "shop@file"]);
}

#[test]
fn one_entry_point_with_a_model_keeps_the_name() {
    let model = Model { tls: Some(Box::new(RouterTls::default())), ..Model::default() };
    let merged = merge(
        &one("file", with_routers(vec![("shop", router("x"))])),
        &[entry_point("websecure", true, model)],
    );
    assert_eq!(merged.http.routers.keys().map(|name| &**name).collect::<Vec<_>>(), ["shop@file"]);
}

#[test]
fn an_unchanged_object_stays_the_same_pointer() {
    let mut merger = Merger::new(vec![entry_point("web", true, Model::default())]);
    let document = with_routers(vec![("a", router("x")), ("b", router("y"))]);
    let first = merger.merge(&one("file", Arc::clone(&document)));
    let mut next = (*document).clone();
    next.http.routers.insert("b".into(), Arc::new(Element::new(router("z"), Source::default())));
    let second = merger.merge(&one("file", Arc::new(next)));
    let same = |name: &str| Arc::ptr_eq(&first.http.routers[name], &second.http.routers[name]);
    assert!(same("a@file"));
    assert!(!same("b@file"));
}

#[test]
fn a_broken_object_keeps_its_name() {
    let mut document = Configuration::default();
    let broken = Element::broken(vec![Problem::error("wrong_type", "no")], Source::default());
    document.http.routers.insert("shop".into(), Arc::new(broken));
    let merged = merge(&one("file", Arc::new(document)), &[]);
    assert!(merged.http.routers["shop@file"].config.is_none());
}

#[test]
fn default_options_of_two_providers_are_broken() {
    let options = |names: &[&str]| {
        let tls = Tls {
            options: named(names.iter().map(|name| (*name, tls::OptionsConfig::default())).collect()),
            ..Tls::default()
        };
        Arc::new(Configuration { tls, ..Configuration::default() })
    };
    let documents = BTreeMap::from([
        ("file".into(), options(&["default", "modern"])),
        ("kubernetescrd".into(), options(&["default", "a-modern"])),
    ]);
    let merged = merge(&documents, &[]);
    let names: Vec<&str> = merged.tls.options.keys().map(|name| &**name).collect();
    assert_eq!(names, ["a-modern@kubernetescrd", "default", "modern@file"]);
    assert!(merged.tls.options["default"].config.is_none());
    assert_eq!(
        merged.tls.options["default"].problems[0].message,
        "the TLS options `default` exists once, but the providers `file` and `kubernetescrd` both define it"
    );
}

#[test]
fn references_inside_services_are_completed() {
    let config: service::Config = serde_json::from_value(serde_json::json!({
        "weighted": { "services": [{ "name": "v1" }, { "name": "v2@other" }] },
        "mirroring": { "service": "v1", "mirrors": [{ "name": "v2", "percent": 10 }] },
        "middlewares": ["m"]
    }))
    .unwrap();
    let http = http::Http { services: named(vec![("shop", config)]), ..http::Http::default() };
    let merged = merge(&one("file", Arc::new(Configuration { http, ..Configuration::default() })), &[]);
    let shop = merged.http.services["shop@file"].config.as_ref().unwrap();
    assert_eq!(shop.children(), ["v1@file", "v2@other"]);
    assert_eq!(shop.middlewares, ["m@file"]);
    let mirroring = shop.mirroring.as_ref().unwrap();
    assert_eq!(
        (mirroring["service"].as_str(), mirroring["mirrors"][0]["name"].as_str()),
        (Some("v1@file"), Some("v2@file"))
    );
}
