//! What a snapshot's store answers, and what it carries over from the one before.

use std::fs;

use super::*;
use crate::testing::{Authority, Pair, Wanted, build, build_with_default, server, shake, trusting};

fn options(set: impl FnOnce(&mut OptionsConfig)) -> OptionsConfig {
    let mut options = OptionsConfig::default();
    set(&mut options);
    options
}

fn summaries(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", problem.severity, problem.summary())).collect()
}

/// A pair as two files.
fn written(folder: &std::path::Path, pair: &Pair) -> CertificateConfig {
    let (cert, key) = (folder.join("a.crt"), folder.join("a.key"));
    fs::write(&cert, &pair.chain).unwrap();
    fs::write(&key, &pair.key).unwrap();
    let text = |path: &std::path::Path| FileOrContent::new(path.to_str().unwrap());
    CertificateConfig { cert_file: text(&cert), key_file: text(&key), stores: Vec::new() }
}

#[test]
fn with_nothing_written_there_is_a_default_of_everything() {
    let (built, problems) = Certificates::build(&[], &BTreeMap::new(), &BTreeMap::new(), None);
    assert_eq!(problems, []);
    assert!(built.server_config("default").is_ok());
    let shown = built.certificate_for(Some("a.test"), "default").unwrap();
    assert_eq!(shown.common_name, "TRAEFIK DEFAULT CERT");
    assert_eq!(built.list().len(), 1);
    assert_eq!(built.files(), [] as [PathBuf; 0]);
    assert!(!built.covers("a.test"));
}

#[test]
fn options_that_do_not_exist_are_refused() {
    let (built, _) = build(&[], &[], None);
    assert_eq!(built.server_config("modern@file").unwrap_err(), Refused::Unknown);
    assert_eq!(built.certificate_for(Some("a.test"), "modern@file"), None);
}

#[test]
fn broken_options_are_refused_and_the_others_are_not() {
    let broken = options(|o| o.min_version = "TLS13".to_owned());
    let (built, problems) = build(&[], &[("broken@file", broken), ("fine@file", options(|_| ()))], None);
    let expected = "error: unknown TLS version `TLS13` (in TLS options `broken@file`, minVersion)";
    assert_eq!(summaries(&problems), [expected]);
    assert!(matches!(built.server_config("broken@file").unwrap_err(), Refused::Broken(_)));
    assert!(built.server_config("fine@file").is_ok());
    assert!(built.check_options("default").is_ok());
}

#[test]
fn a_broken_default_leaves_no_default() {
    let broken = options(|o| o.client_auth.client_auth_type = "RequireAndVerifyClientCert".to_owned());
    let (built, problems) = build(&[], &[("default", broken)], None);
    let expected = "error: clients cannot be verified without a CA (in TLS options `default`, clientAuth.caFiles); \
                    name the CA's certificate in `caFiles`";
    assert_eq!(summaries(&problems), [expected]);
    assert!(built.server_config("default").is_err());
}

#[test]
fn a_missing_ca_file_refuses_in_every_mode() {
    for mode in ["", "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven"] {
        let broken = options(|o| {
            o.client_auth.client_auth_type = mode.to_owned();
            o.client_auth.ca_files = vec!["/nowhere/ca.crt".into()];
        });
        let (built, problems) = build(&[], &[("a@file", broken)], None);
        let expected = "error: failed to read the CA certificate `/nowhere/ca.crt`: no such file, and not PEM itself \
                        (in TLS options `a@file`, clientAuth.caFiles[0])";
        assert_eq!(summaries(&problems), [expected], "{mode}");
        assert!(built.server_config("a@file").is_err(), "{mode}");
        assert_eq!(built.files(), [PathBuf::from("/nowhere/ca.crt")]);
    }
}

#[test]
fn an_unknown_mode_has_a_hint() {
    let broken = options(|o| o.client_auth.client_auth_type = "RequireAnyClientCerts".to_owned());
    let (_, problems) = build(&[], &[("a@file", broken)], None);
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `RequireAnyClientCert`?"));
}

#[test]
fn warnings_do_not_refuse() {
    let old = options(|o| o.min_version = "VersionTLS10".to_owned());
    let (built, problems) = build(&[], &[("old@file", old)], None);
    let expected = "warning: `VersionTLS10` is not supported: TLS 1.2 is the oldest version \
                    (in TLS options `old@file`, minVersion)";
    assert_eq!(summaries(&problems), [expected]);
    assert!(built.server_config("old@file").is_ok());
}

