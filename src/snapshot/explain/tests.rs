//! Explanations, for people and for machines.

use exchange::admission::{EncodedCharacters, Underscores};
use http::{HeaderValue, Method};

use super::*;
use crate::testing::{compiled, compiled_by, context};

const SHOP: &str = "
http:
  routers:
    api: {rule: Host(`shop.test`) && PathPrefix(`/api`), service: api, middlewares: [strip, office]}
    shop: {rule: Host(`shop.test`), service: shop, middlewares: [limit]}
    posts: {rule: Host(`shop.test`) && Method(`POST`) && PathPrefix(`/`), service: shop}
    secure: {rule: Host(`shop.test`), service: shop, tls: {}, entryPoints: [websecure]}
    https: {rule: Host(`old.test`), service: shop, middlewares: [https], entryPoints: [web]}
    broken: {rule: Host(`broken.test`), service: lost}
    misspelt: {rule: Hots(`typo.test`), service: shop}
    refused: {rule: Host(`refused.test`), service: shop, tls: {options: nowhere}}
  services:
    api: {loadBalancer: {servers: [{url: 'http://10.0.0.1:8080', weight: 3}, {url: 'http://10.0.0.2:8080'}]}}
    shop: {loadBalancer: {servers: []}}
  middlewares:
    strip: {stripPrefix: {prefixes: [/api]}}
    office: {ipAllowList: {sourceRange: [192.0.2.0/24]}}
    limit: {rateLimit: {average: 10, burst: 5}}
    https: {redirectScheme: {scheme: https, permanent: true}}
";

fn ask(url: &str, client: &str) -> Explanation {
    let (snapshot, report) = compiled(SHOP);
    let question = Question { client: client.parse().unwrap(), ..Question::of_url(url).unwrap() };
    explain(&snapshot, Some(&report), &question).unwrap()
}

fn outcome(url: &str) -> (OutcomeKind, Option<u16>, Option<String>) {
    let told = ask(url, "192.0.2.7").outcome;
    (told.kind, told.status, told.reason)
}

#[test]
fn tells_people_step_by_step() {
    assert_eq!(
        ask("http://shop.test/api/cart?x=1", "192.0.2.7").to_string(),
        "GET http://shop.test/api/cart?x=1 from 192.0.2.7

entry point  web
asked        posts@file (priority 54): no: Method(`POST`)
             api@file (priority 39): matches
             broken@file (priority 19): no: Host(`broken.test`)
             shop@file (priority 17): matches too, but is asked later
             https@file (priority 16): no: Host(`old.test`)
             secure@file (priority 17): no: it is attached to the entry point `websecure`
router       api@file
             from the provider `file`, routes.yml:4
middlewares  strip@file (stripPrefix): takes `/api` away from the path: `/api/cart?x=1` becomes `/cart?x=1`; changes x-forwarded-prefix
             office@file (ipAllowList): refuses clients outside of 1 ranges with 403
service      api@file
             http://10.0.0.1:8080 weight 3, up
             http://10.0.0.2:8080 weight 1, up
outcome      forwarded to one of the servers"
    );
}

#[test]
fn tells_machines_the_same() {
    let told = serde_json::to_value(ask("http://shop.test/api", "198.51.100.1")).unwrap();
    assert_eq!(told["request"]["path"], "/api");
    assert_eq!(told["entryPoint"], "web");
    assert_eq!(told["router"], "api@file");
    assert_eq!(told["candidates"][0]["failed"], "Method(`POST`)");
    assert_eq!(told["candidates"][1]["matched"], true);
    assert_eq!(told["middlewares"][1]["type"], "ipAllowList");
    assert_eq!(told["outcome"], serde_json::json!({"kind": "answered", "status": 403}));
    assert_eq!(
        told["source"],
        serde_json::json!({"provider": "file", "name": "api", "file": "routes.yml", "line": 4})
    );
    assert_eq!(told["servers"], serde_json::json!([]));
}

#[test]
fn a_redirect_is_the_answer() {
    let told = ask("http://old.test/a?b", "192.0.2.7");
    assert_eq!((told.outcome.kind, told.outcome.status), (OutcomeKind::Answered, Some(301)));
    assert!(
        told.middlewares[0].effect.ends_with("answers 301 Moved Permanently, to https://old.test/a?b"),
        "{told}"
    );
}

#[test]
fn says_why_nobody_answers() {
    assert_eq!(outcome("http://nobody.test/"), (OutcomeKind::Refused, Some(404), Some("no_router".into())));
    assert_eq!(outcome("http://shop.test/"), (OutcomeKind::Refused, Some(503), Some("no_endpoint".into())));
    let (kind, status, reason) = outcome("http://broken.test/");
    assert_eq!((kind, status), (OutcomeKind::Refused, Some(503)));
    assert_eq!(reason.as_deref(), Some("router_disabled: there is no service `lost@file`"));
}

