//! The HTTP half of a document: routers, services, middlewares, servers transports.
//! Traefik, "HTTP router fields"; the configuration of a service or a middleware lives with the feature itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Map;

/// `http` of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Http {
    pub routers: Map<Router>,
    pub services: Map<service::Config>,
    pub middlewares: Map<middleware::Config>,
    pub servers_transports: Map<service::transport::Config>,
}

/// A rule and the service it leads to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Router {
    /// Names of entry points; none means the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    pub rule: String,
    /// `v3`; `v2` is a language of older releases.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule_syntax: String,
    /// 0 means the length of the rule in bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Run in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    pub service: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<String>,
    /// Its presence alone makes the router one for TLS connections only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<RouterTls>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
}

/// `tls` of an HTTP router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RouterTls {
    /// Name of TLS options; empty means `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub options: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_resolver: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
}

/// Names of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Domain {
    pub main: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

/// What is written down of a router's exchanges; unset fields follow the entry point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Observability {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_verbosity: Option<TraceVerbosity>,
}

/// How many spans an exchange gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TraceVerbosity {
    #[default]
    Minimal,
    Detailed,
}

fn is_zero(priority: &i64) -> bool {
    *priority == 0
}
