//! What tests of this crate are made of: authorities, certificates, and two ends of a pipe that shake hands.

use std::collections::BTreeMap;

use document::{Origin, Problem};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SanType, date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::client::ClientCertificateConfig;
use crate::{
    CertificateConfig, Certificates, ClientConfig, ClientStream, Error, OptionsConfig, ServerStream,
    StoreConfig, accept,
};

/// A chain and its key in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is to be.
pub(crate) struct Wanted<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) common_name: &'a str,
    pub(crate) years: (i32, i32),
    pub(crate) rsa: bool,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self { names: &[], common_name: "", years: (2020, 2120), rsa: false }
    }
}

// === impl Authority ===

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn certify(&self, names: &[&str]) -> Pair {
        self.issue(&Wanted { names, ..Wanted::default() })
    }

    pub(crate) fn issue(&self, wanted: &Wanted<'_>) -> Pair {
        let algorithm = if wanted.rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 };
        let key = KeyPair::generate_for(algorithm).unwrap();
        let chain = params(wanted).signed_by(&key, &self.issuer).unwrap().pem();
        Pair { chain, key: key.serialize_pem() }
    }
}

fn params(wanted: &Wanted<'_>) -> CertificateParams {
    let names = wanted.names.iter().filter(|name| !name.contains("://"));
    let mut params = CertificateParams::new(names.map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    for uri in wanted.names.iter().filter(|name| name.contains("://")) {
        params.subject_alt_names.push(SanType::URI((*uri).try_into().unwrap()));
    }
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, wanted.common_name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(wanted.years.0, 1, 1);
    params.not_after = date_time_ymd(wanted.years.1, 1, 1);
    params
}

/// What `openssl req -x509` makes: its own issuer, and a CA.
pub(crate) fn self_signed_ca(name: &str) -> Pair {
    let mut params = params(&Wanted { names: &[name], common_name: name, ..Wanted::default() });
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.extended_key_usages.clear();
    let key = KeyPair::generate().unwrap();
    Pair { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

// === impl Pair ===

impl Pair {
    pub(crate) fn config(&self) -> CertificateConfig {
        CertificateConfig {
            cert_file: self.chain.clone().into(),
            key_file: self.key.clone().into(),
            stores: Vec::new(),
        }
    }

    pub(crate) fn client_config(&self) -> ClientCertificateConfig {
        ClientCertificateConfig { cert_file: self.chain.clone().into(), key_file: self.key.clone().into() }
    }
}

// === building ===

pub(crate) fn build(
    certificates: &[CertificateConfig],
    options: &[(&str, OptionsConfig)],
    previous: Option<&Certificates>,
) -> (Certificates, Vec<Problem>) {
    build_with_default(certificates, None, options, previous)
}

pub(crate) fn build_with_default(
    certificates: &[CertificateConfig],
    default: Option<CertificateConfig>,
    options: &[(&str, OptionsConfig)],
    previous: Option<&Certificates>,
) -> (Certificates, Vec<Problem>) {
    let certificates: Vec<_> = certificates.iter().map(|c| (c.clone(), Origin::None)).collect();
    let store = StoreConfig { default_certificate: default, default_generated_cert: None };
    let stores = BTreeMap::from([("default".to_owned(), store)]);
    let options = options.iter().map(|(name, config)| ((*name).to_owned(), config.clone())).collect();
    Certificates::build(&certificates, &stores, &options, previous)
}

/// A server of one certificate under one set of options, which must build.
pub(crate) fn server(pair: &Pair, options: OptionsConfig) -> Certificates {
    let (built, problems) = build(&[pair.config()], &[("default", options)], None);
    assert_eq!(problems, []);
    built
}

/// A client that trusts an authority.
pub(crate) fn trusting(authority: &Authority) -> ClientConfig {
    ClientConfig { root_cas: vec![authority.pem.clone().into()], ..ClientConfig::default() }
}

// === shaking hands ===

pub(crate) type Ends = (ServerStream<DuplexStream>, ClientStream<DuplexStream>);

/// Both results of a handshake under the default options. In TLS 1.3 a client is done before the server has
/// judged its certificate, so each side also sends the other a byte.
pub(crate) async fn shake(
    server: &Certificates,
    client: &ClientConfig,
    name: &str,
    alpn: &[&[u8]],
) -> Result<Ends, (Option<Error>, Option<Error>)> {
    let connector = client.build().unwrap();
    shake_with(server, &connector, name, alpn).await
}

pub(crate) async fn shake_with(
    server: &Certificates,
    connector: &crate::Connector,
    name: &str,
    alpn: &[&[u8]],
) -> Result<Ends, (Option<Error>, Option<Error>)> {
    let config = server.server_config("default").unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    let serve = async {
        let mut stream = accept(&config, &[], far, None).await?;
        stream.write_all(b"!").await.map_err(Error::Connection)?;
        stream.flush().await.map_err(Error::Connection)?;
        Ok(stream)
    };
    let connect = async {
        let mut stream = connector.connect(name, alpn, near).await?;
        stream.read_exact(&mut [0]).await.map_err(Error::of_io)?;
        Ok(stream)
    };
    match tokio::join!(serve, connect) {
        (Ok(server), Ok(client)) => Ok((server, client)),
        (server, client) => Err((server.err(), client.err())),
    }
}

/// The chain of an error in one line.
pub(crate) fn said(error: Option<&Error>) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = error.map(|error| error as &dyn std::error::Error);
    while let Some(error) = next {
        text.push_str(if text.is_empty() { "" } else { ": " });
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