#[test]
fn a_router_that_is_not_there_is_named() {
    let told = ask("http://typo.test/", "192.0.2.7");
    let typo = told.candidates.iter().find(|candidate| &*candidate.router == "misspelt@file").unwrap();
    assert_eq!((typo.matched, &typo.failed), (false, &None));
    assert_eq!(typo.not_asked.as_deref(), Some("it is disabled: unknown matcher `Hots`"));
}

#[test]
fn the_handshake_comes_first() {
    let told = ask("https://shop.test/", "192.0.2.7");
    assert_eq!(told.router.as_deref(), Some("secure@file"));
    let tls = told.tls.unwrap();
    assert_eq!((&*tls.options, tls.certificate.is_some()), ("default", true));
    let told = ask("https://refused.test/", "192.0.2.7");
    assert_eq!(told.outcome.kind, OutcomeKind::Closed);
    assert!(told.outcome.reason.unwrap().contains("nowhere@file"));
}

#[test]
fn another_server_name_is_misdirected() {
    let (snapshot, report) = compiled(
        &SHOP
            .replace(
                "secure: {rule: Host(`shop.test`), service: shop, tls: {}",
                "secure: {rule: Host(`shop.test`), service: shop, tls: {options: strict}",
            )
            .replace("http:\n", "tls: {options: {strict: {minVersion: VersionTLS13}}}\nhttp:\n"),
    );
    let mut question = Question::of_url("https://shop.test/").unwrap();
    assert_ne!(explain(&snapshot, Some(&report), &question).unwrap().outcome.status, Some(421));
    question.sni = Some("other.test".to_owned());
    assert_eq!(explain(&snapshot, Some(&report), &question).unwrap().outcome.status, Some(421));
}

#[test]
fn a_limit_is_described_and_not_counted() {
    let told = ask("http://shop.test/", "192.0.2.7");
    assert_eq!(told.middlewares[0].kind, "rateLimit");
}

#[test]
fn refuses_what_is_no_request() {
    assert!(Question::of_url("shop.test/a").is_err());
    assert!(Question::of_url("ftp://shop.test/a").is_err());
    let (snapshot, _) = compiled(SHOP);
    let question =
        Question { entry_point: Some("wbe".into()), ..Question::of_url("http://a.test/").unwrap() };
    assert_eq!(explain(&snapshot, None, &question).unwrap_err(), "there is no entry point `wbe`");
}

/// The entry point `web` lets in no underscores and no escaped slashes.
fn asked_of_strict(question: &Question) -> Outcome {
    let admission = Admission {
        underscores: Underscores::Reject,
        encoded: EncodedCharacters { refused: vec!["%2F"] },
        ..Admission::default()
    };
    let mut cx = context();
    cx.admissions = Arc::new([("web".into(), admission)].into());
    let (snapshot, report) = compiled_by(SHOP, &cx);
    let question = Question { entry_point: Some("web".into()), ..question.clone() };
    explain(&snapshot, Some(&report), &question).unwrap().outcome
}

#[test]
fn refuses_what_the_entry_point_refuses() {
    let check = |question: Question, status: u16, reason: &str| {
        let outcome = asked_of_strict(&question);
        assert_eq!(
            (outcome.kind, outcome.status, outcome.reason.as_deref()),
            (OutcomeKind::Refused, Some(status), Some(reason)),
            "{question:?}"
        );
    };
    let url = |url: &str| Question::of_url(url).unwrap();
    check(url("http://shop.test/w/a%2fb"), 400, "encoded_character");
    // Who has no route gets no answer about the path.
    check(url("http://nobody.test/w/a%2fb"), 404, "no_router");
    check(url("http://shop.test/%zz"), 400, "malformed");
    check(url("http://shop.test/w%"), 400, "malformed");
    check(Question { host: "a b".into(), ..url("http://shop.test/") }, 400, "malformed");
    check(Question { method: Method::CONNECT, ..url("http://shop.test/") }, 501, "connect_refused");
    let mut smuggled = url("http://shop.test/");
    smuggled.headers.insert("content-length", HeaderValue::from_static("1"));
    smuggled.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
    check(smuggled, 400, "malformed");
    let mut underscore = url("http://shop.test/api");
    underscore.headers.insert("a_b", HeaderValue::from_static("c"));
    check(underscore.clone(), 400, "header_refused");
    // What is not written is let in.
    let (snapshot, _) = compiled(SHOP);
    let told = explain(&snapshot, None, &underscore).unwrap();
    assert_eq!(told.router.as_deref(), Some("api@file"));
}

