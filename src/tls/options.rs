//! TLS options → the configuration that a handshake takes.
//!
//! What an idle connection costs is bounded here: no early data, no half-RTT data, no session cache (clients
//! keep the tickets). rustls' own buffers are gone or small when they are empty: 8.7 KiB measured for a
//! connection that has carried a request and a response, its socket included.

use std::sync::Arc;

use document::Problem;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::{SignatureScheme, SupportedProtocolVersion};

use crate::certificate::Certificate;
use crate::client_auth::ClientAuth;
use crate::config::OptionsConfig;
use crate::digest;
use crate::parameters::{self, Parameters, Written};
use crate::resolver::{Index, Resolver};
use crate::tickets::ScopedTickets;

/// Built options, still without certificates.
#[derive(Debug)]
pub(crate) struct Options {
    config: OptionsConfig,
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    client_auth: ClientAuth,
    pub(crate) warnings: Vec<Problem>,
}

/// How handshakes under one set of options go: what [`accept`](crate::accept()) takes.
#[derive(Debug)]
pub struct ServerConfig {
    name: String,
    tls: Arc<rustls::ServerConfig>,
    index: Arc<Index>,
    strict: bool,
    verifies_clients: bool,
}

/// Answered to by the ACME TLS-ALPN-01 challenge alone, never by a service (RFC 8737, 4).
const ACME_PROTOCOL: &str = "acme-tls/1";

// === impl OptionsConfig ===

impl OptionsConfig {
    /// # Errors
    /// With everything that is wrong.
    pub(crate) fn build(&self) -> Result<Options, Vec<Problem>> {
        let mut problems: Vec<Problem> = self.alpn_problems().collect();
        let parameters = Parameters::build(&Written {
            min_version: &self.min_version,
            max_version: &self.max_version,
            cipher_suites: &self.cipher_suites,
            curve_preferences: &self.curve_preferences,
        });
        let provider = parameters.as_ref().map_or_else(|_| parameters::provider(), |p| p.provider.clone());
        let client_auth = self.client_auth.build(&provider);
        let (parameters, client_auth) = match (parameters, client_auth) {
            (Ok(parameters), Ok(client_auth)) if problems.is_empty() => (parameters, client_auth),
            (parameters, client_auth) => {
                problems.extend(parameters.err().into_iter().flatten());
                let wrong = client_auth.err().into_iter().flatten();
                problems.extend(wrong.map(|problem| problem.under("clientAuth")));
                return Err(problems);
            }
        };
        Ok(Options {
            config: self.clone(),
            provider: parameters.provider,
            versions: parameters.versions,
            client_auth,
            warnings: parameters.warnings,
        })
    }

    fn alpn_problems(&self) -> impl Iterator<Item = Problem> {
        let wrong =
            self.alpn_protocols.iter().enumerate().filter(|(_, name)| !(1..256).contains(&name.len()));
        wrong.map(|(index, _)| {
            Problem::field(format!("alpnProtocols[{index}]"), "a protocol name has 1 to 255 bytes")
        })
    }
}

// === impl Options ===

impl Options {
    /// Written alike, and the CA files hold the same.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.config == other.config && self.client_auth.digest == other.client_auth.digest
    }

    pub(crate) fn server_config(&self, name: &str, index: &Arc<Index>) -> Result<ServerConfig, Problem> {
        let strict = self.config.sni_strict;
        let resolver = Resolver { index: index.clone(), strict };
        let mut tls = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|error| Problem::error("invalid_value", error))?
            .with_client_cert_verifier(self.client_auth.verifier.clone())
            .with_cert_resolver(Arc::new(resolver));
        let protocols = self.config.alpn_protocols.iter().filter(|name| *name != ACME_PROTOCOL);
        tls.alpn_protocols = protocols.map(|name| name.clone().into_bytes()).collect();
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.max_early_data_size = 0;
        tls.send_half_rtt_data = false;
        if self.config.disable_session_tickets {
            tls.send_tls13_tickets = 0;
        } else {
            let scope = digest::of_parts([name.as_bytes(), &self.client_auth.digest]);
            tls.ticketer = Arc::new(ScopedTickets::new(scope));
        }
        Ok(ServerConfig {
            name: name.to_owned(),
            tls: Arc::new(tls),
            index: index.clone(),
            strict,
            verifies_clients: self.client_auth.verifies,
        })
    }
}

// === impl ServerConfig ===

impl ServerConfig {
    /// The full name of the options. Two connections are alike for the check of `Host` against SNI if it is
    /// equal.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn tls(&self) -> &Arc<rustls::ServerConfig> {
        &self.tls
    }

    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    pub(crate) fn verifies_clients(&self) -> bool {
        self.verifies_clients
    }

    /// What the resolver will answer.
    pub(crate) fn certificate(
        &self,
        sni: Option<&str>,
        schemes: Option<&[SignatureScheme]>,
    ) -> Option<&Arc<Certificate>> {
        self.index.find(sni, self.strict, schemes)
    }
}
