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

const INSTALL: &str = "entryPoints: {web: {address: ':80'}}\n";

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
