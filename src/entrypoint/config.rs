//! `entryPoints.<name>`, as it is written. Traefik, "EntryPoints".

use document::{ByteSize, Duration, Problem};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressError};

/// ```yaml
/// entryPoints:
///   web: { address: ":80" }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// `[host]:port[/tcp|/udp]`.
    pub address: String,
    /// Routers that name no entry point use this one. If none says so, all do but `traefik` and UDP ones.
    pub as_default: bool,
    /// Several processes may listen on the port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Let user routers answer ACME challenges here, even when a resolver uses the entry point.
    #[serde(rename = "allowACMEByPass")]
    pub allow_acme_by_pass: bool,
    pub transport: Transport,
    /// Read the PROXY protocol's header. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    pub forwarded_headers: ForwardedHeaders,
    pub http: Http,
    #[serde(rename = "http2")]
    pub http2: Http2,
    /// HTTP/3 beside TLS. Not built yet.
    #[serde(rename = "http3", skip_serializing_if = "Option::is_none")]
    pub http3: Option<Http3>,
    pub udp: Udp,
    pub observability: Observability,
}

/// `transport`: lifetimes of connections.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Transport {
    pub life_cycle: LifeCycle,
    pub responding_timeouts: RespondingTimeouts,
    /// Requests after which a connection is closed; 0 means never.
    pub keep_alive_max_requests: u64,
    /// Age after which a connection is closed; 0 means never.
    pub keep_alive_max_time: Duration,
}

/// `transport.lifeCycle`: the drain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LifeCycle {
    /// How long new requests are still taken after the signal to stop.
    pub request_accept_grace_timeout: Duration,
    /// How long requests in flight may then take.
    pub grace_time_out: Duration,
}

/// `transport.respondingTimeouts`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RespondingTimeouts {
    /// The whole request with its body; also the TLS hello. 0 means no limit.
    pub read_timeout: Duration,
    /// From the end of the request's headers to the end of the response. 0 means no limit.
    pub write_timeout: Duration,
    /// How long a kept connection may be idle. 0 means no limit.
    pub idle_timeout: Duration,
}

/// `proxyProtocol`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxyProtocol {
    /// Trust every peer.
    pub insecure: bool,
    /// Trust peers in these networks.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<String>,
}

/// `forwardedHeaders`: whose `X-Forwarded-*` headers are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForwardedHeaders {
    /// Trust every peer.
    pub insecure: bool,
    /// Trust peers in these networks.
    #[serde(rename = "trustedIPs")]
    pub trusted_ips: Vec<String>,
    /// Headers that may be named in `Connection` and still pass.
    pub connection: Vec<String>,
    /// Do not append the peer to `X-Forwarded-For`.
    pub not_append_x_forwarded_for: bool,
    /// Set `X-Forwarded-Scheme` and `X-Scheme` to what `X-Forwarded-Proto` says.
    pub add_x_forwarded_scheme_headers: bool,
}

/// `http`: what holds for every router of the entry point.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Http {
    pub redirections: Redirections,
    /// Run before the router's own; full names, as in `auth@file`.
    pub middlewares: Vec<String>,
    /// For routers that have no `tls` of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    pub encoded_characters: EncodedCharacters,
    /// `;` in a query becomes `%3B` instead of `&`.
    pub encode_query_semicolons: bool,
    /// Remove `.`, `..` and double slashes before routing.
    pub sanitize_path: bool,
    /// More than this is answered 431. Traefik: 1 MiB when unset; here 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_header_bytes: Option<ByteSize>,
    /// What becomes of headers with `_` in their name.
    pub underscore_headers_strategy: UnderscoreHeaders,
}

/// `http.redirections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Redirections {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Redirection>,
}

/// `http.redirections.entryPoint`: everything goes to another entry point.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Redirection {
    /// An entry point, or `:port`.
    pub to: String,
    pub scheme: String,
    pub permanent: bool,
    pub priority: i64,
}

/// `http.tls`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tls {
    /// Name of TLS options; empty means `default`.
    pub options: String,
    pub cert_resolver: String,
    pub domains: Vec<Domain>,
}

/// Names of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Domain {
    pub main: String,
    pub sans: Vec<String>,
}

/// `http.encodedCharacters`: escapes that may stand in a path. A path with another is answered 400.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EncodedCharacters {
    pub allow_encoded_slash: bool,
    pub allow_encoded_back_slash: bool,
    pub allow_encoded_null_character: bool,
    pub allow_encoded_semicolon: bool,
    pub allow_encoded_percent: bool,
    pub allow_encoded_question_mark: bool,
    pub allow_encoded_hash: bool,
}

/// `http.underscoreHeadersStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnderscoreHeaders {
    #[default]
    #[serde(alias = "")]
    #[schemars(extend("x-aliases" = [""]))]
    Keep,
    Delete,
    /// Answer 400.
    Reject,
}

/// `http2`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Http2 {
    pub max_concurrent_streams: u32,
    pub max_decoder_header_table_size: u32,
    /// Accepted without effect.
    pub max_encoder_header_table_size: u32,
    /// Ours: offer extended CONNECT, which carries WebSockets over HTTP/2.
    pub extended_connect: bool,
}

