//! Files of all kinds, checked together.

use std::fs;

use super::*;

/// Writes files into a folder and gives `severity code file:line:column` of what is found.
fn check(files: &[(&str, &str)], strict: bool, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let found = find(&Files::collect(&[folder.path().to_owned()]), strict);
    let prefix = format!("{}/", folder.path().display());
    let shown: Vec<String> = found
        .problems()
        .iter()
        .map(|problem| {
            let place = problem.origin.to_string().replace(&prefix, "");
            format!("{} {} {place}", problem.severity, problem.code)
        })
        .collect();
    assert_eq!(shown, expected);
}

const INSTALL: &str = "entryPoints: {web: {address: ':80'}}\napi: {}\n";

const DYNAMIC: &str = "\
http:
  routers:
    shop:
      rule: Host(`shop.test`) && Pth(`/x`)
      service: shop@kubernetescrd
    home:
      rule: Host(`home.test`)
      entryPoints: [wbe]
      service: shop
      middlewares: [patern]
  middlewares:
    pattern: {replacePathRegex: {regex: '(', replacement: x}}
  services:
    shop: {loadBalancer: {server: []}}
";

const MANIFEST: &str = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: a}
spec:
  routes:
    - match: Host(`a.test`) && Hots(`b`)
      kind: Rule
      services: [{name: s, port: 80}]
    - match: Host(`b.test`)
      kind: Rule
      services: [{name: s, port: 81}]
  tls: {secretName: gone}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: [{port: 80}]}
";

#[test]
fn a_sound_configuration_has_no_problem() {
    let dynamic = "http: {routers: {a: {rule: Host(`a.test`), service: api@internal}}}\n";
    check(&[("a.yml", INSTALL), ("b.yml", dynamic)], false, &[]);
    check(&[], false, &[]);
    // The API is there once somebody has switched it on, or nobody says.
    check(&[("b.yml", dynamic)], false, &[]);
    let without = "entryPoints: {web: {address: ':80'}}\n";
    check(&[("a.yml", without), ("b.yml", dynamic)], false, &["error unknown_reference b.yml:1:53"]);
}

#[test]
fn every_mistake_has_its_place() {
    check(
        &[("dynamic.yml", DYNAMIC), ("install.yml", INSTALL)],
        false,
        &[
            "error rule_syntax dynamic.yml:4:34",
            "error unknown_reference dynamic.yml:5:16",
            "error no_entry_point dynamic.yml:8:7",
            "warning unknown_entry_point dynamic.yml:8:21",
            "error unknown_reference dynamic.yml:10:21",
            "error invalid_value dynamic.yml:12:41",
            "error unknown_key dynamic.yml:14:27",
        ],
    );
}

#[test]
fn entry_points_are_assumed_where_nobody_says_which_there_are() {
    let dynamic = "http: {routers: {a: {rule: Host(`a.test`), entryPoints: [any], service: api@internal}}}\n";
    check(&[("a.yml", dynamic)], false, &[]);
    check(
        &[("a.yml", dynamic), ("b.yml", INSTALL)],
        false,
        &["error no_entry_point a.yml:1:44", "warning unknown_entry_point a.yml:1:58"],
    );
}

