//! Service, EndpointSlice, Secret, ConfigMap → servers, certificates, authorities. Shared by all translators.
//! Traefik, `pkg/provider/kubernetes/crd/kubernetes_http.go`, `loadServers`.

pub mod secret;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use document::Problem;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::load_balancer::Server;

use super::object::Stored;
use super::view::{View, key};

/// A port by its number or its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Port {
    Number(i64),
    Name(String),
}

/// What an object wants of a Service.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub port: &'a Port,
    /// Empty: guessed from the port.
    pub scheme: &'a str,
    pub native_lb: bool,
    pub node_port_lb: bool,
    /// A port that the Service does not declare will do for an external name.
    pub lenient_external_port: bool,
    pub allow_external_name: bool,
    pub allow_empty: bool,
}

/// Why there are no servers.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Who relies on it answers 503.
    Broken(Problem),
    /// `allowEmptyServices: false`, and there is no endpoint: the route is taken out.
    Empty(Problem),
}

/// The servers of a Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub scheme: String,
    pub endpoints: Vec<Address>,
    pub is_external: bool,
    pub warnings: Vec<Problem>,
}

/// Where one server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `host:port`, with brackets where they are needed.
    pub host: String,
    /// It is going away: no new request.
    pub is_fenced: bool,
}

/// Which endpoints count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Those that serve, going away or not: HTTP.
    Serving,
    /// Those that are ready: TCP and UDP.
    Ready,
}

impl Port {
    #[must_use]
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Name(name) => name.is_empty(),
        }
    }

    fn is(&self, port: &ServicePort) -> bool {
        match self {
            Self::Number(number) => i64::from(port.port) == *number,
            // Where a number was quoted: names of ports have letters, so nothing else can be meant.
            Self::Name(name) => port.name.as_deref() == Some(name) || *name == port.port.to_string(),
        }
    }
}

impl Default for Port {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Failure {
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Broken(problem) | Self::Empty(problem) => problem,
        }
    }

    /// The same, with its problem completed.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        match self {
            Self::Broken(problem) => Self::Broken(change(problem)),
            Self::Empty(problem) => Self::Empty(change(problem)),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Broken(problem)
    }
}

impl Found {
    /// As servers of a load balancer.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        self.endpoints
            .iter()
            .map(|address| Server {
                url: format!("{}://{}", self.scheme, address.host),
                fenced: address.is_fenced,
                ..Server::default()
            })
            .collect()
    }
}

/// Finds the servers of a Service.
///
/// # Errors
/// When the Service or its port is missing, or not to be used so, or it has no endpoint and must have one.
pub fn find(view: &View, wanted: &Wanted<'_>, readiness: Readiness) -> Result<Found, Failure> {
    let label = format!("Service `{}/{}`", wanted.namespace, wanted.name);
    let service = view
        .services
        .get(&key(wanted.namespace, wanted.name))
        .ok_or_else(|| Problem::error("missing_service", format_args!("there is no {label}")))?;
    let spec = service.value.spec.clone().unwrap_or_default();
    let is_external = spec.type_.as_deref() == Some("ExternalName");
    let port = find_port(&spec, wanted, is_external).ok_or_else(|| no_port(&spec, &label, wanted))?;
    let mut found =
        Found { scheme: scheme(wanted.scheme, &port)?.to_owned(), is_external, ..Found::default() };
    if is_external {
        found.endpoints.push(external(&spec, &port, &label, wanted)?);
    } else if wanted.native_lb {
        found.endpoints.push(native(&spec, &port, &label)?);
    } else if wanted.node_port_lb && spec.type_.as_deref() == Some("NodePort") {
        let message = format!("{label} is to be reached by its node port, but no Node is known");
        return Err(Problem::error("missing_node", message).into());
    } else {
        from_slices(view, service, &port, readiness, &mut found);
        if found.endpoints.is_empty() && !wanted.allow_empty {
            return Err(Failure::Empty(Problem::error(
                "no_endpoint",
                format_args!("{label} has no endpoint"),
            )));
        }
    }
    Ok(found)
}

fn find_port(spec: &ServiceSpec, wanted: &Wanted<'_>, is_external: bool) -> Option<ServicePort> {
    let declared = spec.ports.iter().flatten().find(|port| wanted.port.is(port));
    if declared.is_some() {
        return declared.cloned();
    }
    match wanted.port {
        Port::Number(number) if is_external && wanted.lenient_external_port => {
            Some(ServicePort { port: i32::try_from(*number).ok()?, ..ServicePort::default() })
        }
        Port::Number(_) | Port::Name(_) => None,
    }
}

