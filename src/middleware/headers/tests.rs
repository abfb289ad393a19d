//! What `headers` does to requests and responses.

use http::StatusCode;

use super::*;
use crate::tests::{
    answer, build_error, header_values, over_tls, passes, request, request_to, text, with_header, with_method,
};

fn built(json: &str) -> Result<Headers, Problem> {
    serde_json::from_str::<Config>(json).unwrap().build()
}

/// The response half, after the request half has let the request pass.
fn through(headers: &Headers, mut req: Request, given: &[(&'static str, &'static str)]) -> Response {
    let flow = headers.request(&mut req);
    assert!(passes(&flow));
    let asked = match flow {
        Flow::Remember(asked) => asked,
        Flow::Continue | Flow::Answer(_) => Asked::default(),
    };
    let mut res = Response::new(StatusCode::OK, exchange::Body::Empty);
    for (name, value) in given {
        res.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    headers.response(&asked, &mut res);
    res
}

fn check(json: &str, req: Request, name: &str, wanted: &[&str]) {
    let res = through(&built(json).unwrap(), req, &[]);
    assert_eq!(header_values(res.headers(), name), wanted, "{json} {name}");
}

// --- custom

#[test]
fn request_headers_are_set_and_deleted() {
    let headers =
        built(r#"{"customRequestHeaders": {"X-Set": "new", "X-Gone": "", "x-lower": "low"}}"#).unwrap();
    let mut req = with_header(with_header(request("/"), "x-set", "old"), "x-set", "older");
    req = with_header(with_header(req, "x-gone", "1"), "x-other", "stays");
    assert!(passes(&headers.request(&mut req)));
    assert_eq!(header_values(req.headers(), "x-set"), ["new"]);
    assert_eq!(header_values(req.headers(), "x-gone"), [""; 0]);
    assert_eq!(header_values(req.headers(), "x-lower"), ["low"]);
    assert_eq!(header_values(req.headers(), "x-other"), ["stays"]);
}

#[test]
fn the_host_is_replaced_wherever_it_is_read() {
    let mut req = request_to("a.test", "/");
    built(r#"{"customRequestHeaders": {"hOst": "Other.test:81"}}"#).unwrap().request(&mut req);
    assert_eq!(header_values(req.headers(), "host"), ["Other.test:81"]);
    assert_eq!(&*req.host, "other.test");
    built(r#"{"customRequestHeaders": {"Host": "", "X": "y"}}"#).unwrap().request(&mut req);
    assert_eq!(header_values(req.headers(), "host"), ["Other.test:81"]);
}

#[test]
fn forwarded_for_is_suppressed_in_one_spelling() {
    for (json, appended) in [
        (r#"{"customRequestHeaders": {"X-Forwarded-For": ""}}"#, false),
        (r#"{"customRequestHeaders": {"x-forwarded-for": ""}}"#, true),
        (r#"{"customRequestHeaders": {"X-Forwarded-For": "9.9.9.9"}}"#, true),
    ] {
        let mut req = with_header(request("/"), "x-forwarded-for", "1.1.1.1");
        built(json).unwrap().request(&mut req);
        assert_eq!(req.append_forwarded_for, appended, "{json}");
        assert_ne!(header_values(req.headers(), "x-forwarded-for"), ["1.1.1.1"]);
    }
}

#[test]
fn response_headers_are_set_and_deleted() {
    let headers =
        built(r#"{"customResponseHeaders": {"X-Res": "new", "X-Powered-By": "", "Server": "mine"}}"#);
    let given = [
        ("x-res", "old"),
        ("x-res", "older"),
        ("x-powered-by", "php"),
        ("server", "theirs"),
        ("x-keep", "1"),
    ];
    let res = through(&headers.unwrap(), request("/"), &given);
    assert_eq!(header_values(res.headers(), "x-res"), ["new"]);
    assert_eq!(header_values(res.headers(), "x-powered-by"), [""; 0]);
    assert_eq!(header_values(res.headers(), "server"), ["mine"]);
    assert_eq!(header_values(res.headers(), "x-keep"), ["1"]);
}

#[test]
fn framing_is_not_the_configurations_to_say() {
    let headers =
        built(r#"{"customResponseHeaders": {"Content-Length": "7", "Transfer-Encoding": "x", "A": "b"}}"#);
    let res = through(&headers.unwrap(), request("/"), &[("content-length", "5")]);
    assert_eq!(header_values(res.headers(), "content-length"), ["5"]);
    assert_eq!(header_values(res.headers(), "transfer-encoding"), [""; 0]);
}

// --- security

const ALL: &str = r#"{"stsSeconds": 100, "stsIncludeSubdomains": true, "stsPreload": true, "frameDeny": true,
    "contentTypeNosniff": true, "browserXssFilter": true, "contentSecurityPolicy": "default-src 'self'",
    "contentSecurityPolicyReportOnly": "default-src 'none'", "referrerPolicy": "same-origin",
    "permissionsPolicy": "camera=()", "publicKey": "pin"}"#;

#[test]
fn security_headers() {
    for (name, plain, tls) in [
        ("strict-transport-security", "", "max-age=100; includeSubDomains; preload"),
        ("public-key-pins", "", "pin"),
        ("x-frame-options", "DENY", "DENY"),
        ("x-content-type-options", "nosniff", "nosniff"),
        ("x-xss-protection", "1; mode=block", "1; mode=block"),
        ("content-security-policy", "default-src 'self'", "default-src 'self'"),
        ("content-security-policy-report-only", "default-src 'none'", "default-src 'none'"),
        ("referrer-policy", "same-origin", "same-origin"),
        ("permissions-policy", "camera=()", "camera=()"),
    ] {
        let one = |value: &'static str| if value.is_empty() { vec![] } else { vec![value] };
        check(ALL, request("/"), name, &one(plain));
        check(ALL, over_tls(request("/")), name, &one(tls));
    }
}

#[test]
fn security_headers_replace_the_services() {
    let res = through(&built(ALL).unwrap(), request("/"), &[("x-frame-options", "ALLOWALL")]);
    assert_eq!(header_values(res.headers(), "x-frame-options"), ["DENY"]);
}

#[test]
fn own_values_win() {
    let json = r#"{"stsSeconds": 5, "forceSTSHeader": true, "customFrameOptionsValue": "SAMEORIGIN", "frameDeny": true,
        "customBrowserXSSValue": "0", "browserXssFilter": true}"#;
    check(json, request("/"), "strict-transport-security", &["max-age=5"]);
    check(json, request("/"), "x-frame-options", &["SAMEORIGIN"]);
    check(json, request("/"), "x-xss-protection", &["0"]);
    let json = r#"{"customResponseHeaders": {"X-Frame-Options": "SAMEORIGIN"}, "frameDeny": true}"#;
    check(json, request("/"), "x-frame-options", &["SAMEORIGIN"]);
}

#[test]
fn development_turns_some_off() {
    let json = r#"{"stsSeconds": 5, "forceSTSHeader": true, "isDevelopment": true, "allowedHosts": ["no.test"], "frameDeny": true}"#;
    check(json, request("/"), "strict-transport-security", &[]);
    check(json, request("/"), "x-frame-options", &["DENY"]);
}

#[test]
fn a_proxy_may_say_that_it_was_tls() {
    let json = r#"{"stsSeconds": 7, "sslProxyHeaders": {"X-Forwarded-Proto": "https"}}"#;
    let proto = |value| with_header(request("/"), "x-forwarded-proto", value);
    check(json, proto("https"), "strict-transport-security", &["max-age=7"]);
    check(json, proto("http"), "strict-transport-security", &[]);
}

#[test]
fn a_nonce_is_another_each_time() {
    let headers = built(
        r#"{"contentSecurityPolicy": "script-src $NONCE", "contentSecurityPolicyReportOnly": "style-src $NONCE"}"#,
    )
    .unwrap();
    let policies = || {
        let res = through(&headers, request("/"), &[]);
        let values = header_values(res.headers(), "content-security-policy");
        let report_only = header_values(res.headers(), "content-security-policy-report-only");
        (values.concat(), report_only.concat())
    };
    let (first, report_only) = policies();
    let nonce = first.strip_prefix("script-src 'nonce-").unwrap().strip_suffix('\'').unwrap();
    assert_eq!(nonce.len(), 24);
    assert_eq!(report_only, format!("style-src 'nonce-{nonce}'"));
    assert_ne!(policies().0, first);
}

#[test]
fn only_allowed_hosts_pass() {
    let json = r#"{"allowedHosts": ["HALLOWED.test", "ported.test:8080"], "frameDeny": true,
        "customResponseHeaders": {"X-Res": "1"}}"#;
    for (host, wanted) in [
        ("hallowed.test", true),
        ("hallowed.test:81", false),
        ("ported.test:8080", true),
        ("ported.test", false),
    ] {
        let flow = built(json).unwrap().request(&mut request_to(host, "/"));
        assert_eq!(passes(&flow), wanted, "{host}");
        if !wanted {
            let res = answer(flow);
            assert_eq!(res.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(header_values(res.headers(), "x-res"), ["1"]);
            assert_eq!(header_values(res.headers(), "x-frame-options"), [""; 0]);
            assert_eq!(text(&res), "Bad Host\n");
        }
    }
}

#[test]
fn the_host_may_stand_in_another_header() {
    let json = r#"{"allowedHosts": ["good.test"], "hostsProxyHeaders": ["X-None", "X-Real-Host"]}"#;
    for (host, wanted) in [("good.test", true), ("bad.test", false)] {
        let mut req = with_header(request_to("x.test", "/"), "x-real-host", host);
        assert_eq!(passes(&built(json).unwrap().request(&mut req)), wanted);
    }
    assert!(passes(&built(json).unwrap().request(&mut request_to("good.test", "/"))));
}

// --- CORS

const CORS: &str = r#"{"accessControlAllowMethods": ["GET", "PUT"], "accessControlAllowHeaders": ["X-A", "X-B"],
    "accessControlAllowOriginList": ["https://a.test", "https://b.test"], "accessControlMaxAge": 100,
    "accessControlExposeHeaders": ["X-Out", "X-Out2"], "addVaryHeader": true, "customResponseHeaders": {"X-Res": "1"}}"#;
const CREDENTIALS: &str = r#"{"accessControlAllowOriginList": ["*"], "accessControlAllowMethods": ["*"],
    "accessControlAllowHeaders": ["*"], "accessControlExposeHeaders": ["*"], "accessControlAllowCredentials": true}"#;
const STAR: &str = r#"{"accessControlAllowOriginList": ["*"], "accessControlAllowMethods": ["*"],
    "accessControlAllowHeaders": ["*"]}"#;

fn preflight(json: &str, origin: &str, wanted: &[(&str, &str)]) {
    let req = with_method(with_header(request("/"), "origin", origin), "OPTIONS");
    let req = with_header(req, "access-control-request-method", "PUT");
    let mut req = with_header(req, "access-control-request-headers", "X-A");
    let res = answer(built(json).unwrap().request(&mut req));
    assert_eq!(res.status(), StatusCode::OK);
    assert_eq!(header_values(res.headers(), "content-length"), ["0"]);
    let mut got: Vec<_> =
        res.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    got.retain(|(name, _)| *name != "content-length");
    got.sort_unstable();
    assert_eq!(got, wanted, "{origin}");
}

#[test]
fn preflights_are_answered() {
    let others = [
        ("access-control-allow-headers", "X-A,X-B"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-expose-headers", "X-Out,X-Out2"),
        ("access-control-max-age", "100"),
    ];
    preflight(
        CORS,
        "https://a.test",
        &[others[0], others[1], ("access-control-allow-origin", "https://a.test"), others[2], others[3]],
    );
    preflight(CORS, "https://evil.test", &others);
    preflight(
        STAR,
        "https://x.test",
        &[
            ("access-control-allow-headers", "*"),
            ("access-control-allow-methods", "*"),
            ("access-control-allow-origin", "*"),
        ],
    );
    preflight(
        CREDENTIALS,
        "https://x.test",
        &[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "X-A"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-origin", "https://x.test"),
        ],
    );
    preflight(r#"{"accessControlMaxAge": 0}"#, "https://x.test", &[("access-control-max-age", "0")]);
}

#[test]
fn other_requests_are_no_preflights() {
    let origin = |req| with_header(req, "origin", "https://a.test");
    let asks = |req| with_header(req, "access-control-request-method", "PUT");
    let options = |req| with_method(req, "OPTIONS");
    for mut req in [options(asks(request("/"))), options(origin(request("/"))), asks(origin(request("/")))] {
        assert!(passes(&built(CORS).unwrap().request(&mut req)));
    }
    let mut req = options(asks(origin(request("/"))));
    assert!(passes(&built(r#"{"frameDeny": true}"#).unwrap().request(&mut req)));
}

#[test]
fn answers_tell_an_allowed_origin() {
    let origin = |origin| with_header(request("/"), "origin", origin);
    let allow = "access-control-allow-origin";
    check(CORS, origin("https://b.test"), allow, &["https://b.test"]);
    check(CORS, origin("https://A.test"), allow, &[]);
    check(CORS, origin("https://evil.test"), allow, &[]);
    check(CORS, request("/"), allow, &[]);
    check(CORS, request("/"), "access-control-expose-headers", &["X-Out,X-Out2"]);
    check(CORS, request("/"), "access-control-max-age", &[]);
    check(CORS, request("/"), "x-res", &["1"]);
    check(STAR, origin("https://x.test"), allow, &["*"]);
    check(STAR, request("/"), allow, &["*"]);
    check(CREDENTIALS, origin("https://x.test"), allow, &["https://x.test"]);
    check(CREDENTIALS, request("/"), allow, &[]);
    check(CREDENTIALS, request("/"), "access-control-allow-credentials", &["true"]);
    check(CREDENTIALS, request("/"), "access-control-expose-headers", &[]);
}

#[test]
fn origins_may_be_patterns() {
    let json = r#"{"accessControlAllowOriginListRegex": ["^https://.*\\.good\\.test$", "inside"]}"#;
    for (origin, wanted) in [
        ("https://x.good.test", true),
        ("https://xinsidey.test", true),
        ("https://x.good.test.evil.test", false),
    ] {
        let wanted = if wanted { vec![origin] } else { vec![] };
        check(json, with_header(request("/"), "origin", origin), "access-control-allow-origin", &wanted);
    }
}

#[test]
fn vary_is_appended() {
    let headers = built(CORS).unwrap();
    let vary = |given: &[(&'static str, &'static str)]| {
        let res = through(&headers, request("/"), given);
        header_values(res.headers(), "vary").join(" | ")
    };
    assert_eq!(vary(&[]), "Origin");
    assert_eq!(vary(&[("vary", "Origin")]), "Origin");
    assert_eq!(vary(&[("vary", "Accept")]), "Accept,Origin");
    assert_eq!(vary(&[("vary", "Accept"), ("vary", "Cookie")]), "Accept,Origin | Cookie");
}

// --- mistakes

#[test]
fn names_mistakes() {
    build_error(built("{}"), "");
    build_error(built(r#"{"frameDeny": false}"#), "");
    build_error(built(r#"{"customRequestHeaders": {"a b": "c"}}"#), "customRequestHeaders.a b");
    build_error(built(r#"{"customRequestHeaders": {"Host": "a/b"}}"#), "customRequestHeaders.Host");
    build_error(built(r#"{"customResponseHeaders": {"A": "b\nc"}}"#), "customResponseHeaders.A");
    build_error(
        built(r#"{"accessControlAllowOriginListRegex": ["("]}"#),
        "accessControlAllowOriginListRegex[0]",
    );
    build_error(built(r#"{"hostsProxyHeaders": [""]}"#), "hostsProxyHeaders[0]");
}

#[test]
fn deprecated_options_are_read() {
    let json = r#"{"sslRedirect": true, "sslTemporaryRedirect": true, "sslHost": "a", "sslForceHost": true, "featurePolicy": "x"}"#;
    assert!(passes(&built(json).unwrap().request(&mut request("/"))));
}
