//! `explain` and the gateway say the same of the same request.

use serde_json::{Value, json};

use crate::harness::process::portcullis;
use crate::harness::{Gateway, Request, backend, gateway};

const RULES: &str = "http:
  routers:
    shop: { rule: 'Host(`shop.test`)', service: shop }
    safe: { rule: 'Host(`shop.test`) && PathPrefix(`/safe`)', service: shop, middlewares: [auth] }
    slow: { rule: 'Host(`shop.test`) && PathPrefix(`/slow`)', service: shop, middlewares: [bcrypt] }
  middlewares:
    # apr-pass, bc-pass
    auth: { basicAuth: { users: ['apr:$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.'] } }
    bcrypt: { basicAuth: { users: ['bc:$2y$05$abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G'] } }
  services:
    shop: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:<shop>' }] } }
";

fn strict() -> Value {
    json!({"http": {"underscoreHeadersStrategy": "reject", "encodedCharacters": {"allowEncodedSlash": false}}})
}

/// A request as both are asked.
type Asked = (&'static str, &'static str, Option<(&'static str, &'static str)>);

/// What is explained, by the configuration or by the API.
fn explained(gateway: &Gateway, source: [&str; 2], (method, path, header): Asked) -> Value {
    let url = format!("http://shop.test:{}{path}", gateway.port("web"));
    let header = header.map(|(name, value)| format!("{name}: {value}"));
    let mut args =
        vec!["explain", source[0], source[1], "--entrypoint", "web", "--output", "json", "-X", method];
    args.extend(header.iter().flat_map(|line| ["-H", line.as_str()]));
    args.push(&url);
    let printed = portcullis(gateway.folder(), &args);
    serde_json::from_str(&printed.ends_with(0).out).expect("JSON and nothing else")
}

#[tokio::test]
async fn explain_refuses_what_the_gateway_refuses() {
    let shop = backend("shop").await;
    let gateway = gateway().entry_point("web", strict()).file(RULES).with(&shop).start().await;
    let api = format!("http://127.0.0.1:{}", gateway.port("traefik"));
    let cases: [(Asked, u16, &str, Option<&str>); 11] = [
        (("GET", "/w", None), 200, "forwarded", None),
        (("GET", "/w", Some(("a_b", "c"))), 400, "refused", Some("header_refused")),
        (("GET", "/w/a%2fb", None), 400, "refused", Some("encoded_character")),
        (("GET", "/%zz", None), 400, "refused", Some("malformed")),
        (("GET", "/w%", None), 400, "refused", Some("malformed")),
        (("CONNECT", "/w", None), 501, "refused", Some("connect_refused")),
        (("GET", "/safe", None), 401, "answered", None),
        (("GET", "/safe", Some(("Authorization", "Basic YXByOndyb25n"))), 401, "answered", None),
        (("GET", "/safe", Some(("Authorization", "Basic YXByOmFwci1wYXNz"))), 200, "forwarded", None),
        (("GET", "/slow", Some(("Authorization", "Basic YmM6d3Jvbmc="))), 401, "answered", None),
        (("GET", "/slow", Some(("Authorization", "Basic YmM6YmMtcGFzcw=="))), 200, "forwarded", None),
    ];
    for (asked, status, kind, reason) in cases {
        let (method, path, header) = asked;
        let target = if method == "CONNECT" { "shop.test:80" } else { path };
        let mut request = Request::new(method, "shop.test", target);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        gateway.connect("web").await.ask(&request).await.is(status);
        let told = explained(&gateway, ["--configFile", "install.yml"], asked);
        let wanted = json!((kind != "forwarded").then_some(status));
        assert_eq!(told["outcome"]["kind"], kind, "{asked:?}: {told}");
        assert_eq!(told["outcome"]["status"], wanted, "{asked:?}: {told}");
        assert_eq!(told["outcome"]["reason"].as_str(), reason, "{asked:?}: {told}");
        // Whoever may ask the API is not to guess passwords by it.
        let told = explained(&gateway, ["--api", &api], asked);
        if header.is_some_and(|(name, _)| name == "Authorization") {
            assert_eq!(told["outcome"]["reason"], "if the password is right", "{asked:?}: {told}");
        } else {
            assert_eq!(told["outcome"]["status"], wanted, "{asked:?}: {told}");
        }
    }
}
