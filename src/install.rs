//! The install configuration: what is fixed at start, a section for each crate that owns one.
//!
//! - `load` the one source it comes from: a file, else flags, else the environment
//! - `flags`, `environment` key paths → the same tree a file gives (`tree`)
//! - `unsupported` what Traefik has and we have not · `check` what the sections say about each other
//! - `sections` those that no crate owns
//!
//! Every mistake is reported in one go; any of them refuses the start.

mod check;
mod environment;
mod flags;
mod load;
mod sections;
mod tree;
mod unsupported;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use load::{Source, load, read_file, read_text};
pub(crate) use sections::{Cluster, Core, Global, HostResolver, RuleSyntax, TcpServersTransport};

/// The document as a whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Install {
    /// Where traffic enters. None at all: one named `http` on `:80`.
    pub entry_points: BTreeMap<String, entrypoint::config::Config>,
    /// Where the dynamic configuration comes from.
    pub providers: provider::config::Config,
    /// How endpoints are reached where a service names no transport.
    pub servers_transport: service::transport::Config,
    /// The same for TCP.
    pub tcp_servers_transport: TcpServersTransport,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<api::config::Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping: Option<api::config::Ping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<telemetry::config::Log>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<telemetry::config::AccessLog>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<telemetry::config::Metrics>,
    pub core: Core,
    pub global: Global,
    /// What the replicas of one installation share.
    pub cluster: Cluster,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_resolver: Option<HostResolver>,
}

/// Sections of the dynamic configuration: a file may hold both halves, and each reader passes over the other's.
pub(crate) const DYNAMIC_SECTIONS: [&str; 4] = ["http", "tcp", "udp", "tls"];

/// The entry point of the gateway's own services.
pub(crate) const INTERNAL_ENTRY_POINT: &str = "traefik";

/// The entry point of an installation that names none.
const DEFAULT_ENTRY_POINT: &str = "http";

// === impl Install ===

impl Install {
    /// Entry points that routers use when they name none: those that say so, else all but the internal one and UDP.
    pub(crate) fn default_entry_points(&self) -> Vec<&str> {
        let named = |as_default: bool| {
            let wanted = move |(name, config): &(&String, &entrypoint::config::Config)| {
                let is_udp = config.address().is_ok_and(|address| address.is_udp());
                if as_default { config.as_default } else { !is_udp && name.as_str() != INTERNAL_ENTRY_POINT }
            };
            self.entry_points.iter().filter(wanted).map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        match named(true) {
            chosen if chosen.is_empty() => named(false),
            chosen => chosen,
        }
    }

    /// Adds the entry points that are there without being named.
    fn complete(&mut self) {
        if self.entry_points.is_empty() {
            self.entry_points.insert(DEFAULT_ENTRY_POINT.to_owned(), listening_on(":80"));
        }
        if self.needs_internal() {
            let internal = || listening_on(":8080");
            self.entry_points.entry(INTERNAL_ENTRY_POINT.to_owned()).or_insert_with(internal);
        }
    }

    /// One of the gateway's own services is answered on the internal entry point.
    fn needs_internal(&self) -> bool {
        let prometheus = self.metrics.as_ref().and_then(|metrics| metrics.prometheus.as_ref());
        let here = |entry_point: &str, manual: bool| entry_point == INTERNAL_ENTRY_POINT && !manual;
        self.api.as_ref().is_some_and(|api| api.insecure)
            || self.ping.as_ref().is_some_and(|ping| here(&ping.entry_point, ping.manual_routing))
            || prometheus.is_some_and(|prometheus| here(&prometheus.entry_point, prometheus.manual_routing))
    }
}

fn listening_on(address: &str) -> entrypoint::config::Config {
    entrypoint::config::Config { address: address.to_owned(), ..entrypoint::config::Config::default() }
}

#[cfg(test)]
mod tests;
