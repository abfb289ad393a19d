//! IngressRouteTCP, IngressRouteUDP, MiddlewareTCP, ServersTransportTCP.

mod tcp;
mod udp;

use document::{Problem, Value};
use dynamic::layer4::tcp::{ClientTls, Middleware, ServersTransport};

use super::spec::{ServiceTcp, TransportTcp};
use super::tls::mapping;
use super::{Translation, publish, read, take};
use crate::kubernetes::backend::{self, Failure, Found, Readiness, Wanted};
use crate::kubernetes::name::normalize;
use crate::kubernetes::object::{Stored, Unread};

impl Translation<'_> {
    pub(super) fn middleware_tcp(&mut self, object: &Stored<Unread>) {
        let name = normalize(&format!("{}-{}", object.meta.namespace, object.meta.name));
        let mut problems = object.problems.clone();
        let config = read::<Middleware>(object, &object.spec(), "spec", &mut problems);
        if config.is_none() && !super::has_error(&problems) {
            let problem =
                Problem::error("no_middleware_kind", "the MiddlewareTCP has no kind").with_path("spec");
            problems.push(object.complain(problem));
        }
        publish(&mut self.out.tcp.middlewares, &name, config, problems, &object.source);
    }

    pub(super) fn servers_transport_tcp(&mut self, object: &Stored<Unread>) {
        let name = normalize(&format!("{}-{}", object.meta.namespace, object.meta.name));
        let mut problems = object.problems.clone();
        let mut spec = mapping(object.spec());
        let tls = take(&mut spec, "tls").map(|mut tls| {
            self.client_tls(object, &mut tls, "spec.tls", &mut problems);
            read::<ClientTls>(object, &tls, "spec.tls", &mut problems).unwrap_or_default()
        });
        let config = read::<TransportTcp>(object, &spec, "spec", &mut problems);
        let config = config.map(|config| ServersTransport {
            dial_keep_alive: config.dial_keep_alive,
            dial_timeout: config.dial_timeout,
            proxy_protocol: config.proxy_protocol,
            termination_delay: config.termination_delay,
            tls,
        });
        publish(&mut self.out.tcp.servers_transports, &name, config, problems, &object.source);
    }

    /// The endpoints of a Service for TCP or UDP.
    fn endpoints(&self, wanted: &ServiceTcp, holder: &str) -> Result<Found, Failure> {
        if wanted.name.is_empty() {
            return Err(Problem::field("name", "the reference to a Service has no name").into());
        }
        let namespace = self.namespace(&wanted.namespace, holder, "Service", &wanted.name)?;
        let wanted = Wanted {
            namespace: &namespace,
            name: &wanted.name,
            port: &wanted.port,
            scheme: "",
            native_lb: wanted.native_lb.unwrap_or(self.options.native_lb_by_default),
            node_port_lb: wanted.node_port_lb,
            lenient_external_port: true,
            allow_external_name: self.options.allow_external_name_services,
            allow_empty: self.options.allow_empty_services,
        };
        backend::find(&self.view, &wanted, Readiness::Ready)
    }
}

/// A value that is read route by route.
fn routes(spec: Value) -> (Value, Value) {
    let mut rest = mapping(spec);
    let routes = take(&mut rest, "routes").unwrap_or_default();
    (rest, routes)
}
