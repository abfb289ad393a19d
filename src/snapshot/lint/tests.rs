//! Each lint, where it speaks and where it is silent.

use crate::context::Context;
use crate::testing::{context, merged};

use super::*;

fn lints(yaml: &str) -> Vec<Problem> {
    let cx: Context = context();
    let configuration = merged(&[("file", yaml)], &cx);
    let (snapshot, _) = crate::compile(&configuration, None, &cx);
    lint(&configuration, &snapshot)
}

fn check(rules: &[&str], wanted: &[&str]) {
    let routers: Vec<String> = rules
        .iter()
        .zip('a'..)
        .map(|(rule, name)| format!("    {name}: {{rule: '{rule}', service: noop@internal}}\n"))
        .collect();
    let found = lints(&format!("http:\n  routers:\n{}", routers.concat()));
    let shown: Vec<String> = found
        .iter()
        .map(|problem| format!("{} {}", problem.code, problem.object.clone().unwrap_or_default()))
        .collect();
    assert_eq!(shown, wanted, "{rules:?}");
}

#[test]
fn a_query_without_a_value() {
    check(&["Query(`q`)"], &["query_without_value router `a@file`"]);
    check(&["Query(`q`, `1`)", "QueryRegexp(`r`, `.*`)"], &[]);
    let found =
        lints("http:\n  routers:\n    a: {rule: 'Host(`a.test`) && Query(`q`)', service: noop@internal}\n");
    assert_eq!(
        found[0].to_string(),
        "warning: `Query(`q`)` holds for `?q` only, not for `?q=1`
  --> routes.yml:3:34
   |     a: {rule: 'Host(`a.test`) && Query(`q`)', service: noop@internal}
   |                                  ^^^^^^^^^^ in router `a@file`
hint: for any value, write QueryRegexp(`q`, `.*`)"
    );
}

#[test]
fn a_prefix_that_is_the_beginning_of_another_path() {
    check(
        &["PathPrefix(`/shop`)", "Path(`/shop-administration`)"],
        &["prefix_of_other_path router `a@file`"],
    );
    check(&["PathPrefix(`/shop`)", "Path(`/shop/administration`)"], &[]);
    check(&["PathPrefix(`/shop/`)", "Path(`/shop-admin`)"], &[]);
    check(&["Host(`a.test`) && PathPrefix(`/shop`)", "Host(`b.test`) && Path(`/shop-admin`)"], &[]);
}

#[test]
fn a_router_that_is_never_asked() {
    check(
        &["Host(`a.test`) || Host(`b.test`)", "Host(`a.test`) && Path(`/`)"],
        &["hidden_router router `b@file`"],
    );
    check(&["Host(`a.test`)", "Host(`a.test`)"], &["hidden_router router `b@file`"]);
    check(&["Host(`a.test`)", "Host(`a.test`) && Path(`/`)"], &[]);
    check(
        &["Host(`a.test`) || PathPrefix(`/a`)", "Host(`a.test`) || Path(`/a/b`)"],
        &["hidden_router router `b@file`"],
    );
    check(
        &["PathPrefix(`/`) && PathPrefix(`/`)", "Host(`a.test`) && Path(`/a`)"],
        &["hidden_router router `b@file`"],
    );
    check(&["HostRegexp(`^longer-than-the-other.*$`)", "Host(`longer.test`)"], &[]);
    check(&["Host(`*.much-longer.example.test`) && !Path(`/x`)", "Host(`a.much-longer.example.test`)"], &[]);
}

#[test]
fn a_template_of_the_older_language() {
    check(&["HostRegexp(`{sub:[a-z]+}.a.test`)"], &["template_in_rule router `a@file`"]);
    check(&["HostRegexp(`^[a-z]{2}.a.test$`)", "PathRegexp(`^/[0-9]{1,3}$`)"], &[]);
}

#[test]
fn the_path_of_a_server() {
    let service = |server: &str| {
        let yaml = format!("http:\n  services:\n    a: {{loadBalancer: {{servers: [{server}]}}}}\n");
        lints(&yaml).iter().map(|problem| (problem.code, problem.path.clone())).collect::<Vec<_>>()
    };
    let wanted = ("server_path_ignored", "loadBalancer.servers[0].url".to_owned());
    assert_eq!(service("{url: 'http://b.test/base'}"), [wanted]);
    assert_eq!(service("{url: 'http://b.test/base', preservePath: true}"), []);
    assert_eq!(service("{url: 'http://b.test/'}, {url: 'http://b.test'}"), []);
}