#[test]
fn a_certificate_that_cannot_be_used_is_skipped() {
    let authority = Authority::new("root");
    let (one, other) = (authority.certify(&["a.test"]), authority.certify(&["b.test"]));
    let mismatched = Pair { chain: one.chain, key: other.key.clone() };
    let missing =
        CertificateConfig { cert_file: "/no/a.crt".into(), key_file: "/no/a.key".into(), stores: Vec::new() };
    let (built, problems) = build(&[mismatched.config(), missing, other.config()], &[], None);
    let expected = [
        "error: the private key does not belong to the certificate (keyFile)",
        "error: failed to read the certificate `/no/a.crt`: no such file, and not PEM itself (certFile)",
    ];
    assert_eq!(summaries(&problems), expected);
    assert!(built.covers("B.test") && !built.covers("a.test"));
    assert_eq!(built.files(), [PathBuf::from("/no/a.crt"), PathBuf::from("/no/a.key")]);
}

#[test]
fn a_certificate_is_listed_once() {
    let pair = Authority::new("root").certify(&["a.test"]);
    let (built, _) = build_with_default(&[pair.config(), pair.config()], Some(pair.config()), &[], None);
    assert_eq!(built.list().len(), 1);
}

#[test]
fn only_the_store_default_is_used() {
    let pair = Authority::new("root").certify(&["a.test"]);
    let stores = |names: &[&str]| {
        let stores = names.iter().map(ToString::to_string).collect();
        CertificateConfig { stores, ..pair.config() }
    };
    let (built, problems) = build(&[stores(&["other"])], &[], None);
    assert_eq!(
        summaries(&problems),
        ["warning: the certificate is not used: only the store `default` is (stores)"]
    );
    assert!(!built.covers("a.test"));
    assert!(build(&[stores(&["other", "default"])], &[], None).0.covers("a.test"));

    let stores = BTreeMap::from([("other@file".to_owned(), StoreConfig::default())]);
    let (_, problems) = Certificates::build(&[], &stores, &BTreeMap::new(), None);
    let expected =
        "warning: the TLS store `other@file` is not used: only `default` is (in TLS store `other@file`)";
    assert_eq!(summaries(&problems), [expected]);
}

#[test]
fn the_default_certificate_is_the_configured_one() {
    let authority = Authority::new("root");
    let (pair, default) = (authority.certify(&["a.test"]), authority.certify(&["default.test"]));
    let (built, _) = build_with_default(&[pair.config()], Some(default.config()), &[], None);
    let shown = |name| built.certificate_for(name, "default").unwrap().sans.clone();
    assert_eq!(shown(Some("A.test")), ["a.test"]);
    assert_eq!(shown(Some("b.test")), ["default.test"]);
    assert_eq!(shown(None), ["default.test"]);
}

#[test]
fn a_broken_default_certificate_is_not_replaced() {
    let broken = CertificateConfig { cert_file: "/no.crt".into(), ..CertificateConfig::default() };
    let (built, problems) = build_with_default(&[], Some(broken), &[], None);
    let expected = "error: failed to read the certificate `/no.crt`: no such file, and not PEM itself \
                    (in TLS store `default`, defaultCertificate.certFile)";
    assert_eq!(summaries(&problems), [expected]);
    assert_eq!(built.certificate_for(None, "default"), None);
}

#[test]
fn a_generated_default_is_a_warning_for_now() {
    let store = StoreConfig { default_generated_cert: Some(Default::default()), ..StoreConfig::default() };
    let stores = BTreeMap::from([("default".to_owned(), store)]);
    let (built, problems) = Certificates::build(&[], &stores, &BTreeMap::new(), None);
    assert_eq!(problems.len(), 1);
    assert!(!problems[0].is_error());
    assert!(built.certificate_for(None, "default").is_some());
}

#[test]
fn an_expired_certificate_is_shown_and_reported() {
    let wanted = Wanted { names: &["a.test"], years: (2019, 2020), ..Wanted::default() };
    let (built, problems) = build(&[Authority::new("root").issue(&wanted).config()], &[], None);
    assert_eq!(summaries(&problems), ["warning: the certificate expired on 2020-01-01T00:00:00Z (certFile)"]);
    assert!(built.covers("a.test"));
}

#[test]
fn what_did_not_change_is_the_same_object() {
    let authority = Authority::new("root");
    let pair = authority.certify(&["a.test"]);
    let strict = options(|o| o.sni_strict = true);
    let (first, _) = build(&[pair.config()], &[("strict@file", strict.clone())], None);
    let (second, _) = build(&[pair.config()], &[("strict@file", strict)], Some(&first));
    for name in ["default", "strict@file"] {
        let (one, two) = (first.server_config(name).unwrap(), second.server_config(name).unwrap());
        assert!(Arc::ptr_eq(&one, &two), "{name}");
    }

    let changed = options(|o| o.min_version = "VersionTLS13".to_owned());
    let (third, _) = build(&[pair.config()], &[("strict@file", changed)], Some(&second));
    assert!(Arc::ptr_eq(&second.server_config("default").unwrap(), &third.server_config("default").unwrap()));
    assert!(!Arc::ptr_eq(
        &second.server_config("strict@file").unwrap(),
        &third.server_config("strict@file").unwrap()
    ));

    let other = authority.certify(&["b.test"]);
    let (fourth, _) = build(&[pair.config(), other.config()], &[], Some(&third));
    assert!(!Arc::ptr_eq(
        &third.server_config("default").unwrap(),
        &fourth.server_config("default").unwrap()
    ));
    assert!(Arc::ptr_eq(&third.index.all()[0], &fourth.index.all()[0]), "its key was parsed again");
}

