//! Small documents, compiled: what serves, what answers 503, what is reported.

mod reuse;

use router::{TcpView, View};

use super::*;
use crate::report::Status;
use crate::testing::{codes, compiled, context, merged, serve};
use crate::{Route, explain::Question};

const SHOP: &str = "
http:
  routers:
    shop: {rule: Host(`shop.test`), service: shop, middlewares: [prefix]}
    other: {rule: Host(`other.test`), service: shop}
  services:
    shop: {loadBalancer: {servers: [{url: 'http://127.0.0.1:8080'}]}}
    canary: {weighted: {services: [{name: shop, weight: 9}]}}
  middlewares:
    prefix: {addPrefix: {prefix: /a}}
    both: {chain: {middlewares: [prefix, prefix]}}
";

fn route(snapshot: &Snapshot, entry_point: &str, host: &str, path: &str) -> Option<Arc<Route>> {
    let (method, headers) = (::http::Method::GET, ::http::HeaderMap::new());
    let client = [127, 0, 0, 1].into();
    let view = View { method: &method, host, path, query: None, headers: &headers, client };
    snapshot.entry_points[entry_point].http.find(&view).cloned()
}

fn router<'r>(report: &'r Report, name: &str) -> (Status, Vec<&'r str>) {
    let entry = &report.routers[name];
    (entry.status, codes(&entry.problems))
}

#[test]
fn compiles_what_is_sound() {
    let (snapshot, report) = compiled(SHOP);
    assert_eq!(report.all_problems(), Vec::<&Problem>::new());
    assert_eq!(router(&report, "shop@file"), (Status::Enabled, vec![]));
    let shop = route(&snapshot, "web", "shop.test", "/").unwrap();
    assert_eq!((&*shop.name.router, &*shop.name.service, shop.priority), ("shop@file", "shop@file", 17));
    assert_eq!((shop.steps.len(), shop.disabled.is_none(), shop.tls_options.is_none()), (1, true, true));
    assert!(route(&snapshot, "traefik", "shop.test", "/").is_none());
    assert_eq!(report.services["shop@file"].used_by.len(), 2);
    assert_eq!(report.middlewares["prefix@file"].users, ["shop@file".into()]);
    assert_eq!(report.routers["shop@file"].users, ["web".into(), "websecure".into()]);
    assert!((snapshot.generation, snapshot.complete) == (1, true));
}

#[test]
fn broken_references_answer_503_and_never_fall_through() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    no-middleware: {rule: Host(`m.test`) && Path(`/a`), service: shop, middlewares: [autj]}
    broken-middleware: {rule: Host(`b.test`) && Path(`/a`), service: shop, middlewares: [broken]}
    no-service: {rule: Host(`s.test`) && Path(`/a`), service: shpo}
    unnamed: {rule: Host(`u.test`) && Path(`/a`)}
    transport: {rule: Host(`t.test`) && Path(`/a`), service: lost}
    unreadable: {rule: Host(`x.test`) && Path(`/a`), service: shop, banana: 1}
    all: {rule: PathPrefix(`/`), service: shop}
  services:
    shop: {loadBalancer: {servers: [{url: 'http://127.0.0.1:8080'}]}}
    lost: {loadBalancer: {serversTransport: nowhere, servers: []}}
  middlewares:
    auth: {addPrefix: {prefix: /a}}
    broken: {ipAllowList: {sourceRange: [nonsense]}}
",
    );
    for (name, host, wanted) in [
        ("no-middleware@file", "m.test", "unknown_reference"),
        ("broken-middleware@file", "b.test", "broken_reference"),
        ("no-service@file", "s.test", "unknown_reference"),
        ("unnamed@file", "u.test", "no_service"),
        ("transport@file", "t.test", "broken_reference"),
        ("unreadable@file", "x.test", "unknown_key"),
    ] {
        assert_eq!(router(&report, name), (Status::Disabled, vec![wanted]), "{name}");
        let route = route(&snapshot, "web", host, "/a").unwrap();
        assert_eq!(&*route.name.router, name);
        assert!(route.disabled.is_some() && route.steps.is_empty(), "{name}");
        assert_eq!(serve(&route, "/a").0, 503);
    }
    let shown: Vec<String> = report.all_problems().iter().map(|problem| problem.to_string()).collect();
    assert!(
        shown.iter().any(|text| text
            == "error: there is no middleware `autj@file`
  --> routes.yml:4:86
   |     no-middleware: {rule: Host(`m.test`) && Path(`/a`), service: shop, middlewares: [autj]}
   |                                                                                      ^^^^ in router `no-middleware@file`
hint: did you mean `auth@file`?"),
        "{shown:#?}"
    );
    // What only says that something else is broken is no cause.
    assert_eq!(report.all_problems().iter().filter(|problem| problem.code == "broken_reference").count(), 0);
    assert_eq!(route(&snapshot, "web", "z.test", "/a").unwrap().name.router, "all@file".into());
}

