//! Handshakes between our own two halves.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;

use super::*;
use crate::testing::{
    Authority, Ends, Pair, Wanted, build, build_with_default, said, server, shake, shake_with, trusting,
};
use crate::{ClientConfig, OptionsConfig};

fn options(set: impl FnOnce(&mut OptionsConfig)) -> OptionsConfig {
    let mut options = OptionsConfig::default();
    set(&mut options);
    options
}

fn client(authority: &Authority, set: impl FnOnce(&mut ClientConfig)) -> ClientConfig {
    let mut client = trusting(authority);
    set(&mut client);
    client
}

/// What the server negotiates with a client, or what the client is told.
async fn negotiate(
    server_options: OptionsConfig,
    set: impl FnOnce(&mut ClientConfig),
    alpn: &[&[u8]],
) -> Result<Arc<Negotiated>, String> {
    let authority = Authority::new("root");
    let server = server(&authority.certify(&["a.test"]), server_options);
    match shake(&server, &client(&authority, set), "a.test", alpn).await {
        Ok((server, _)) => Ok(server.negotiated().clone()),
        Err((_, client)) => Err(said(client.as_ref())),
    }
}

// === versions, suites, protocols ===

#[tokio::test]
async fn the_newest_version_and_the_clients_protocols() {
    let found = negotiate(options(|_| ()), |_| (), &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!((found.version.as_str(), found.sni.as_deref()), ("1.3", Some("a.test")));
    assert!(found.cipher.starts_with("TLS_AES_"), "{}", found.cipher);
    assert!(found.is_h2());
    assert_eq!(found.options, "default");
    assert!(found.peer_certificates.is_empty());
}

#[tokio::test]
async fn version_12_with_a_chosen_suite() {
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let chosen = options(|o| {
        o.max_version = "VersionTLS12".to_owned();
        o.cipher_suites = vec![suite.to_owned()];
    });
    let found = negotiate(chosen.clone(), |_| (), &[]).await.unwrap();
    assert_eq!((found.version.as_str(), found.cipher), ("1.2", suite));
    let other =
        |c: &mut ClientConfig| c.cipher_suites = vec!["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".to_owned()];
    let refused = negotiate(chosen, other, &[]).await.unwrap_err();
    assert!(refused.contains("HandshakeFailure"), "{refused}");
}

#[tokio::test]
async fn versions_that_do_not_meet() {
    let new = options(|o| o.min_version = "VersionTLS13".to_owned());
    let old = options(|o| o.max_version = "VersionTLS12".to_owned());
    let max_12 = |c: &mut ClientConfig| c.max_version = "VersionTLS12".to_owned();
    let min_13 = |c: &mut ClientConfig| c.min_version = "VersionTLS13".to_owned();
    assert!(negotiate(new.clone(), max_12, &[]).await.unwrap_err().contains("ProtocolVersion"));
    assert!(negotiate(old.clone(), min_13, &[]).await.unwrap_err().contains("ProtocolVersion"));
    assert_eq!(negotiate(new, min_13, &[]).await.unwrap().version.as_str(), "1.3");
    assert_eq!(negotiate(old, max_12, &[]).await.unwrap().version.as_str(), "1.2");
}

#[tokio::test]
async fn one_curve_is_enough() {
    let curve = options(|o| o.curve_preferences = vec!["CurveP384".to_owned()]);
    assert!(negotiate(curve, |_| (), &[]).await.is_ok());
}

#[tokio::test]
async fn protocols_as_they_are_written() {
    let http1 = || options(|o| o.alpn_protocols = vec!["http/1.1".to_owned()]);
    let found = negotiate(http1(), |_| (), &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(found.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(negotiate(http1(), |_| (), &[]).await.unwrap().alpn, None);
    let refused = negotiate(options(|_| ()), |_| (), &[b"foo"]).await.unwrap_err();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    let none = options(|o| o.alpn_protocols.clear());
    assert_eq!(negotiate(none, |_| (), &[b"h2"]).await.unwrap().alpn, None);
}

#[tokio::test]
async fn http1_goes_on_without_protocols_where_only_h2_is_offered() {
    let h2 = options(|o| o.alpn_protocols = vec!["h2".to_owned()]);
    assert_eq!(negotiate(h2.clone(), |_| (), &[b"http/1.1"]).await.unwrap().alpn, None);
    assert!(negotiate(h2.clone(), |_| (), &[b"http/1.1", b"h2"]).await.unwrap().is_h2());
    assert!(negotiate(h2, |_| (), &[b"foo"]).await.is_err());
}

#[tokio::test]
async fn a_challenge_is_not_answered_by_services() {
    assert!(negotiate(options(|_| ()), |_| (), &[b"acme-tls/1"]).await.is_err());
}

// === client certificates ===

/// Which of these get in: no certificate, one of the CA, one of another CA.
async fn check_mode(mode: &str, expected: [bool; 3]) {
    let (authority, other) = (Authority::new("root"), Authority::new("other"));
    let with_ca = options(|o| {
        o.client_auth.client_auth_type = mode.to_owned();
        o.client_auth.ca_files = vec![authority.pem.clone().into()];
    });
    let server = server(&authority.certify(&["a.test"]), with_ca);
    let own = [None, Some(authority.certify(&["me.test"])), Some(other.certify(&["me.test"]))];
    for version in ["VersionTLS12", "VersionTLS13"] {
        for (index, own) in own.iter().enumerate() {
            let client = client(&authority, |c| {
                c.max_version = version.to_owned();
                c.certificates.extend(own.as_ref().map(Pair::client_config));
            });
            let result = shake(&server, &client, "a.test", &[]).await;
            assert_eq!(result.is_ok(), expected[index], "{mode}, {version}, client {index}");
            let shown = result.map_or(0, |(server, _)| server.negotiated().peer_certificates.len());
            let asked = mode != "NoClientCert" && own.is_some();
            assert_eq!(shown, usize::from(asked && expected[index]), "{mode}, {version}, client {index}");
        }
    }
}

#[tokio::test]
async fn each_mode_lets_in_whom_it_says() {
    check_mode("NoClientCert", [true, true, true]).await;
    check_mode("RequestClientCert", [true, true, true]).await;
    check_mode("RequireAnyClientCert", [false, true, true]).await;
    check_mode("VerifyClientCertIfGiven", [true, true, false]).await;
    check_mode("RequireAndVerifyClientCert", [false, true, false]).await;
    check_mode("", [false, true, false]).await;
}

#[tokio::test]
async fn a_self_signed_client_may_be_its_own_ca() {
    let (authority, own) = (Authority::new("root"), crate::testing::self_signed_ca("me.test"));
    let pinned = options(|o| o.client_auth.ca_files = vec![own.chain.clone().into()]);
    let server = server(&authority.certify(&["a.test"]), pinned);
    let known = client(&authority, |c| c.certificates = vec![own.client_config()]);
    assert!(shake(&server, &known, "a.test", &[]).await.is_ok());
    let stranger = crate::testing::self_signed_ca("me.test");
    let stranger = client(&authority, |c| c.certificates = vec![stranger.client_config()]);
    assert!(shake(&server, &stranger, "a.test", &[]).await.is_err());
}

#[tokio::test]
async fn an_expired_client_is_refused() {
    let authority = Authority::new("root");
    let wanted = Wanted { names: &["me.test"], years: (2019, 2020), ..Wanted::default() };
    let verified = options(|o| o.client_auth.ca_files = vec![authority.pem.clone().into()]);
    let server = server(&authority.certify(&["a.test"]), verified);
    let client = client(&authority, |c| c.certificates = vec![authority.issue(&wanted).client_config()]);
    let (server, _) = shake(&server, &client, "a.test", &[]).await.unwrap_err();
    assert!(matches!(server, Some(Error::Verification(_))), "{server:?}");
}

#[test]
fn a_resumed_client_that_has_expired_is_refused() {
    let wanted = Wanted { names: &["me.test"], years: (2019, 2020), ..Wanted::default() };
    let pair = Authority::new("root").issue(&wanted);
    let der = CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap();
    let mut negotiated = Negotiated {
        version: Version::Tls13,
        cipher: "",
        alpn: None,
        sni: None,
        peer_certificates: vec![der.to_vec()],
        is_resumed: true,
        options: "default".to_owned(),
    };
    assert!(matches!(negotiated.check_resumed_client(), Err(Error::ExpiredClientCertificate)));
    negotiated.is_resumed = false;
    assert!(negotiated.check_resumed_client().is_ok());
}

// === resumption ===

async fn resumed(server: &crate::Certificates, connector: &crate::Connector) -> bool {
    let (server, _) = shake_with(server, connector, "a.test", &[]).await.unwrap();
    server.negotiated().is_resumed
}

#[tokio::test]
async fn sessions_are_resumed_across_reloads() {
    let authority = Authority::new("root");
    for version in ["VersionTLS12", "VersionTLS13"] {
        let first = server(&authority.certify(&["a.test"]), options(|_| ()));
        let client = client(&authority, |c| c.max_version = version.to_owned());
        let connector = client.build().unwrap();
        assert!(!resumed(&first, &connector).await, "{version}");
        assert!(resumed(&first, &connector).await, "{version}");
        let second = server(&authority.certify(&["a.test"]), options(|o| o.sni_strict = true));
        assert!(resumed(&second, &connector).await, "{version}");
    }
}

#[tokio::test]
async fn sessions_do_not_cross_into_other_client_authentication() {
    let authority = Authority::new("root");
    let pair = authority.certify(&["a.test"]);
    let lax = server(&pair, options(|_| ()));
    let asks = server(&pair, options(|o| o.client_auth.client_auth_type = "RequestClientCert".to_owned()));
    let connector = trusting(&authority).build().unwrap();
    assert!(!resumed(&lax, &connector).await);
    assert!(!resumed(&asks, &connector).await);
}

#[tokio::test]
async fn without_tickets_nothing_is_resumed() {
    let authority = Authority::new("root");
    let off = server(&authority.certify(&["a.test"]), options(|o| o.disable_session_tickets = true));
    for version in ["VersionTLS12", "VersionTLS13"] {
        let client = client(&authority, |c| c.max_version = version.to_owned());
        let connector = client.build().unwrap();
        assert!(!resumed(&off, &connector).await, "{version}");
        assert!(!resumed(&off, &connector).await, "{version}");
    }
}

// === certificates ===

#[tokio::test]
async fn strict_sni_is_refused_as_an_unknown_name() {
    let authority = Authority::new("root");
    let strict = server(&authority.certify(&["*.a.test"]), options(|o| o.sni_strict = true));
    assert!(shake(&strict, &trusting(&authority), "x.a.test", &[]).await.is_ok());
    let (server, client) = shake(&strict, &trusting(&authority), "x.b.test", &[]).await.unwrap_err();
    assert!(matches!(server, Some(Error::NoCertificate(Some(ref name))) if name == "x.b.test"));
    assert!(said(client.as_ref()).contains("UnrecognisedName"), "{}", said(client.as_ref()));
    let (server, _) = shake(&strict, &trusting(&authority), "192.0.2.1", &[]).await.unwrap_err();
    assert!(matches!(server, Some(Error::NoCertificate(None))));
}

#[tokio::test]
async fn without_a_default_certificate_an_unknown_name_is_refused() {
    let broken = crate::CertificateConfig { cert_file: "/no.crt".into(), ..Default::default() };
    let (built, _) = build_with_default(&[], Some(broken), &[], None);
    assert!(shake(&built, &ClientConfig::default(), "a.test", &[]).await.is_err());
}

#[tokio::test]
async fn a_client_without_a_name_is_known_by_the_address_it_came_to() {
    let authority = Authority::new("root");
    let certificates = [authority.certify(&["a.test"]).config(), authority.certify(&["192.0.2.1"]).config()];
    let (built, _) = build(&certificates, &[], None);
    let config = built.server_config("default").unwrap();
    let connector = trusting(&authority).build().unwrap();
    for (local, good) in [(Some("192.0.2.1"), true), (Some("192.0.2.2"), false), (None, false)] {
        let (near, far) = tokio::io::duplex(1 << 16);
        let local = local.map(|text| text.parse::<IpAddr>().unwrap());
        let (server, client) =
            tokio::join!(accept(&config, &[], far, local), connector.connect("192.0.2.1", &[], near));
        assert_eq!((server.is_ok(), client.is_ok()), (good, good), "{local:?}");
    }
}

// === bytes ===

/// The ClientHello in the first `early` bytes that the entry point has read, the rest from the stream.
async fn shake_in_pieces(early: usize) -> Result<Ends, Error> {
    let authority = Authority::new("root");
    let built = server(&authority.certify(&["a.test"]), options(|_| ()));
    let config = built.server_config("default").unwrap();
    let connector = trusting(&authority).build().unwrap();
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let serve = async {
        let mut read = vec![0; early];
        far.read_exact(&mut read).await.unwrap();
        accept(&config, &read, far, None).await
    };
    let (server, client) = tokio::join!(serve, connector.connect("a.test", &[b"h2"], near));
    Ok((server?, client?))
}

#[tokio::test]
async fn what_was_read_already_is_part_of_the_handshake() {
    for early in [0, 1, 5, 6, 100, 200] {
        let (mut server, mut client) = shake_in_pieces(early).await.unwrap();
        assert!(client.is_h2());
        client.write_all(b"ping").await.unwrap();
        client.flush().await.unwrap();
        let mut read = [0; 4];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"ping");
    }
}

#[tokio::test]
async fn nonsense_is_an_error_and_an_alert() {
    let built = server(&Authority::new("root").certify(&["a.test"]), options(|_| ()));
    let config = built.server_config("default").unwrap();
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0, 4, 2, 0, 0, 0], &[0xff; 1 << 17]] {
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let server = async {
            let result = accept(&config, nonsense, far, None).await;
            assert!(result.is_err());
        };
        let mut told = Vec::new();
        let (_, read) = tokio::join!(server, near.read_to_end(&mut told));
        read.unwrap();
        assert!(told.is_empty() || told.starts_with(&[0x15, 3]), "{told:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_a_broken_connection() {
    let built = server(&Authority::new("root").certify(&["a.test"]), options(|_| ()));
    let config = built.server_config("default").unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    drop(near);
    let error = accept(&config, &[0x16, 3, 1], far, None).await.unwrap_err();
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
}

#[tokio::test]
async fn refusing_is_an_alert() {
    let (mut near, mut far) = tokio::io::duplex(64);
    refuse(&mut far).await;
    drop(far);
    let mut told = Vec::new();
    near.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, HANDSHAKE_FAILURE);
}

#[tokio::test]
async fn a_stream_is_quiet_when_nothing_waits_in_it() {
    let authority = Authority::new("root");
    let built = server(&authority.certify(&["a.test"]), options(|_| ()));
    let (mut server, mut client) = shake(&built, &trusting(&authority), "a.test", &[]).await.unwrap();
    assert!(server.is_quiet());
    client.write_all(b"ab").await.unwrap();
    client.flush().await.unwrap();
    server.read_exact(&mut [0]).await.unwrap();
    assert!(!server.is_quiet(), "a byte is waiting");
    server.read_exact(&mut [0]).await.unwrap();
    assert!(server.is_quiet());
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    assert!(!server.is_quiet(), "the client has said goodbye");
}
