//! Who passes `basicAuth`, who does not, and what the service sees.

use std::num::NonZeroUsize;

use super::*;
use crate::tests::{answer, build_error, header_values, passes, request, text, with_header};

const USERS: &str = r#"["apr:$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.", "md5:$1$saltsalt$FKHgTyqFOookmXImT/Dsu/",
    "sha:{SHA}xO2etOilyqtV8o1RvvnmkeBx7QI=", "bcy:$2y$05$abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G",
    "plain:plain-pass"]"#;

fn built(options: &str) -> Result<BasicAuth, Problem> {
    let hashing = Hashing::start(NonZeroUsize::MIN);
    serde_json::from_str::<Config>(options).unwrap().build(hashing)
}

fn usual() -> BasicAuth {
    built(&format!(r#"{{"users": {USERS}}}"#)).unwrap()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

async fn check(authorization: &str, wanted: bool) {
    let mut req = with_header(request("/"), "authorization", authorization);
    let flow = usual().request(&mut req).await;
    assert_eq!(passes(&flow), wanted, "{authorization}");
}

#[tokio::test]
async fn the_right_password_passes() {
    for (user, password) in
        [("apr", "apr-pass"), ("md5", "md5-pass"), ("sha", "sha-pass"), ("bcy", "bc-pass")]
    {
        check(&basic(user, password), true).await;
        check(&basic(user, &format!("{password}x")), false).await;
        check(&basic(user, ""), false).await;
    }
}

#[tokio::test]
async fn others_do_not() {
    check(&basic("nobody", "apr-pass"), false).await;
    check(&basic("nobody", "bc-pass"), false).await;
    check(&basic("APR", "apr-pass"), false).await;
    check(&basic("plain", "plain-pass"), false).await;
    check(&basic("apr", "$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ."), false).await;
    check(&basic("", ""), false).await;
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    check(&basic("apr", "apr-pass").replace("Basic", "bAsIc"), true).await;
    check(&basic("apr", "apr-pass").replace("Basic", "Bearer"), false).await;
    check("Basic %%%", false).await;
    check(&format!("Basic {}", BASE64.encode("apr")), false).await;
    check("Basic", false).await;
}

#[tokio::test]
async fn the_challenge_is_traefiks() {
    let mut req = request("/");
    let res = answer(usual().request(&mut req).await);
    assert_eq!(res.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header_values(res.headers(), "www-authenticate"), ["Basic realm=\"traefik\""]);
    assert_eq!(header_values(res.headers(), "content-type"), ["text/plain"]);
    assert_eq!(text(&res), "401 Unauthorized\n");
    assert_eq!(req.record.reason.get(), Some("auth_failed"));
    assert_eq!(*req.record.user.borrow(), None);
}

#[tokio::test]
async fn a_failed_user_is_recorded_too() {
    let mut req = with_header(request("/"), "authorization", &basic("nobody", "x"));
    usual().request(&mut req).await;
    assert_eq!(req.record.user.borrow().as_deref(), Some("nobody"));
}

#[tokio::test]
async fn the_service_sees_what_it_should() {
    let auth = built(&format!(
        r#"{{"users": {USERS}, "realm": "My Place", "headerField": "X-WebAuth-User", "removeHeader": true}}"#
    ))
    .unwrap();
    let mut req = with_header(request("/"), "authorization", &basic("apr", "apr-pass"));
    req.headers_mut().append("x-webauth-user", HeaderValue::from_static("root"));
    req.headers_mut().append("x-webauth-user", HeaderValue::from_static("admin"));
    assert!(passes(&auth.request(&mut req).await));
    assert_eq!(header_values(req.headers(), "x-webauth-user"), ["apr"]);
    assert_eq!(header_values(req.headers(), "authorization"), [""; 0]);
    let res = answer(auth.request(&mut request("/")).await);
    assert_eq!(header_values(res.headers(), "www-authenticate"), ["Basic realm=\"My Place\""]);
}

#[tokio::test]
async fn a_password_is_hashed_once() {
    let auth = usual();
    for _ in 0..3 {
        let mut req = with_header(request("/"), "authorization", &basic("bcy", "bc-pass"));
        assert!(passes(&auth.request(&mut req).await));
    }
    let verified = auth.key.digest(&[b"bcy", b"bc-pass"]);
    assert!(auth.was_verified("bcy", &verified));
    assert!(!auth.was_verified("apr", &verified));
    let mut req = with_header(request("/"), "authorization", &basic("bcy", "other"));
    assert!(!passes(&auth.request(&mut req).await));
    assert!(auth.was_verified("bcy", &verified));
}

#[tokio::test]
async fn a_stranger_with_the_decoys_password_stays_out() {
    let auth = usual();
    for _ in 0..2 {
        let mut req = with_header(request("/"), "authorization", &basic("nobody", "bc-pass"));
        assert!(!passes(&auth.request(&mut req).await));
    }
}

#[test]
fn names_mistakes() {
    build_error(built("{}"), "");
    build_error(built(r#"{"users": ["no-colon-here"]}"#), "users[0]");
    build_error(built(r#"{"usersFile": "/nowhere/users"}"#), "usersFile");
    build_error(built(&format!(r#"{{"users": {USERS}, "headerField": "a b"}}"#)), "headerField");
    build_error(built(&format!(r#"{{"users": {USERS}, "realm": "a\nb"}}"#)), "realm");
}

#[test]
fn does_not_print_hashes() {
    let config: Config = serde_json::from_str(&format!(r#"{{"users": {USERS}}}"#)).unwrap();
    assert!(!format!("{config:?}").contains("apr1"));
    assert!(!serde_json::to_string(&config).unwrap().contains("apr1"));
}
