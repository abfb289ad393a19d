//! `loadBalancer` — servers behind one name.

use std::sync::Arc;

use document::problem::Problem;
use document::scalar::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::balancer::{RoundRobin, Strategy};
use crate::endpoint::Endpoint;
use crate::{Context, EndpointStatus, Service, server_url};

/// ```yaml
/// loadBalancer: { servers: [{ url: http://10.0.0.1:8080 }, { url: http://10.0.0.2:8080, weight: 2 }] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    pub servers: Vec<Server>,
    pub strategy: Strategy,
    /// Pass the client's `Host` on. Unset means true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_host_header: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_forwarding: Option<ResponseForwarding>,
    /// Name of a servers transport; empty means the install configuration's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub servers_transport: String,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Box<HealthCheck>>,
    /// Read, not served yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<PassiveHealthCheck>,
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// `http://`, `https://` or `h2c://` with host and port.
    #[serde(serialize_with = "server_url::serialize")]
    pub url: String,
    /// Unset means 1; a weight below one takes the server out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Put the path of the URL before the request's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_path: bool,
    /// A server that is going away: no new request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fenced: bool,
}

/// How answers are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseForwarding {
    /// Accepted; bytes are always passed on as they come, which no setting of this can be told from but by delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_interval: Option<Duration>,
}

/// Stick a client to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sticky {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
}

/// The cookie that names the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cookie {
    pub name: String,
    pub secure: bool,
    pub http_only: bool,
    pub same_site: String,
    pub max_age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub domain: String,
}

/// Active probes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HealthCheck {
    pub scheme: String,
    pub mode: String,
    pub path: String,
    pub method: String,
    pub status: i64,
    pub port: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    pub hostname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub headers: std::collections::BTreeMap<String, String>,
}

/// Failures of real traffic count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PassiveHealthCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_window: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failed_attempts: Option<i64>,
}

/// A built load balancer.
#[derive(Debug)]
pub struct LoadBalancer {
    /// With its provider, for logs and metrics.
    name: Arc<str>,
    endpoints: Box<[Arc<Endpoint>]>,
    weights: Box<[i64]>,
    balancer: RoundRobin,
    pass_host_header: bool,
}

// === impl Config ===

impl Config {
    /// What is written but has no effect yet, as `(key, sentence)`.
    pub(crate) fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (sticks(self.sticky.as_deref()), "loadBalancer.sticky", "sticky sessions are not served yet"),
            (self.health_check.is_some(), "loadBalancer.healthCheck", "health checks are not served yet"),
            (
                self.passive_health_check.is_some(),
                "loadBalancer.passiveHealthCheck",
                "passive health checks are not served yet",
            ),
            (
                self.strategy != Strategy::RoundRobin,
                "loadBalancer.strategy",
                "only `wrr` is served yet; it is used instead",
            ),
        ]
        .into_iter()
        .filter_map(|(written, key, sentence)| written.then_some((key, sentence)))
    }

    /// Servers whose URL has user information.
    pub(crate) fn user_information(&self) -> impl Iterator<Item = Problem> {
        let with_user =
            self.servers.iter().enumerate().filter(|(_, server)| server_url::has_user(&server.url));
        with_user.map(|(index, _)| {
            let message = "the user information of the server's URL is not sent";
            Problem::warning("without_effect", message)
                .with_path(format!("loadBalancer.servers[{index}].url"))
                .hint("to send it, set the header `Authorization` with the middleware `headers`")
        })
    }

    /// # Errors
    /// When the transport is missing or a server's URL is none.
    pub(crate) fn build(&self, name: &str, cx: &dyn Context) -> Result<LoadBalancer, Problem> {
        let transport_name =
            if self.servers_transport.is_empty() { "default@internal" } else { &self.servers_transport };
        let transport = cx.transport(transport_name).map_err(|p| p.under("serversTransport"))?;
        let previous = cx.previous(name);
        let previous = previous.as_deref().and_then(Service::load_balancer);
        let mut endpoints = Vec::with_capacity(self.servers.len());
        let mut weights = Vec::with_capacity(self.servers.len());
        for (index, server) in self.servers.iter().enumerate() {
            if server.url.is_empty() {
                let problem = Problem::error("missing_key", "the server has no `url`");
                let problem = problem.with_path(format!("servers.{index}"));
                return Err(problem.hint("for example `url: http://10.0.0.1:8080`"));
            }
            let kept = previous.and_then(|balancer| {
                balancer
                    .endpoints
                    .iter()
                    .find(|e| e.is_like(&server.url, server.preserve_path, &transport))
                    .cloned()
            });
            let endpoint = match kept {
                Some(endpoint) => endpoint,
                None => Arc::new(
                    Endpoint::new(
                        &server.url,
                        server.preserve_path,
                        Arc::clone(&transport),
                        cx.resolver(),
                        cx.proxies(),
                    )
                    .map_err(|p| p.under(&format!("servers.{index}")))?,
                ),
            };
            endpoints.push(endpoint);
            weights.push(if server.fenced { 0 } else { server.weight.unwrap_or(1) });
        }
        unfence_the_last(&self.servers, &mut weights);
        let balancer = RoundRobin::new(&weights);
        if let Some(previous) = previous {
            balancer.resume(&previous.balancer);
        }
        Ok(LoadBalancer {
            name: name.into(),
            endpoints: endpoints.into_boxed_slice(),
            weights: weights.into_boxed_slice(),
            balancer,
            pass_host_header: self.pass_host_header.unwrap_or(true),
        })
    }
}

/// Is a client to be stuck to anything?
pub(crate) fn sticks(sticky: Option<&Sticky>) -> bool {
    sticky.is_some_and(|sticky| sticky.cookie.is_some())
}

/// Where only servers that are going away are left, they serve on (KEP-1669).
fn unfence_the_last(servers: &[Server], weights: &mut [i64]) {
    if weights.iter().any(|&weight| weight > 0) {
        return;
    }
    for (server, weight) in servers.iter().zip(weights) {
        if server.fenced {
            *weight = server.weight.unwrap_or(1);
        }
    }
}

// === impl LoadBalancer ===

impl LoadBalancer {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    #[must_use]
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    #[must_use]
    pub fn statuses(&self) -> Vec<EndpointStatus> {
        self.endpoints
            .iter()
            .zip(&self.weights)
            .map(|(endpoint, &weight)| EndpointStatus { weight, ..endpoint.status() })
            .collect()
    }

    pub(crate) fn choose(&self) -> Option<&Arc<Endpoint>> {
        let may_serve = |index: usize| self.endpoints.get(index).is_some_and(|e| e.may_serve());
        let chosen = self.balancer.choose(may_serve)?;
        self.endpoints.get(chosen)
    }

    pub(crate) fn passes_host_header(&self) -> bool {
        self.pass_host_header
    }
}

#[cfg(test)]
mod tests;
