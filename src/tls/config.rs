//! The `tls` section of the dynamic configuration, as it is written.
//!
//! <https://doc.traefik.io/traefik/reference/routing-configuration/http/tls/overview/>

use std::collections::BTreeMap;

use document::FileOrContent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the options and of the store that apply when nothing else is said. It is never qualified with
/// the name of a provider.
pub const DEFAULT: &str = "default";

/// ```yaml
/// tls:
///   certificates: [ { certFile: /certs/shop.crt, keyFile: /certs/shop.key } ]
///   options: { modern: { minVersion: VersionTLS13 } }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Certificates to choose from, by the name that the client asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateConfig>,
    /// Named sets of handshake settings, which routers refer to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, OptionsConfig>,
    /// Certificate stores. Only the one named `default` is used.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stores: BTreeMap<String, StoreConfig>,
}

/// A certificate with its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CertificateConfig {
    /// The chain in PEM, leaf first: a path or the content.
    pub cert_file: FileOrContent,
    /// The private key in PEM: a path or the content.
    pub key_file: FileOrContent,
    /// Names of the stores that hold it; none means `default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<String>,
}

/// Where certificates are looked up.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoreConfig {
    /// What a client gets whose name no certificate has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<CertificateConfig>,
    /// The same, to be issued by a certificate resolver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_generated_cert: Option<GeneratedCertConfig>,
}

/// A default certificate that a resolver issues.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GeneratedCertConfig {
    /// The certificate resolver.
    pub resolver: String,
    /// The names to issue for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}

/// Names of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Domain {
    /// The first name.
    pub main: String,
    /// The others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

/// Settings of a handshake.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OptionsConfig {
    /// Lowest version: `VersionTLS12` or `VersionTLS13`. The older names mean `VersionTLS12`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_version: String,
    /// Highest version: `VersionTLS12` or `VersionTLS13`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_version: String,
    /// Cipher suites of TLS 1.2; those of TLS 1.3 cannot be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
    /// Groups for the key exchange.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve_preferences: Vec<String>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuthConfig,
    /// Refuses clients that ask for a name no certificate has, instead of showing the default certificate.
    pub sni_strict: bool,
    /// Application protocols, most preferred first.
    pub alpn_protocols: Vec<String>,
    /// Switches resumption off.
    pub disable_session_tickets: bool,
    /// Deprecated in Traefik, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefer_server_cipher_suites: Option<bool>,
}

/// Client authentication.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientAuthConfig {
    /// Certificates of the authorities that clients must come from: paths or contents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<FileOrContent>,
    /// `NoClientCert`, `RequestClientCert`, `RequireAnyClientCert`, `VerifyClientCertIfGiven` or
    /// `RequireAndVerifyClientCert`. Unset: the last one if there are `caFiles`, else the first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_auth_type: String,
}

impl Default for OptionsConfig {
    fn default() -> Self {
        Self {
            min_version: String::new(),
            max_version: String::new(),
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            client_auth: ClientAuthConfig::default(),
            sni_strict: false,
            alpn_protocols: ["h2", "http/1.1", "acme-tls/1"].map(str::to_owned).to_vec(),
            disable_session_tickets: false,
            prefer_server_cipher_suites: None,
        }
    }
}