#[test]
fn another_ca_in_the_same_file_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.crt");
    let verified = options(|o| o.client_auth.ca_files = vec![path.to_str().unwrap().into()]);
    fs::write(&path, Authority::new("one").pem).unwrap();
    let (first, problems) = build(&[], &[("a@file", verified.clone())], None);
    assert_eq!(problems, []);
    fs::write(&path, Authority::new("two").pem).unwrap();
    let (second, _) = build(&[], &[("a@file", verified.clone())], Some(&first));
    assert!(!Arc::ptr_eq(&first.server_config("a@file").unwrap(), &second.server_config("a@file").unwrap()));

    fs::remove_file(&path).unwrap();
    let (third, _) = build(&[], &[("a@file", verified)], Some(&second));
    assert!(third.server_config("a@file").is_err(), "never opens");
}

#[test]
fn files_are_read_again_and_the_last_good_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("root");
    let config = written(folder.path(), &authority.certify(&["a.test"]));
    let (first, problems) = build(std::slice::from_ref(&config), &[], None);
    assert_eq!(problems, []);
    assert_eq!(first.files().len(), 2);

    let config = written(folder.path(), &authority.certify(&["b.test"]));
    let (second, _) = build(std::slice::from_ref(&config), &[], Some(&first));
    assert!(second.covers("b.test") && !second.covers("a.test"));

    // Half of a renewal: the certificate is there, its key not yet.
    fs::write(folder.path().join("a.crt"), authority.certify(&["c.test"]).chain).unwrap();
    let (third, problems) = build(std::slice::from_ref(&config), &[], Some(&second));
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].hint.as_deref(), Some("the last good version stays in use"));
    assert!(third.covers("b.test"));

    fs::remove_file(folder.path().join("a.crt")).unwrap();
    let (fourth, problems) = build(std::slice::from_ref(&config), &[], Some(&third));
    assert_eq!(problems.len(), 1);
    assert!(fourth.covers("b.test"));
    assert!(!build(&[config], &[], None).0.covers("b.test"));
}

#[tokio::test]
async fn a_handshake_shows_the_new_certificate_after_a_change() {
    let authority = Authority::new("root");
    let (old, new) = (authority.certify(&["a.test"]), authority.certify(&["a.test", "b.test"]));
    let (first, _) = build(&[old.config()], &[], None);
    let (second, _) = build(&[new.config()], &[], Some(&first));
    let client = trusting(&authority);
    assert!(shake(&first, &client, "b.test", &[]).await.is_err());
    assert!(shake(&second, &client, "b.test", &[]).await.is_ok());
    assert!(shake(&first, &client, "a.test", &[]).await.is_ok(), "one in flight keeps its snapshot");
}

#[test]
fn configuration_reads_as_traefik_writes_it() {
    let text = r#"{
        "certificates": [{ "certFile": "/a.crt", "keyFile": "/a.key", "stores": ["default"] }],
        "options": { "modern": {
            "minVersion": "VersionTLS13", "cipherSuites": ["TLS_AES_128_GCM_SHA256"], "curvePreferences": ["X25519"],
            "clientAuth": { "caFiles": ["/ca.crt"], "clientAuthType": "RequestClientCert" },
            "sniStrict": true, "disableSessionTickets": true, "preferServerCipherSuites": true } },
        "stores": { "default": { "defaultCertificate": { "certFile": "/d.crt", "keyFile": "/d.key" },
            "defaultGeneratedCert": { "resolver": "le", "domain": { "main": "a.test", "sans": ["b.test"] } } } }
    }"#;
    let config: crate::Config = serde_json::from_str(text).unwrap();
    let modern = &config.options["modern"];
    assert!(modern.sni_strict && modern.disable_session_tickets);
    assert_eq!(modern.alpn_protocols, ["h2", "http/1.1", "acme-tls/1"]);
    assert_eq!(modern.client_auth.ca_files, ["/ca.crt".into()]);
    let generated = config.stores["default"].default_generated_cert.clone().unwrap();
    assert_eq!(generated.domain.unwrap().sans, ["b.test"]);
    assert!(
        serde_json::from_str::<crate::Config>(r#"{ "options": { "a": { "minVersions": "" } } }"#).is_err()
    );
    server(&Authority::new("root").certify(&["a.test"]), OptionsConfig::default());
}
