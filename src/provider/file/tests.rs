//! Reading files: what breaks what, and what is noticed when.

mod watching;

use super::*;

fn read_yaml(text: &str) -> (Configuration, Vec<String>) {
    let (configuration, problems) = read_text(Path::new("shop.yaml"), text, Format::Yaml);
    (configuration, problems.iter().map(Problem::summary).collect())
}

#[test]
fn a_mistake_breaks_its_own_object_alone() {
    let (configuration, problems) = read_yaml(
        "http:
  routers:
    good: {rule: Path(`/`), service: shop}
    bad: {rule: Path(`/`), servce: shop}
  services:
    shop: {loadBalancer: {servers: [{url: 'http://a'}]}}
",
    );
    assert!(configuration.http.routers["good"].config.is_some());
    assert!(configuration.http.routers["bad"].config.is_none());
    assert!(configuration.http.services["shop"].config.is_some());
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("unknown key `servce` (shop.yaml:4:28, in router `bad@file`"),
        "{}",
        problems[0]
    );
    assert!(problems[0].ends_with("did you mean `service`?"), "{}", problems[0]);
}

#[test]
fn the_install_half_is_left_alone_and_the_rest_is_an_error() {
    let (configuration, problems) = read_yaml(
        "entryPoints: {web: {address: ':80'}}
providers: {file: {filename: shop.yaml}}
htp: {}
http: {router: {}}
tls: {certificates: {}}
",
    );
    assert_eq!(configuration.http.routers.len(), 0);
    assert_eq!(
        problems,
        [
            "unknown section `htp` (shop.yaml:3:1, htp); did you mean `http`?",
            "unknown key `router` in `http` (shop.yaml:4:8, http.router); did you mean `routers`?",
            "`certificates` is a list, not a mapping (shop.yaml:5:7)",
        ]
    );
}

#[test]
fn sections_are_found_in_any_case_and_in_toml() {
    let text = "[HTTP.Routers.shop]\nrule = 'Path(`/`)'\nSERVICE = 'api@internal'\n[log]\nlevel = 'DEBUG'\n";
    let (configuration, problems) = read_text(Path::new("a.toml"), text, Format::Toml);
    assert_eq!(problems, []);
    assert_eq!(configuration.http.routers["shop"].config.as_ref().unwrap().service, "api@internal");
}

#[test]
fn a_template_is_named_as_one() {
    let (_, problems) =
        read_yaml("http:\n  routers:\n    a: {rule: 'Host(`{{ env \"X\" }}`)', service: b}\n");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("Go templates are not supported: `{{ env \"X\" }}`"), "{}", problems[0]);
}

#[test]
fn names_have_no_provider() {
    let (configuration, problems) = read_yaml("http: {routers: {a@b: {rule: x}}}\n");
    assert_eq!(configuration.http.routers.len(), 0);
    assert_eq!(problems, ["`@` cannot be part of a name: `a@b` (shop.yaml:1:18)"]);
}

#[test]
fn a_missing_file_is_said() {
    let (_, problems) = read(Path::new("/nowhere/at/all.yaml"));
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, "unreadable");
}

#[test]
fn of_two_with_one_name_the_first_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let router =
        |service: &str| format!("http: {{routers: {{shop: {{rule: Path(`/`), service: {service}}}}}}}\n");
    std::fs::write(folder.path().join("a.yaml"), router("first")).unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    std::fs::write(folder.path().join("below/b.yml"), router("second")).unwrap();
    let (configuration, problems) = read(folder.path());
    assert_eq!(configuration.http.routers["shop"].config.as_ref().unwrap().service, "first");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, "duplicate");
}

#[test]
fn tls_options_named_default_have_no_provider() {
    let (_, problems) = read_yaml("tls: {options: {default: {sniStrct: true}, other: {sniStrct: true}}}\n");
    assert!(problems[0].contains("in TLS options `default`"), "{}", problems[0]);
    assert!(problems[1].contains("in TLS options `other@file`"), "{}", problems[1]);
}
