//! TLS at the entry points, beyond the table of facts: what changes while connections are open.

use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::routes::services;
use crate::harness::secure::{ClientTls, fixture, name_of};
use crate::harness::{Gateway, Request, backend, eventually, gateway, routes};

fn with_certificate(name: &str) -> String {
    format!(
        "http:
  routers: {{ a: {{ rule: 'Host(`a.example.test`)', service: shop }} }}
  services:
{}tls:
  certificates: [{{ certFile: '<certs>/{name}.crt', keyFile: '<certs>/{name}.key' }}]
",
        services(&["shop"])
    )
}

/// The certificate that is shown for this name.
async fn shown(gateway: &Gateway, sni: &str) -> String {
    let connection = gateway.connect_tls("secure", &ClientTls::to(sni)).await.expect("a handshake");
    name_of(&connection.tls.expect("it is TLS").certificate)
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart() {
    let shop = backend("shop").await;
    let gateway = gateway().secure().file(&with_certificate("exact")).with(&shop).start().await;
    assert_eq!(shown(&gateway, "a.example.test").await, "exact");
    let mut kept = gateway.connect_tls("secure", &ClientTls::to("a.example.test")).await.unwrap();
    kept.ask(&Request::new("GET", "a.example.test", "/")).await.is(200);
    gateway.rewrite(&with_certificate("wild"));
    eventually("the new one is shown", async || holds(shown(&gateway, "a.example.test").await == "wild"))
        .await;
    // Who is connected stays connected.
    kept.ask(&Request::new("GET", "a.example.test", "/")).await.is(200);
}

#[tokio::test]
async fn a_certificate_file_that_changes_is_read_again() {
    let shop = backend("shop").await;
    let text = with_certificate("exact").replace("<certs>/exact", "<dir>/site");
    let builder = gateway().secure();
    let folder = builder.folder().to_owned();
    let put = |name: &str| {
        for part in ["crt", "key"] {
            std::fs::copy(fixture(&format!("{name}.{part}")), folder.join(format!("site.{part}"))).unwrap();
        }
    };
    put("exact");
    let gateway = builder.file(&text).with(&shop).start().await;
    assert_eq!(shown(&gateway, "a.example.test").await, "exact");
    put("wild");
    eventually("the new one is shown", async || holds(shown(&gateway, "a.example.test").await == "wild"))
        .await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_takes_no_other_down() {
    let shop = backend("shop").await;
    let text = with_certificate("exact").replace(
        "certificates: [",
        "certificates: [{ certFile: '<dir>/none.crt', keyFile: '<dir>/none.key' }, { certFile: '<certs>/wild.crt', keyFile: '<certs>/exact.key' }, ",
    );
    let gateway = gateway().secure().file(&text).with(&shop).start().await;
    assert_eq!(shown(&gateway, "a.example.test").await, "exact");
    assert_eq!(shown(&gateway, "other.test").await, "generated");
    assert!(gateway.log().contains("none.crt"), "the log names the file");
}

#[tokio::test]
async fn http_2_is_offered_first() {
    let shop = backend("shop").await;
    let gateway = gateway().secure().file(&routes(&["shop"])).with(&shop).start().await;
    let both = ClientTls::to("shop.test").alpn(&["http/1.1", "h2"]);
    let connection = gateway.connect_tls("secure", &both).await.unwrap();
    assert_eq!(connection.tls.unwrap().alpn.as_deref(), Some("h2"));
    Http2::secure(&gateway, "secure", "shop.test").await.unwrap().get("shop.test", "/").await.is(200);
}

/// A private area behind client certificates must not be reached over a connection that showed none.
#[tokio::test]
async fn a_connection_for_one_name_cannot_reach_what_another_protects() {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    open: {{ rule: 'Host(`open.test`)', service: shop, tls: {{}} }}
    inner: {{ rule: 'Host(`inner.test`)', service: shop, tls: {{ options: mtls }} }}
  services:
{}tls:
  options: {{ mtls: {{ clientAuth: {{ caFiles: ['<certs>/ca.crt'], clientAuthType: RequireAndVerifyClientCert }} }} }}
",
        services(&["shop"])
    );
    let gateway = gateway().secure().file(&text).with(&shop).start().await;
    gateway.get("https://open.test/").await.is(200);
    let trusted = ClientTls::to("inner.test").identity("client");
    gateway.get("https://inner.test/").tls(trusted).await.is(200);
    assert_eq!(gateway.get("https://inner.test/").await.status, 0, "no certificate, no connection");
    for host in ["inner.test", "INNER.test", "inner.test.", "inner.test:443"] {
        gateway.get("https://open.test/").host(host).await.is(421);
    }
    let mut http2 = Http2::secure(&gateway, "secure", "open.test").await.unwrap();
    http2.get("inner.test", "/").await.is(421);
    assert_eq!(shop.count(), 2);
}

#[tokio::test]
async fn who_speaks_plainly_to_a_tls_port_is_turned_away() {
    let shop = backend("shop").await;
    let gateway = gateway().secure().file(&routes(&["shop"])).with(&shop).start().await;
    gateway.get("http://shop.test/").on("secure").await.is(404);
    let mut connection = gateway.connect("secure").await;
    connection.send(&[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]).await.unwrap();
    assert!(connection.until_closed().await.is_some(), "a broken hello is closed");
    assert_eq!(shop.count(), 0);
    gateway.get("https://shop.test/").await.is(200);
}

/// A session that is taken up again saves the client a round trip, and needs no certificate; tickets are how it is kept.
#[tokio::test]
async fn sessions_are_taken_up_again_unless_that_is_disabled() {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    open: {{ rule: 'Host(`open.test`)', service: shop, tls: {{}} }}
    strict: {{ rule: 'Host(`strict.test`)', service: shop, tls: {{ options: strict }} }}
  services:
{}tls:
  options: {{ strict: {{ disableSessionTickets: true }} }}
",
        services(&["shop"])
    );
    let gateway = gateway().secure().file(&text).with(&shop).start().await;
    for version in [12, 13] {
        for (name, resumes) in [("open.test", true), ("strict.test", false)] {
            let client = ClientTls { minimum: version, maximum: version, ..ClientTls::to(name) };
            let got = client.resumes(gateway.address("secure")).await;
            assert_eq!(got, resumes, "{name} over TLS 1.{}", version - 10);
        }
    }
}
