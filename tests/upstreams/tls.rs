//! TLS towards endpoints, beyond the table of facts: names that the certificate must hold, and the protocol.

use super::with;
use crate::harness::Backend;
use crate::harness::secure::ServerTls;

const SERVERS: &str = "servers: [{ url: 'https://127.0.0.1:<shop>' }]";

async fn shop(certificate: &str, alpn: &[&str]) -> Backend {
    Backend::start("shop", Some(ServerTls::build(certificate, None, 13, alpn)), 0).await
}

/// Each is asked of an endpoint with this certificate; those that hold it get through.
async fn check(certificate: &str, cases: &[(&str, u16)]) {
    let shop = shop(certificate, &[]).await;
    let authority = if certificate == "backend-uri" { "backend-uri" } else { "ca" };
    for (names, status) in cases {
        let gateway =
            with(&[&shop], SERVERS, &format!("rootCAs: ['<certs>/{authority}.crt'], {names}")).await;
        let before = shop.count();
        let response = gateway.get("http://shop.test/").await;
        assert_eq!(response.status, *status, "{names}: {response}");
        assert_eq!(shop.count() - before, usize::from(*status == 200), "{names}");
    }
}

/// The name in the URL has to be right besides.
#[tokio::test]
async fn a_certificate_must_hold_one_of_the_names() {
    check("backend", &[
        ("peerCertSANs: [{ type: DNSName, value: backend.test }]", 200),
        ("peerCertSANs: [{ type: DNSName, value: other.test }, { type: DNSName, value: backend.test }]", 200),
        ("peerCertSANs: [{ type: DNSName, value: other.test }]", 502),
        ("peerCertSANs: [{ type: URI, value: 'spiffe://shop.test/backend' }]", 502),
        ("serverName: other.test, peerCertSANs: [{ type: DNSName, value: backend.test }]", 502),
    ])
    .await;
}

#[tokio::test]
async fn a_name_may_be_a_uri() {
    check(
        "backend-uri",
        &[
            ("peerCertSANs: [{ type: URI, value: 'spiffe://shop.test/backend' }]", 200),
            ("peerCertSANs: [{ type: URI, value: 'spiffe://shop.test/other' }]", 502),
            ("peerCertSANs: [{ type: DNSName, value: 'spiffe.test' }]", 502),
            ("peerCertURI: 'spiffe://shop.test/backend'", 200),
            ("peerCertURI: 'spiffe://shop.test/other'", 502),
        ],
    )
    .await;
}

#[tokio::test]
async fn http_2_is_chosen_unless_it_is_disabled() {
    let shop = shop("backend", &["h2", "http/1.1"]).await;
    let gateway = with(&[&shop], SERVERS, "rootCAs: ['<certs>/ca.crt'], disableHTTP2: true").await;
    let response = gateway.get("http://shop.test/").await;
    assert_eq!(response.is(200).seen().tls()["alpn"], "http/1.1");
    // The endpoint cannot speak what it has agreed to; what matters is that it was asked to.
    let gateway = with(&[&shop], SERVERS, "rootCAs: ['<certs>/ca.crt']").await;
    gateway.get("http://shop.test/").await.is(502);
    let preface = shop.seen("PRI * HTTP/2.0").pop().expect("HTTP/2 was spoken");
    assert_eq!(preface.tls.unwrap()["alpn"], "h2");
}
