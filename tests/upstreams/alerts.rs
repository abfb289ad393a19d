//! Endpoints that refuse the gateway after the handshake: in TLS 1.3 a client's certificate is looked at only then.

use serde_json::{Value, json};

use crate::harness::secure::ServerTls;
use crate::harness::{Backend, eventually, gateway};

#[tokio::test]
async fn an_alert_is_a_failure_of_tls() {
    for alpn in [&[][..], &["h2"][..]] {
        let shop = Backend::start("shop", Some(ServerTls::build("backend", Some("ca"), 13, alpn)), 0).await;
        let text = "
http:
  routers: { shop: { rule: 'Host(`shop.test`)', service: shop } }
  services:
    shop: { loadBalancer: { serversTransport: any, servers: [{ url: 'https://127.0.0.1:<shop>' }] } }
  serversTransports: { any: { insecureSkipVerify: true } }
";
        let log = json!({"accessLog": {"filePath": "access.log", "format": "json"}});
        let gateway = gateway().install(log).file(text).with(&shop).start().await;
        gateway.get("http://shop.test/").await.is(502);
        let path = gateway.folder().join("access.log");
        let line = eventually("a line in the access log", async || {
            std::fs::read_to_string(&path).ok()?.lines().next().map(str::to_owned)
        })
        .await;
        let entry: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(entry["Reason"], "upstream_tls", "{alpn:?}: {entry}");
    }
}
