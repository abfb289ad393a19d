//! Which upstreams are believed.

use super::*;
use crate::testing::{Authority, Pair, Wanted, build_with_default, said, self_signed_ca, shake, trusting};

/// `Ok`, or what the client says of the server.
async fn check(pair: &Pair, client: ClientConfig, name: &str, expected: Result<(), &str>) {
    // As the default, so that it is shown whatever name is asked for.
    let (server, _) = build_with_default(&[], Some(pair.config()), &[], None);
    let result =
        shake(&server, &client, name, &[]).await.map(|_| ()).map_err(|(_, error)| said(error.as_ref()));
    match (&result, expected) {
        (Ok(()), Ok(())) => {}
        (Err(said), Err(part)) if said.contains(part) => {}
        _ => panic!("for {name}: {result:?}, not {expected:?}"),
    }
}

fn with(authority: &Authority, set: impl FnOnce(&mut ClientConfig)) -> ClientConfig {
    let mut client = trusting(authority);
    set(&mut client);
    client
}

const REFUSED: &str = "the peer's certificate was refused";

#[tokio::test]
async fn a_chain_to_a_root_and_the_right_name() {
    let authority = Authority::new("root");
    let pair = authority.certify(&["up.test", "127.0.0.1", "::1"]);
    check(&pair, trusting(&authority), "up.test", Ok(())).await;
    check(&pair, trusting(&authority), "UP.test.", Ok(())).await;
    check(&pair, trusting(&authority), "127.0.0.1", Ok(())).await;
    check(&pair, trusting(&authority), "[::1]", Ok(())).await;
    check(&pair, trusting(&authority), "other.test", Err(REFUSED)).await;
    check(&pair, trusting(&Authority::new("other")), "up.test", Err("UnknownIssuer")).await;
    check(&pair, ClientConfig::default(), "up.test", Err(REFUSED)).await;
    check(&pair, trusting(&authority), "", Err("`` is not a server name")).await;
}

#[tokio::test]
async fn another_name_may_be_asked_for() {
    let authority = Authority::new("root");
    let named = |name: &str| with(&authority, |c| c.server_name = name.to_owned());
    let pair = authority.certify(&["up.test"]);
    check(&pair, named("up.test"), "10.0.0.1", Ok(())).await;
    check(&pair, named("other.test"), "up.test", Err(REFUSED)).await;
}

#[tokio::test]
async fn skipping_takes_anything() {
    let skip = || ClientConfig { insecure_skip_verify: true, ..ClientConfig::default() };
    let pair = self_signed_ca("whatever");
    check(&pair, skip(), "up.test", Ok(())).await;
    check(&pair, skip(), "10.0.0.1", Ok(())).await;
    check(&pair, skip(), "", Ok(())).await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new("root");
    let wanted = Wanted { names: &["up.test"], years: (2019, 2020), ..Wanted::default() };
    check(&authority.issue(&wanted), trusting(&authority), "up.test", Err("expired")).await;
}

#[tokio::test]
async fn a_self_signed_server_may_be_its_own_root() {
    let pair = self_signed_ca("up.test");
    let pinned = || ClientConfig { root_cas: vec![pair.chain.clone().into()], ..ClientConfig::default() };
    check(&pair, pinned(), "up.test", Ok(())).await;
    check(&pair, pinned(), "other.test", Err(REFUSED)).await;
    check(&self_signed_ca("up.test"), pinned(), "up.test", Err(REFUSED)).await;
}

#[tokio::test]
async fn one_of_the_peers_names_is_enough() {
    let authority = Authority::new("root");
    let san = |kind, value: &str| PeerSanConfig { kind, value: value.to_owned() };
    let sans = |sans: Vec<PeerSanConfig>| with(&authority, |c| c.peer_cert_sans = sans);
    let pair = authority.certify(&["up.test", "spiffe://a/b"]);
    let (good, bad) = (san(PeerSanKind::Uri, "spiffe://a/b"), san(PeerSanKind::Uri, "spiffe://a/c"));
    check(&pair, sans(vec![bad.clone(), good.clone()]), "up.test", Ok(())).await;
    check(&pair, sans(vec![bad.clone()]), "up.test", Err(REFUSED)).await;
    check(&pair, sans(vec![bad, san(PeerSanKind::DnsName, "up.test")]), "up.test", Ok(())).await;
    check(&pair, sans(vec![good.clone()]), "other.test", Err(REFUSED)).await;
    let uri = |uri: &str| with(&authority, |c| c.peer_cert_uri = uri.to_owned());
    check(&pair, uri("spiffe://a/b"), "up.test", Ok(())).await;
    check(&pair, uri("spiffe://a"), "up.test", Err(REFUSED)).await;
    // The name of a certificate that nobody vouches for is worth nothing.
    let skip = |root: &Authority| {
        with(root, |c| {
            c.insecure_skip_verify = true;
            c.peer_cert_sans = vec![good.clone()];
        })
    };
    check(&pair, skip(&authority), "other.test", Ok(())).await;
    check(&pair, skip(&Authority::new("other")), "other.test", Err(REFUSED)).await;
}

#[tokio::test]
async fn a_minimum_needs_no_maximum() {
    let authority = Authority::new("root");
    let client = with(&authority, |c| c.min_version = "VersionTLS12".to_owned());
    check(&authority.certify(&["up.test"]), client, "up.test", Ok(())).await;
}

fn refused(config: &ClientConfig, expected: &str) {
    let problem = config.build().map(|_| ()).unwrap_err();
    assert_eq!(format!("{}: {}", problem.path, problem.message), expected);
}

#[test]
fn mistakes_are_not_passed_over() {
    let default = ClientConfig::default;
    refused(
        &ClientConfig { root_cas: vec!["/no.crt".into()], ..default() },
        "rootCAs[0]: failed to read the CA certificate `/no.crt`: no such file, and not PEM itself",
    );
    refused(
        &ClientConfig { certificates: vec![ClientCertificateConfig::default()], ..default() },
        "certificates[0].certFile: the certificate is empty",
    );
    refused(
        &ClientConfig { max_version: "1.3".into(), ..default() },
        "maxVersion: unknown TLS version `1.3`",
    );
    refused(
        &ClientConfig { spiffe: Some(SpiffeConfig::default()), ..default() },
        "spiffe: SPIFFE is not supported",
    );
}

#[test]
fn configuration_reads_as_traefik_writes_it() {
    let text = r#"{ "serverName": "a", "insecureSkipVerify": true, "rootCAs": ["/ca.crt"], "minVersion": "VersionTLS11",
        "certificates": [{ "certFile": "/a.crt", "keyFile": "/a.key" }], "peerCertURI": "spiffe://a",
        "peerCertSANs": [{ "type": "DNSName", "value": "a" }, { "type": "URI", "value": "b" }] }"#;
    let config: ClientConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.peer_cert_sans.len(), 2);
    let without = ClientConfig { root_cas: Vec::new(), certificates: Vec::new(), ..config.clone() };
    assert_eq!(without.build().unwrap().warnings().len(), 1);
    assert_eq!(config.files(), ["/ca.crt", "/a.crt", "/a.key"].map(PathBuf::from));
}
