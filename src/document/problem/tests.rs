//! How problems are printed: these texts are what users see.

use super::*;

fn check(problem: &Problem, expected: &str) {
    assert_eq!(problem.to_string(), expected, "\n{problem}");
}

fn at(line: u32, column: u32, width: u32, excerpt: &str) -> Origin {
    Origin::File { path: "dynamic/shop.yaml".into(), line, column, width, excerpt: Some(excerpt.into()) }
}

#[test]
fn shows_the_line_with_carets_the_object_and_the_hint() {
    check(
        &Problem::error("rule_syntax", "unknown matcher `Hots`")
            .at(at(14, 13, 4, "      rule: Hots(`shop.example`) && PathPrefix(`/api`)"))
            .with_path("http.routers.shop.rule")
            .in_object("router `shop@file`")
            .did_you_mean(Some("Host")),
        "error: unknown matcher `Hots`
  --> dynamic/shop.yaml:14:13
   |       rule: Hots(`shop.example`) && PathPrefix(`/api`)
   |             ^^^^ in router `shop@file`
hint: did you mean `Host`?",
    );
}

#[test]
fn a_tab_counts_as_one_column() {
    check(
        &Problem::error("unknown_key", "unknown key `adress`").at(at(2, 2, 6, "\tadress = 1")),
        "error: unknown key `adress`
  --> dynamic/shop.yaml:2:2
   |  adress = 1
   |  ^^^^^^",
    );
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let line = format!("{}x{}", " ".repeat(300), "y".repeat(300));
    let text = Problem::error("c", "m").at(at(1, 301, 1, &line)).to_string();
    assert!(text.lines().all(|line| line.len() < 170), "{text}");
    let rows: Vec<_> = text.lines().collect();
    assert_eq!(rows[2].find('x'), rows[3].find('^'));
}

#[test]
fn other_origins_name_themselves() {
    let problem = Problem::error("unknown_flag", "unknown flag");
    check(
        &problem.clone().at(Origin::Flag("--entrypoints.web.adress".into())),
        "error: unknown flag\n  --> flag `--entrypoints.web.adress`",
    );
    check(
        &Problem::warning("unknown_variable", "unknown variable")
            .at(Origin::Environment("TRAEFIK_ENTRYPOINTS_WEB_ADRESS".into())),
        "warning: unknown variable\n  --> environment variable `TRAEFIK_ENTRYPOINTS_WEB_ADRESS`",
    );
    check(
        &Problem::field("match", "empty rule")
            .under("spec.routes[0]")
            .at(Origin::Object("IngressRoute shop/web".into())),
        "error: empty rule\n  --> IngressRoute shop/web: spec.routes[0].match",
    );
    check(
        &Problem::field("[1]", "unknown middleware").under("middlewares").in_object("router `a@file`"),
        "error: unknown middleware\n  --> in router `a@file`, middlewares[1]",
    );
    check(&problem.at(Origin::file("traefik.yml")), "error: unknown flag\n  --> traefik.yml");
}

#[test]
fn the_summary_fits_one_line() {
    let problem = Problem::error("unknown_key", "unknown key `adress`")
        .at(at(3, 5, 6, "    adress: x"))
        .with_path("entryPoints.web")
        .did_you_mean(Some("address"));
    assert_eq!(
        problem.summary(),
        "unknown key `adress` (dynamic/shop.yaml:3:5, entryPoints.web); did you mean `address`?"
    );
}

#[test]
fn serialises_for_tools() {
    let problem =
        Problem::error("unknown_key", "unknown key `a`").at(at(3, 5, 1, "    a: x")).with_path("http");
    assert_eq!(
        serde_json::to_value(&problem).unwrap(),
        serde_json::json!({
            "severity": "error", "code": "unknown_key", "message": "unknown key `a`",
            "file": "dynamic/shop.yaml", "line": 3, "column": 5, "origin": null, "path": "http",
            "object": null, "hint": null,
        })
    );
}