#[test]
fn what_has_no_rule_or_place_is_out_of_the_table() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    syntax: {rule: Hots(`a.test`), service: noop@internal}
    empty: {rule: '', service: noop@internal}
    high: {rule: Host(`h.test`), service: noop@internal, priority: 9223372036854774808}
    nowhere: {rule: Host(`n.test`), service: noop@internal, entryPoints: [wbe]}
    half: {rule: Host(`half.test`), service: noop@internal, entryPoints: [wbe, web]}
    old: {rule: Host(`old.test`), service: noop@internal, ruleSyntax: v2}
",
    );
    assert_eq!(router(&report, "syntax@file"), (Status::Disabled, vec!["rule_syntax"]));
    assert_eq!(router(&report, "empty@file"), (Status::Disabled, vec!["rule_syntax"]));
    assert_eq!(router(&report, "high@file"), (Status::Disabled, vec!["priority_too_high"]));
    assert_eq!(
        router(&report, "nowhere@file"),
        (Status::Disabled, vec!["unknown_entry_point", "no_entry_point"])
    );
    assert_eq!(router(&report, "half@file"), (Status::Warning, vec!["unknown_entry_point"]));
    assert_eq!(router(&report, "old@file").0, Status::Disabled);
    assert_eq!(snapshot.entry_points["web"].http.len(), 1);
    let hint = report.routers["nowhere@file"].problems[0].hint.clone();
    assert_eq!(hint.as_deref(), Some("did you mean `web`?"));
    assert_eq!(
        report.routers["syntax@file"].problems[0].to_string(),
        "error: unknown matcher `Hots`
  --> routes.yml:4:20
   |     syntax: {rule: Hots(`a.test`), service: noop@internal}
   |                    ^^^^ in router `syntax@file`
hint: did you mean `Host`?"
    );
}

#[test]
fn the_gateway_itself_may_rank_above_the_maximum() {
    let cx = context();
    let routes = "http: {routers: {redirect: {rule: PathPrefix(`/`), service: noop@internal, priority: 9223372036854775806}}}";
    let (snapshot, report) = compile(&merged(&[("internal", routes)], &cx), None, &cx);
    assert_eq!(router(&report, "redirect@internal"), (Status::Enabled, vec![]));
    assert!(route(&snapshot, "web", "", "/").unwrap().name.internal);
}

#[test]
fn loops_are_named() {
    let (_, report) = compiled(
        "
http:
  routers:
    a: {rule: Host(`a.test`), service: noop@internal, middlewares: [one]}
    b: {rule: Host(`b.test`), service: one}
  middlewares:
    one: {chain: {middlewares: [two]}}
    two: {chain: {middlewares: [one]}}
  services:
    one: {weighted: {services: [{name: two}]}}
    two: {weighted: {services: [{name: one}]}}
",
    );
    assert_eq!(router(&report, "a@file"), (Status::Disabled, vec!["broken_reference"]));
    assert_eq!(router(&report, "b@file"), (Status::Disabled, vec!["broken_reference"]));
    let causes: Vec<&str> = report.all_problems().iter().map(|problem| &*problem.message).collect();
    assert!(causes.contains(&"the references go round: `one@file` → `two@file` → `one@file`"), "{causes:?}");
}

#[test]
fn a_panic_breaks_one_object() {
    let mut cx = context();
    cx.trap = Some("prefix@file");
    let (snapshot, report) = compile(&merged(&[("file", SHOP)], &cx), None, &cx);
    assert_eq!(router(&report, "shop@file"), (Status::Disabled, vec!["broken_reference"]));
    assert_eq!(codes(&report.middlewares["prefix@file"].problems), ["internal_panic"]);
    assert_eq!(router(&report, "other@file"), (Status::Enabled, vec![]));
    assert!(route(&snapshot, "web", "shop.test", "/").unwrap().disabled.is_some());
    assert!(route(&snapshot, "web", "other.test", "/").unwrap().disabled.is_none());
    cx.trap = Some("other@file");
    let (snapshot, report) = compile(&merged(&[("file", SHOP)], &cx), None, &cx);
    assert_eq!(router(&report, "other@file"), (Status::Disabled, vec!["internal_panic"]));
    assert!(route(&snapshot, "web", "other.test", "/").unwrap().disabled.is_some());
}

#[test]
fn at_equal_priority_the_precedence_decides_then_the_name() {
    let cx = context();
    let one = |name: &str| {
        format!("http: {{routers: {{{name}: {{rule: Host(`a.test`), service: noop@internal}}}}}}")
    };
    let (z, a) = (one("z"), one("a"));
    let both = format!(
        "{}\n    b: {{rule: Host(`b.test`), service: noop@internal}}\n    a: {{rule: Host(`b.test`), service: noop@internal}}\n",
        "http:\n  routers:"
    );
    let (snapshot, _) = compile(&merged(&[("file", &a), ("kubernetescrd", &z)], &cx), None, &cx);
    assert_eq!(&*route(&snapshot, "web", "a.test", "/").unwrap().name.router, "z@kubernetescrd");
    let (snapshot, _) = compile(&merged(&[("file", &both)], &cx), None, &cx);
    assert_eq!(&*route(&snapshot, "web", "b.test", "/").unwrap().name.router, "a@file");
}