/// `http3`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Http3 {
    /// The port that is advertised; 0 means the one listened on.
    pub advertised_port: u16,
}

/// `udp`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Udp {
    /// How long a flow may be idle.
    pub timeout: Duration,
}

/// `observability`: defaults of the routers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Observability {
    pub access_logs: bool,
    pub metrics: bool,
    pub tracing: bool,
    pub trace_verbosity: TraceVerbosity,
}

/// `observability.traceVerbosity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TraceVerbosity {
    #[default]
    Minimal,
    Detailed,
}

/// Below the maximum by one, so that only the challenges of ACME go first.
const REDIRECTION_PRIORITY: i64 = i64::MAX - 1;

// === impl Config ===

impl Config {
    /// The parsed address.
    pub fn address(&self) -> Result<Address, AddressError> {
        self.address.parse()
    }

    /// Everything that is wrong with it by itself. Key paths begin below the entry point's name.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = self.address() {
            problems.push(match error {
                AddressError::Empty => Problem::field("", "the entry point has no `address`")
                    .with_code("missing_key")
                    .hint("write `address: \":80\"`"),
                error => Problem::field("address", error),
            });
        }
        let connection = self.forwarded_headers.connection.iter().enumerate();
        problems.extend(connection.filter(|(_, name)| name.trim().parse::<http::HeaderName>().is_err()).map(
            |(index, name)| {
                let path = format!("forwardedHeaders.connection[{index}]");
                Problem::field(path, format_args!("`{name}` is no header name"))
            },
        ));
        let trusted = &self.forwarded_headers.trusted_ips;
        problems.extend(no_networks(trusted, "forwardedHeaders.trustedIPs"));
        let trusted = self.proxy_protocol.as_ref().map_or(&[][..], |proxy| &proxy.trusted_ips);
        problems.extend(no_networks(trusted, "proxyProtocol.trustedIPs"));
        if let Some(redirection) = &self.http.redirections.entry_point {
            problems.extend(redirection.check().map(|problem| problem.under("http.redirections.entryPoint")));
        }
        problems
    }
}

impl Redirection {
    fn check(&self) -> Option<Problem> {
        if self.to.is_empty() {
            return Some(Problem::field("to", "the redirection has no `to`: an entry point, or `:port`"));
        }
        let port = self.to.strip_prefix(':')?;
        match port.parse::<u16>() {
            Ok(_) => None,
            Err(_) => Some(Problem::field("to", format!("`{}` is not a port", self.to))),
        }
    }
}

/// Networks, and addresses as networks of one.
pub fn networks(texts: &[String]) -> Result<Vec<IpNet>, Problem> {
    texts.iter().enumerate().map(network).collect()
}

/// What is wrong with a list of networks, entry by entry.
fn no_networks<'a>(texts: &'a [String], path: &'a str) -> impl Iterator<Item = Problem> + 'a {
    texts.iter().enumerate().filter_map(|entry| network(entry).err()).map(move |problem| problem.under(path))
}

fn network((index, text): (usize, &String)) -> Result<IpNet, Problem> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse().map(|ip: std::net::IpAddr| IpNet::from(ip)));
    network.map_err(|_| {
        Problem::field(format!("[{index}]"), format!("`{text}` is not an address or a network"))
            .hint("write it as `10.0.0.0/8` or `192.0.2.1`")
    })
}

// === defaults ===

impl Default for LifeCycle {
    fn default() -> Self {
        Self { request_accept_grace_timeout: Duration::ZERO, grace_time_out: Duration::from_secs(10) }
    }
}

impl Default for RespondingTimeouts {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::ZERO,
            idle_timeout: Duration::from_secs(180),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            redirections: Redirections::default(),
            middlewares: Vec::new(),
            tls: None,
            encoded_characters: EncodedCharacters::default(),
            encode_query_semicolons: false,
            sanitize_path: true,
            max_header_bytes: None,
            underscore_headers_strategy: UnderscoreHeaders::default(),
        }
    }
}

impl Default for Redirection {
    fn default() -> Self {
        Self {
            to: String::new(),
            scheme: "https".to_owned(),
            permanent: true,
            priority: REDIRECTION_PRIORITY,
        }
    }
}

impl Default for EncodedCharacters {
    fn default() -> Self {
        Self {
            allow_encoded_slash: true,
            allow_encoded_back_slash: true,
            allow_encoded_null_character: true,
            allow_encoded_semicolon: true,
            allow_encoded_percent: true,
            allow_encoded_question_mark: true,
            allow_encoded_hash: true,
        }
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 250,
            max_decoder_header_table_size: 4096,
            max_encoder_header_table_size: 4096,
            extended_connect: false,
        }
    }
}

impl Default for Udp {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3) }
    }
}

impl Default for Observability {
    fn default() -> Self {
        Self { access_logs: true, metrics: true, tracing: true, trace_verbosity: TraceVerbosity::Minimal }
    }
}

#[cfg(test)]
mod tests;