/// As the rule is written, not as it is read.
#[test]
fn rules_have_their_column_however_they_are_written() {
    let yaml = "http:
  routers:
    folded:
      service: api@internal
      rule: >-
        Host(`a.test`)
        && Hots(`b.test`)
    kept:
      service: api@internal
      rule: |
        Host(`a.test`) &&
          Hots(`b.test`)
    double: { service: api@internal, rule: \"Host(\\\"a\\\") && Hots(`b`)\" }
    single: { service: api@internal, rule: 'Path(`/it''s`) && Hots(`b`)' }
";
    check(
        &[("a.yml", yaml)],
        false,
        &[
            "error rule_syntax a.yml:7:12",
            "error rule_syntax a.yml:12:11",
            "error rule_syntax a.yml:13:60",
            "error rule_syntax a.yml:14:63",
        ],
    );
    let toml = "[http.routers.a]
service = 'api@internal'
rule = \"\"\"
Host(`a.test`) &&
  Hots(`b`)\"\"\"
[http.routers.b]
service = 'api@internal'
rule = \"Host(\\\"a\\\") && Hots(`b`)\"
";
    let found = ["error rule_syntax a.toml:5:3", "error rule_syntax a.toml:8:24"];
    check(&[("a.toml", toml)], false, &found);
}

#[test]
fn rules_in_manifests_have_their_column_and_what_is_seldom_at_hand_is_a_warning() {
    let found = |seldom: &str| {
        [
            "error rule_syntax m.yaml:6:32".to_owned(),
            format!("{seldom} missing_endpoint_slice m.yaml:8:18"),
            "error missing_port m.yaml:11:18".to_owned(),
            format!("{seldom} missing_secret m.yaml:12:21"),
        ]
    };
    for (strict, seldom) in [(false, "warning"), (true, "error")] {
        let found = found(seldom);
        check(&[("m.yaml", MANIFEST)], strict, &found.each_ref().map(String::as_str));
    }
}

/// Where files are checked, those of the machine that serves are seldom at hand.
#[test]
fn what_a_provider_is_to_read_and_is_not_there_is_a_warning() {
    let install = "providers: {file: {filename: /nowhere/a.yml}, manifests: {directory: /nowhere/m}}\n";
    let dynamic = "http: {routers: {a: {rule: Host(`a.test`), service: noop@internal}}}\n";
    for (strict, seldom) in [(false, "warning"), (true, "error")] {
        check(
            &[("a.yml", install), ("b.yml", dynamic)],
            strict,
            &[&format!("{seldom} absent a.yml:1:30"), &format!("{seldom} absent a.yml:1:70")],
        );
    }
}

/// Serving goes on, but nobody meant it; and one mistake is one message.
#[test]
fn a_secret_without_what_it_is_named_for_is_an_error() {
    let of = |secret: &str| {
        format!("{}---\n{secret}", MANIFEST.replace(" && Hots(`b`)", "").replace("port: 81", "port: 80"))
    };
    let slice = ["warning missing_endpoint_slice m.yaml:8:18", "warning missing_endpoint_slice m.yaml:11:18"];
    let without = "apiVersion: v1\nkind: Secret\nmetadata: {name: gone}\nstringData: {tls.crt: x}\n";
    check(&[("m.yaml", &of(without))], false, &[slice[0], slice[1], "error incomplete_secret m.yaml:12:21"]);
    let broken =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: gone}\ndata:\n  tls.crt: eA==\n  tls.key: 'x!'\n";
    check(
        &[("m.yaml", &of(broken))],
        false,
        &[slice[0], slice[1], "error incomplete_secret m.yaml:12:21", "error invalid_base64 m.yaml:24:12"],
    );
}

#[test]
fn one_mistake_does_not_hide_another_of_the_same_object() {
    let route = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: a}
spec:
  routes:
    - match: Host(`a.test`)
      kind: Rule
      middlewares: [{name: x, namespace: other}, {name: unknown}]
      services: [{name: gone, port: 80}]
";
    check(
        &[("m.yaml", route)],
        false,
        &[
            "error cross_namespace m.yaml:8:42",
            "error unknown_reference m.yaml:8:50",
            "error missing_service m.yaml:9:18",
        ],
    );
    let options =
        "tls: {options: {default: {minVersion: v1, cipherSuites: [a, b], curvePreferences: [c]}}}\n";
    check(
        &[("t.yml", options)],
        false,
        &[
            "error invalid_value t.yml:1:39",
            "error invalid_value t.yml:1:58",
            "error invalid_value t.yml:1:61",
            "error invalid_value t.yml:1:84",
        ],
    );
}

#[test]
fn a_middleware_of_an_entry_point_is_not_blamed_on_routers() {
    let install = "entryPoints: {web: {address: ':80', http: {middlewares: [gone@file]}}}\napi: {}\n";
    let dynamic = "http: {routers: {a: {rule: Host(`a.test`), service: api@internal}, b: {rule: Host(`b`), service: api@internal}}}\n";
    check(
        &[("a.yml", dynamic), ("b.yml", install)],
        false,
        &["error unknown_reference the entry point `web`"],
    );
}