#[test]
fn middlewares_of_a_service_run_after_the_routers() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    a: {rule: Host(`a.test`), service: guarded, middlewares: [one]}
    b: {rule: Host(`b.test`), service: both}
  services:
    guarded: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}, middlewares: [two]}
    both: {weighted: {services: [{name: guarded}]}}
  middlewares:
    one: {addPrefix: {prefix: /one}}
    two: {addPrefix: {prefix: /two}}
",
    );
    assert!(report.all_problems().is_empty());
    let a = route(&snapshot, "web", "a.test", "/").unwrap();
    let names: Vec<&str> = a.steps.iter().map(|step| step.describe().0).collect();
    assert_eq!(names, ["one@file", "two@file"]);
    assert!(route(&snapshot, "web", "b.test", "/").unwrap().steps.is_empty());
}

#[test]
fn children_are_asked_behind_their_parents() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    parent: {rule: Host(`layer.test`), middlewares: [role]}
    child: {rule: Path(`/x/a`), service: noop@internal, parentRefs: [parent]}
    bad: {rule: Path(`/b`), service: noop@internal, parentRefs: [parent], entryPoints: [web]}
    orphan: {rule: Path(`/c`), service: noop@internal, parentRefs: [missing]}
    round: {rule: Path(`/d`), service: noop@internal, parentRefs: [round]}
    childless: {rule: Host(`none.test`)}
    both: {rule: Host(`both.test`), service: noop@internal}
    of-both: {rule: Path(`/a`), service: noop@internal, parentRefs: [both]}
  middlewares:
    role: {addPrefix: {prefix: /x}}
",
    );
    assert_eq!(router(&report, "parent@file"), (Status::Enabled, vec![]));
    assert_eq!(router(&report, "child@file"), (Status::Enabled, vec![]));
    assert_eq!(router(&report, "bad@file"), (Status::Disabled, vec!["child_router"]));
    assert_eq!(router(&report, "orphan@file"), (Status::Disabled, vec!["unknown_reference"]));
    assert_eq!(router(&report, "round@file").0, Status::Disabled);
    assert_eq!(router(&report, "childless@file"), (Status::Disabled, vec!["no_service"]));
    assert_eq!(router(&report, "both@file"), (Status::Disabled, vec!["service_and_children"]));
    assert!(route(&snapshot, "web", "x.test", "/a").is_none());
    let parent = route(&snapshot, "web", "layer.test", "/a").unwrap();
    assert_eq!((&*parent.name.service, parent.steps.len()), ("parent@file-muxer", 1));
    assert_eq!(
        serve(&parent, "/a"),
        (418, "child@file".to_owned()),
        "the child sees what the parent's middlewares did"
    );
    assert_eq!(serve(&parent, "/b"), (404, "parent@file".to_owned()));
}

#[test]
fn before_the_first_document_every_entry_point_is_empty() {
    let starting = Snapshot::starting(&context());
    assert_eq!((starting.generation, starting.complete, starting.entry_points.len()), (0, false, 3));
    let told = crate::explain(&starting, None, &Question::of_url("http://a.test/").unwrap()).unwrap();
    assert_eq!(told.outcome.status, Some(503));
}

#[test]
fn tcp_routers_claim_their_connections() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    shop: {rule: Host(`shop.test`), service: noop@internal, tls: {}}
tcp:
  routers:
    db: {rule: HostSNI(`db.test`), service: db, tls: {passthrough: true}}
    plain: {rule: HostSNI(`plain.test`), service: db}
    every: {rule: HostSNI(`*`), service: db, tls: {}, entryPoints: [websecure]}
  services:
    db: {loadBalancer: {servers: [{address: '127.0.0.1:5432'}]}}
",
    );
    assert_eq!(codes(&report.tcp_routers["db@file"].problems), ["not_served"]);
    assert_eq!(codes(&report.tcp_routers["plain@file"].problems), ["host_without_tls", "not_served"]);
    let claims = |entry_point: &str, sni: &str, is_tls: bool| {
        let view = TcpView { sni, alpn: &[], client: [127, 0, 0, 1].into() };
        snapshot.entry_points[entry_point].claims(&view, is_tls).map(|route| route.router.to_string())
    };
    assert_eq!(claims("web", "db.test", true).as_deref(), Some("db@file"));
    assert_eq!(claims("websecure", "shop.test", true), None);
    assert_eq!(claims("websecure", "x.test", true).as_deref(), Some("every@file"));
    assert_eq!(claims("web", "", false), None);
}