fn no_port(spec: &ServiceSpec, label: &str, wanted: &Wanted<'_>) -> Problem {
    let ports = spec.ports.iter().flatten();
    let known: Vec<String> = ports
        .map(|port| match port.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{} ({name})", port.port),
            Some(_) | None => port.port.to_string(),
        })
        .collect();
    let problem = Problem::error("missing_port", format_args!("{label} has no port `{}`", wanted.port));
    match known.as_slice() {
        [] => problem,
        known => problem.hint(format!("it has {}", known.join(", "))),
    }
}

/// Explicit, or guessed by the port as Traefik does; `appProtocol` does not count.
fn scheme<'a>(explicit: &'a str, port: &ServicePort) -> Result<&'a str, Problem> {
    match explicit {
        "http" | "https" | "h2c" => Ok(explicit),
        "" if port.port == 443 || port.name.as_deref().is_some_and(|name| name.starts_with("https")) => {
            Ok("https")
        }
        "" => Ok("http"),
        _ => Err(Problem::error(
            "invalid_value",
            format_args!("the scheme `{explicit}` is none of `http`, `https` and `h2c`"),
        )),
    }
}

fn external(
    spec: &ServiceSpec,
    port: &ServicePort,
    label: &str,
    wanted: &Wanted<'_>,
) -> Result<Address, Problem> {
    if !wanted.allow_external_name {
        let message = format!("{label} is an ExternalName, and these are not allowed");
        return Err(Problem::error("external_name", message).hint("set `allowExternalNameServices: true`"));
    }
    match spec.external_name.as_deref() {
        Some(name) if !name.is_empty() => Ok(address(name, port.port, false)),
        Some(_) | None => Err(Problem::error("external_name", format_args!("{label} has no `externalName`"))),
    }
}

fn native(spec: &ServiceSpec, port: &ServicePort, label: &str) -> Result<Address, Problem> {
    match spec.cluster_ip.as_deref() {
        Some(ip) if !ip.is_empty() && ip != "None" => Ok(address(ip, port.port, false)),
        Some(_) | None => Err(Problem::error(
            "no_cluster_ip",
            format_args!("{label} is to be reached by its cluster address, and has none"),
        )),
    }
}

fn from_slices(
    view: &View,
    service: &Stored<Service>,
    port: &ServicePort,
    readiness: Readiness,
    found: &mut Found,
) {
    let slices = view.slices(&service.key());
    if slices.is_empty() {
        found.warnings.push(Problem::warning(
            "missing_endpoint_slice",
            format_args!(
                "no EndpointSlice belongs to Service `{}/{}`",
                service.meta.namespace, service.meta.name
            ),
        ));
    }
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for slice in slices {
        let Some(number) = slice_port(slice, port) else {
            continue;
        };
        for endpoint in slice.value.endpoints.iter().flatten() {
            let Some(is_fenced) = takes_requests(endpoint, readiness) else {
                continue;
            };
            for ip in &endpoint.addresses {
                // Traefik knows an endpoint by its address alone, across slices and families.
                if known.insert(ip) {
                    found.endpoints.push(address(ip, number, is_fenced));
                }
            }
        }
    }
}

/// The number behind the Service's port: slices have resolved names of target ports already.
fn slice_port(slice: &Arc<Stored<EndpointSlice>>, port: &ServicePort) -> Option<i32> {
    let wanted = port.name.as_deref().unwrap_or_default();
    let ports = slice.value.ports.iter().flatten();
    // The API server writes an empty name where there is none; a file may leave it out.
    let same = ports.filter(|port| port.name.as_deref().unwrap_or_default() == wanted);
    same.filter_map(|port| port.port).find(|number| *number != 0)
}

/// `None`: not to be used. Else: is it going away?
fn takes_requests(endpoint: &Endpoint, readiness: Readiness) -> Option<bool> {
    let conditions = endpoint.conditions.as_ref();
    match readiness {
        Readiness::Serving => {
            let serves = conditions.and_then(|conditions| conditions.serving).unwrap_or(true);
            let is_fenced = conditions.and_then(|conditions| conditions.terminating).unwrap_or(false);
            serves.then_some(is_fenced)
        }
        Readiness::Ready => {
            let is_ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(false);
            is_ready.then_some(false)
        }
    }
}

fn address(host: &str, port: i32, is_fenced: bool) -> Address {
    let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Address { host, is_fenced }
}
