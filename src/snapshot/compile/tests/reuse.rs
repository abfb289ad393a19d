//! What lives on from one snapshot to the next, and what does not.

use super::*;

#[test]
fn what_did_not_change_lives_on() {
    let cx = context();
    let one = compile(&merged(&[("file", SHOP)], &cx), None, &cx).0;
    let changed = SHOP.replace("Host(`other.test`)", "Host(`another.test`)");
    let (two, _) = compile(&merged(&[("file", &changed)], &cx), Some(&one), &cx);
    let shop = |snapshot: &Snapshot| route(snapshot, "web", "shop.test", "/").unwrap();
    assert!(Arc::ptr_eq(&shop(&one), &shop(&two)), "the route itself");
    let other =
        (route(&one, "web", "other.test", "/").unwrap(), route(&two, "web", "another.test", "/").unwrap());
    assert!(Arc::ptr_eq(&other.0.service, &other.1.service), "the service of a changed router");
    assert_eq!(other.0.name.id, other.1.name.id, "the number of router and service");
    assert!(!Arc::ptr_eq(&one.entry_points["web"], &two.entry_points["web"]));
    assert!(Arc::ptr_eq(&one.entry_points["traefik"], &two.entry_points["traefik"]));
    assert_eq!(two.generation, 2);
    let same = compile(&merged(&[("file", &changed)], &cx), Some(&two), &cx).0;
    assert!(Arc::ptr_eq(&same.entry_points["web"], &two.entry_points["web"]), "nothing changed");
}

#[test]
fn what_changed_reaches_whoever_uses_it() {
    let cx = context();
    let one = compile(&merged(&[("file", SHOP)], &cx), None, &cx).0;
    let changed = SHOP.replace("prefix: /a", "prefix: /b");
    let two = compile(&merged(&[("file", &changed)], &cx), Some(&one), &cx).0;
    let shop = |snapshot: &Snapshot| route(snapshot, "web", "shop.test", "/").unwrap();
    assert!(!Arc::ptr_eq(&shop(&one), &shop(&two)));
    assert!(Arc::ptr_eq(&shop(&one).service, &shop(&two).service));
    let stamp = |snapshot: &Snapshot, name: &str| snapshot.parts.middlewares[name].stamp;
    assert_ne!(stamp(&one, "both@file"), stamp(&two, "both@file"), "a chain of it");
    let changed = SHOP.replace("8080", "8081");
    let three = compile(&merged(&[("file", &changed)], &cx), Some(&one), &cx).0;
    assert_eq!(stamp(&one, "both@file"), stamp(&three, "both@file"));
    let stamp = |snapshot: &Snapshot, name: &str| snapshot.parts.services[name].stamp;
    assert_ne!(stamp(&one, "canary@file"), stamp(&three, "canary@file"), "a service made of it");
    assert!(!Arc::ptr_eq(&shop(&one).service, &shop(&three).service));
}

#[test]
fn a_mistake_that_is_mended_serves() {
    let cx = context();
    let broken = SHOP.replace("  middlewares:\n    prefix: {addPrefix: {prefix: /a}}\n", "  middlewares:\n");
    let (one, report) = compile(&merged(&[("file", &broken)], &cx), None, &cx);
    assert_eq!(router(&report, "shop@file").0, Status::Disabled);
    let (two, report) = compile(&merged(&[("file", SHOP)], &cx), Some(&one), &cx);
    assert_eq!(router(&report, "shop@file").0, Status::Enabled);
    let (_, report) = compile(&merged(&[("file", &broken)], &cx), Some(&two), &cx);
    assert_eq!(router(&report, "shop@file").0, Status::Disabled);
}

/// The budget is 50 ms from a file event to a served route, in a release build; this is a build without optimisation.
#[test]
fn five_thousand_routes_are_compiled_quickly() {
    let cx = context();
    let router = |i: usize| {
        let rule = format!("Host(`h{i}.test`) && PathPrefix(`/a`)");
        format!("    r{i}: {{rule: '{rule}', service: s{i}, middlewares: [m{}]}}\n", i % 50)
    };
    let service =
        |i: usize| format!("    s{i}: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:8080'}}]}}}}\n");
    let middleware = |i: usize| format!("    m{i}: {{addPrefix: {{prefix: /a}}}}\n");
    let (routers, services): (String, String) =
        ((0..5_000).map(router).collect(), (0..5_000).map(service).collect());
    let middlewares: String = (0..50).map(middleware).collect();
    let yaml = format!("http:\n  routers:\n{routers}  services:\n{services}  middlewares:\n{middlewares}");
    let mut configuration = merged(&[("file", &yaml)], &cx);
    let started = std::time::Instant::now();
    let (one, _) = compile(&configuration, None, &cx);
    println!("from nothing: {:?}", started.elapsed());
    // As a provider does it: what did not change is the same element.
    let element = configuration.http.routers.get_mut("r77@file").unwrap();
    let mut config = element.config.clone().unwrap();
    config.rule = "Host(`h77.test`) && PathPrefix(`/changed`)".to_owned();
    *element = Arc::new(element.with_config(config));
    let started = std::time::Instant::now();
    let (two, report) = compile(&configuration, Some(&one), &cx);
    let elapsed = started.elapsed();
    println!("one changed: {elapsed:?}");
    assert!(report.all_problems().is_empty());
    assert!(route(&two, "web", "h77.test", "/a").is_none());
    let kept = |snapshot: &Snapshot| route(snapshot, "web", "h1.test", "/a").unwrap();
    assert!(Arc::ptr_eq(&kept(&one), &kept(&two)));
    assert!(elapsed.as_secs() < 5, "{elapsed:?}");
}
