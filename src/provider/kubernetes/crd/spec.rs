//! What users write in `traefik.io` objects, where it is not the dynamic configuration itself.

use document::Duration;
use dynamic::http::{Domain, Observability};
use schemars::JsonSchema;
use serde::Deserialize;
use service::load_balancer::{HealthCheck, PassiveHealthCheck, ResponseForwarding, Sticky};

use crate::kubernetes::backend::Port;

/// `spec` of IngressRoute, without its routes: each of these is read alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct IngressRoute {
    pub(super) ingress_class_name: String,
    pub(super) entry_points: Vec<String>,
    pub(super) tls: Option<RouteTls>,
    pub(super) parent_refs: Vec<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Route {
    #[serde(rename = "match")]
    pub(super) rule: String,
    pub(super) kind: String,
    pub(super) priority: i64,
    pub(super) syntax: String,
    pub(super) services: Vec<Service>,
    pub(super) middlewares: Vec<Reference>,
    pub(super) observability: Option<Observability>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RouteTls {
    pub(super) secret_name: String,
    pub(super) options: Option<Reference>,
    /// Without effect: only the store `default` is used.
    pub(super) store: Option<Reference>,
    pub(super) cert_resolver: String,
    pub(super) domains: Vec<Domain>,
    /// TCP only.
    pub(super) passthrough: bool,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) namespace: String,
}

/// The Service object: in routes, TraefikService, mirrors, failover, error pages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) port: Port,
    pub(super) scheme: String,
    pub(super) strategy: String,
    pub(super) pass_host_header: Option<bool>,
    pub(super) response_forwarding: Option<ResponseForwarding>,
    pub(super) servers_transport: String,
    pub(super) weight: Option<i64>,
    #[serde(rename = "nativeLB")]
    pub(super) native_lb: Option<bool>,
    #[serde(rename = "nodePortLB")]
    pub(super) node_port_lb: bool,
    pub(super) sticky: Option<Sticky>,
    pub(super) middlewares: Vec<Reference>,
    pub(super) health_check: Option<HealthCheck>,
    pub(super) passive_health_check: Option<PassiveHealthCheck>,
    /// Of a mirror.
    pub(super) percent: Option<i64>,
}

/// `weighted` of TraefikService.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Weighted {
    pub(super) services: Vec<Service>,
    pub(super) sticky: Option<Sticky>,
}

/// `highestRandomWeight` of TraefikService.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct HighestRandomWeight {
    pub(super) services: Vec<Service>,
}

/// What `mirroring` has beside the fields of its main service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Mirroring {
    pub(super) mirror_body: Option<bool>,
    pub(super) max_body_size: Option<i64>,
    pub(super) mirrors: Vec<Service>,
}

/// `failover` of TraefikService.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Failover {
    pub(super) service: Option<Service>,
    pub(super) fallback: Option<Service>,
    pub(super) errors: Option<serde_json::Value>,
}

/// `spec` of TLSStore.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct TlsStore {
    pub(super) default_certificate: Option<SecretName>,
    pub(super) default_generated_cert: Option<tls::config::GeneratedCertConfig>,
    pub(super) certificates: Vec<SecretName>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct SecretName {
    pub(super) secret_name: String,
}

/// `spec` of IngressRouteTCP and IngressRouteUDP, without the routes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RouteTcp {
    #[serde(rename = "match")]
    pub(super) rule: String,
    pub(super) priority: i64,
    pub(super) syntax: String,
    pub(super) services: Vec<ServiceTcp>,
    pub(super) middlewares: Vec<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ServiceTcp {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) port: Port,
    pub(super) weight: Option<i64>,
    /// Deprecated: belongs to the transport. Milliseconds.
    pub(super) termination_delay: Option<i64>,
    pub(super) proxy_protocol: Option<dynamic::layer4::tcp::ProxyProtocol>,
    pub(super) servers_transport: String,
    pub(super) tls: bool,
    #[serde(rename = "nativeLB")]
    pub(super) native_lb: Option<bool>,
    #[serde(rename = "nodePortLB")]
    pub(super) node_port_lb: bool,
}

/// `spec` of ServersTransportTCP, without its `tls`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct TransportTcp {
    pub(super) dial_timeout: Option<Duration>,
    pub(super) dial_keep_alive: Option<Duration>,
    pub(super) termination_delay: Option<Duration>,
    pub(super) proxy_protocol: Option<dynamic::layer4::tcp::ProxyProtocol>,
}

/// One of `rootCAs`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RootCa {
    pub(super) secret: Option<String>,
    pub(super) config_map: Option<String>,
}
