//! Service, EndpointSlice, Secret, ConfigMap → servers, certificates, authorities. Shared by all translators.
//! Traefik, `pkg/provider/kubernetes/crd/kubernetes_http.go`, `loadServers`.

pub mod secret;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use document::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::load_balancer::Server;

use super::core::{self, Endpoint, EndpointSlice, Exposure, Service};
use super::object::Stored;
use super::view::Look;

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

    fn is(&self, port: &core::Port) -> bool {
        match self {
            Self::Number(number) => i64::from(port.number) == *number,
            // Where a number was quoted: names of ports have letters, so nothing else can be meant.
            Self::Name(name) => *port.name == **name || *name == port.number.to_string(),
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
pub fn find(view: &Look<'_>, wanted: &Wanted<'_>, readiness: Readiness) -> Result<Found, Failure> {
    let label = format!("Service `{}/{}`", wanted.namespace, wanted.name);
    let service = view
        .service(wanted.namespace, wanted.name)
        .ok_or_else(|| Problem::error("missing_service", format_args!("there is no {label}")))?;
    let (ports, exposure) = (&service.value.ports, &service.value.exposure);
    let is_external = matches!(exposure, Exposure::ExternalName(_));
    let port = find_port(ports, wanted, is_external).ok_or_else(|| no_port(ports, &label, wanted))?;
    let mut found =
        Found { scheme: scheme(wanted.scheme, &port)?.to_owned(), is_external, ..Found::default() };
    match exposure {
        Exposure::ExternalName(name) => found.endpoints.push(external(name, &port, &label, wanted)?),
        Exposure::Cluster { ip, .. } if wanted.native_lb => found.endpoints.push(native(ip, &port, &label)?),
        Exposure::Cluster { has_node_port: true, .. } if wanted.node_port_lb => {
            let message = format!("{label} is to be reached by its node port, but no Node is known");
            return Err(Problem::error("missing_node", message).into());
        }
        Exposure::Cluster { .. } => {
            from_slices(view, service, &port, readiness, &mut found);
            if found.endpoints.is_empty() && !wanted.allow_empty {
                return Err(Failure::Empty(Problem::error(
                    "no_endpoint",
                    format_args!("{label} has no endpoint"),
                )));
            }
        }
    }
    Ok(found)
}

fn find_port<'a>(
    ports: &'a [core::Port],
    wanted: &Wanted<'_>,
    is_external: bool,
) -> Option<Cow<'a, core::Port>> {
    let declared = ports.iter().find(|port| wanted.port.is(port));
    if let Some(declared) = declared {
        return Some(Cow::Borrowed(declared));
    }
    match wanted.port {
        Port::Number(number) if is_external && wanted.lenient_external_port => {
            Some(Cow::Owned(core::Port { name: Box::default(), number: i32::try_from(*number).ok()? }))
        }
        Port::Number(_) | Port::Name(_) => None,
    }
}

fn no_port(ports: &[core::Port], label: &str, wanted: &Wanted<'_>) -> Problem {
    let known: Vec<String> = ports
        .iter()
        .map(|port| match &*port.name {
            "" => port.number.to_string(),
            name => format!("{} ({name})", port.number),
        })
        .collect();
    let problem = Problem::error("missing_port", format_args!("{label} has no port `{}`", wanted.port));
    match known.as_slice() {
        [] => problem,
        known => problem.hint(format!("it has {}", known.join(", "))),
    }
}

/// Explicit, or guessed by the port as Traefik does; `appProtocol` does not count.
fn scheme<'a>(explicit: &'a str, port: &core::Port) -> Result<&'a str, Problem> {
    match explicit {
        "http" | "https" | "h2c" => Ok(explicit),
        "" if port.number == 443 || port.name.starts_with("https") => Ok("https"),
        "" => Ok("http"),
        _ => Err(Problem::error(
            "invalid_value",
            format_args!("the scheme `{explicit}` is none of `http`, `https` and `h2c`"),
        )),
    }
}

fn external(name: &str, port: &core::Port, label: &str, wanted: &Wanted<'_>) -> Result<Address, Problem> {
    if !wanted.allow_external_name {
        let message = format!("{label} is an ExternalName, and these are not allowed");
        return Err(Problem::error("external_name", message).hint("set `allowExternalNameServices: true`"));
    }
    match name {
        "" => Err(Problem::error("external_name", format_args!("{label} has no `externalName`"))),
        name => Ok(address(name, port.number, false)),
    }
}

fn native(ip: &str, port: &core::Port, label: &str) -> Result<Address, Problem> {
    match ip {
        "" | "None" => Err(Problem::error(
            "no_cluster_ip",
            format_args!("{label} is to be reached by its cluster address, and has none"),
        )),
        ip => Ok(address(ip, port.number, false)),
    }
}

fn from_slices(
    view: &Look<'_>,
    service: &Stored<Service>,
    port: &core::Port,
    readiness: Readiness,
    found: &mut Found,
) {
    let slices = view.slices(&service.meta.namespace, &service.meta.name);
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
        for endpoint in &slice.value.endpoints {
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

/// The number behind the Service's port.
fn slice_port(slice: &Arc<Stored<EndpointSlice>>, port: &core::Port) -> Option<i32> {
    // The API server writes an empty name where there is none; a file may leave it out.
    slice.value.ports.iter().find(|own| own.name == port.name).map(|own| own.number)
}

/// `None`: not to be used. Else: is it going away?
fn takes_requests(endpoint: &Endpoint, readiness: Readiness) -> Option<bool> {
    match readiness {
        Readiness::Serving => endpoint.is_serving.then_some(endpoint.is_terminating),
        Readiness::Ready => endpoint.is_ready.then_some(false),
    }
}

fn address(host: &str, port: i32, is_fenced: bool) -> Address {
    let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Address { host, is_fenced }
}
