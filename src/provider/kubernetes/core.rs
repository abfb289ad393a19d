//! What is kept of Kubernetes' own objects of which a cluster has thousands: what the translators read, and no more.

use std::sync::Arc;

use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1 as discovery;

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    pub exposure: Exposure,
    pub ports: Box<[Port]>,
}

/// `type`, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// A cluster address of its own, unless it is empty; `true`: on a port of every node, too.
    Cluster { ip: Box<str>, has_node_port: bool },
    /// The name it stands for, unless it is empty.
    ExternalName(Box<str>),
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Empty: none.
    pub name: Box<str>,
    pub number: i32,
}

/// An EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSlice {
    /// The name of the Service it belongs to.
    pub service: Option<Arc<str>>,
    /// Only those with a number: slices have resolved names of target ports already.
    pub ports: Box<[Port]>,
    pub endpoints: Box<[Endpoint]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub addresses: Box<[Box<str>]>,
    pub is_ready: bool,
    pub is_serving: bool,
    pub is_terminating: bool,
}

impl Default for Exposure {
    fn default() -> Self {
        Self::Cluster { ip: Box::default(), has_node_port: false }
    }
}

impl From<v1::Service> for Service {
    fn from(service: v1::Service) -> Self {
        let spec = service.spec.unwrap_or_default();
        let text = |text: Option<String>| text.unwrap_or_default().into_boxed_str();
        let exposure = match spec.type_.as_deref() {
            Some("ExternalName") => Exposure::ExternalName(text(spec.external_name)),
            kind => Exposure::Cluster { ip: text(spec.cluster_ip), has_node_port: kind == Some("NodePort") },
        };
        let port = |port: v1::ServicePort| Port { name: text(port.name), number: port.port };
        Self { exposure, ports: spec.ports.into_iter().flatten().map(port).collect() }
    }
}

impl From<discovery::EndpointSlice> for EndpointSlice {
    fn from(slice: discovery::EndpointSlice) -> Self {
        let port = |port: discovery::EndpointPort| {
            let number = port.port.filter(|number| *number != 0)?;
            Some(Port { name: port.name.unwrap_or_default().into(), number })
        };
        Self {
            service: None,
            ports: slice.ports.into_iter().flatten().filter_map(port).collect(),
            endpoints: slice.endpoints.into_iter().flatten().map(Endpoint::from).collect(),
        }
    }
}

impl From<discovery::Endpoint> for Endpoint {
    fn from(endpoint: discovery::Endpoint) -> Self {
        let conditions = endpoint.conditions.unwrap_or_default();
        Self {
            addresses: endpoint.addresses.into_iter().map(String::into_boxed_str).collect(),
            is_ready: conditions.ready.unwrap_or(false),
            is_serving: conditions.serving.unwrap_or(true),
            is_terminating: conditions.terminating.unwrap_or(false),
        }
    }
}