#[test]
fn deleted_headers_match_no_rule() {
    let mut cx = context();
    let admission = Admission { underscores: Underscores::Delete, ..Admission::default() };
    cx.admissions = Arc::new([("web".into(), admission)].into());
    let rules = "http: {routers: {a: {rule: 'Header(`a_b`, `c`)', service: noop@internal}}}";
    let (snapshot, report) = compiled_by(rules, &cx);
    let mut question = Question::of_url("http://a.test/").unwrap();
    question.headers.insert("a_b", HeaderValue::from_static("c"));
    question.entry_point = Some("web".into());
    assert_eq!(explain(&snapshot, Some(&report), &question).unwrap().outcome.status, Some(404));
}

#[test]
fn an_ipv6_address_is_told_in_brackets() {
    let told = ask("http://[::1]:8080/w", "192.0.2.7");
    assert_eq!(told.request.host, "::1");
    assert!(told.to_string().starts_with("GET http://[::1]/w from"), "{told}");
    let told = ask("http://[::1]:8080/%zz", "192.0.2.7");
    assert!(told.to_string().starts_with("GET http://[::1]:8080/%zz from"), "{told}");
}

#[test]
fn a_router_elsewhere_has_no_false_term() {
    let told = serde_json::to_value(ask("http://shop.test/", "192.0.2.7")).unwrap();
    let candidates = told["candidates"].as_array().unwrap();
    let secure = candidates.iter().find(|candidate| candidate["router"] == "secure@file").unwrap();
    assert_eq!((&secure["matched"], secure.get("failed")), (&true.into(), None));
    assert_eq!(secure["notAsked"], "it is attached to the entry point `websecure`");
}

// The password of bc is bc-pass, by SHA-1 and by bcrypt.
const GUARDED: &str = "
http:
  routers:
    sha: {rule: PathPrefix(`/sha`), service: noop@internal, middlewares: [sha]}
    bcrypt: {rule: PathPrefix(`/bcrypt`), service: noop@internal, middlewares: [bcrypt]}
  middlewares:
    sha: {basicAuth: {users: ['bc:{SHA}TGeFAc2GM/hyMhm40cs//+RkXkg='], removeHeader: true}}
    bcrypt: {basicAuth: {users: ['bc:$2y$05$abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G']}}
";

#[test]
fn a_password_is_compared_where_that_is_wanted() {
    let (snapshot, report) = compiled(GUARDED);
    let outcome = |path: &str, credentials: &'static str, compares_passwords: bool| {
        let mut question = Question::of_url(&format!("http://a.test{path}")).unwrap();
        question.headers.insert("authorization", HeaderValue::from_static(credentials));
        question.compares_passwords = compares_passwords;
        explain(&snapshot, Some(&report), &question).unwrap().outcome
    };
    let (right, wrong) = ("Basic YmM6YmMtcGFzcw==", "Basic YmM6d3Jvbmc=");
    for path in ["/sha", "/bcrypt"] {
        assert_eq!(outcome(path, wrong, true).status, Some(401), "{path}");
        assert_eq!(outcome(path, right, true).status, None, "{path}");
        for credentials in [right, wrong] {
            let outcome = outcome(path, credentials, false);
            assert_eq!(outcome.reason.as_deref(), Some("if the password is right"), "{path}");
        }
        // No password to be right.
        assert_eq!(outcome(path, "Bearer x", false).status, Some(401), "{path}");
    }
}

#[test]
fn goes_down_to_a_child() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    parent: {rule: Host(`layer.test`), middlewares: [role]}
    child: {rule: 'Header(`X-Role`, `admin`) && PathPrefix(`/x`)', service: noop@internal, parentRefs: [parent]}
  middlewares:
    role: {headers: {customRequestHeaders: {X-Role: admin}}}
",
    );
    let told = |url: &str| explain(&snapshot, Some(&report), &Question::of_url(url).unwrap()).unwrap();
    let found = told("http://layer.test/x");
    assert_eq!(found.router.as_deref(), Some("child@file"));
    assert_eq!(found.candidates.len(), 2);
    assert_eq!((found.outcome.kind, found.middlewares.len()), (OutcomeKind::Answered, 1));
    let missed = told("http://layer.test/y");
    assert_eq!(missed.outcome.status, Some(404));
    assert_eq!(missed.candidates[1].failed.as_deref(), Some("PathPrefix(`/x`)"));
}
