//! Sections that no crate owns: `core`, `global`, `cluster`, `hostResolver`, `tcpServersTransport`.

use document::{Duration, FileOrContent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `core`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Core {
    /// The syntax of rules that do not say.
    pub default_rule_syntax: RuleSyntax,
    /// Ours: threads that serve traffic; unset means one for each core.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
    /// Ours: all workers accept from one socket, for a few long connections from a balancer in front.
    pub shared_listener: bool,
}

/// A syntax of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RuleSyntax {
    #[default]
    V3,
    /// Traefik's old one.
    V2,
}

/// `global`.
// Traefik: `checkNewVersion` is on when unset; there is nothing to switch on here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Global {
    /// Accepted without effect.
    pub check_new_version: bool,
    /// Accepted without effect.
    pub send_anonymous_usage: bool,
    /// On no entry point is the peer appended to `X-Forwarded-For`.
    pub not_append_x_forwarded_for: bool,
}

/// `cluster`, ours: what the replicas of one installation share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Cluster {
    /// A file or the value; keys are derived from it. Unset: made by chance at start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<FileOrContent>,
}

/// `hostResolver`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct HostResolver {
    /// Match the name that a request's host is an alias of, too. Not built yet.
    pub cname_flattening: bool,
    pub resolv_config: String,
    pub resolv_depth: u32,
}

/// `tcpServersTransport`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct TcpServersTransport {
    pub dial_keep_alive: Duration,
    pub dial_timeout: Duration,
    /// How long the other half may go on after one has closed.
    pub termination_delay: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TcpTls>,
}

/// `tcpServersTransport.tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct TcpTls {
    pub insecure_skip_verify: bool,
    /// Authorities to trust instead of the system's.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<FileOrContent>,
}

// === defaults ===

impl Default for HostResolver {
    fn default() -> Self {
        Self { cname_flattening: false, resolv_config: "/etc/resolv.conf".to_owned(), resolv_depth: 5 }
    }
}

impl Default for TcpServersTransport {
    fn default() -> Self {
        Self {
            dial_keep_alive: Duration::from_secs(15),
            dial_timeout: Duration::from_secs(30),
            termination_delay: Duration::ZERO,
            tls: None,
        }
    }
}
