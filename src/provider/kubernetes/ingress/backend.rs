//! The service of a path.

use document::Problem;
use k8s_openapi::api::networking::v1::IngressBackend;
use service::load_balancer;

use super::Translation;
use super::annotations::{self, ServiceSettings};
use crate::kubernetes::backend::{self, Failure, Port, Readiness, Wanted};
use crate::kubernetes::name::normalize;

/// A service with what is to be said about it.
pub(super) type Built = Result<(service::Config, Vec<Problem>), Failure>;

impl Translation<'_> {
    /// The name of a backend's service and the service itself. `None`: it names no Service.
    pub(super) fn backend(&self, namespace: &str, backend: &IngressBackend) -> Option<(String, Built)> {
        let wanted = backend.service.as_ref()?;
        let port = wanted.port.as_ref();
        let port = match port.and_then(|port| port.name.clone()).filter(|name| !name.is_empty()) {
            Some(name) => Port::Name(name),
            None => Port::Number(port.and_then(|port| port.number).unwrap_or(0).into()),
        };
        let name = normalize(&format!("{namespace}-{}-{port}", wanted.name));
        Some((name, self.load_balancer(namespace, &wanted.name, &port)))
    }

    fn load_balancer(&self, namespace: &str, name: &str, port: &Port) -> Built {
        let (settings, warnings) = match self.view.service(namespace, name) {
            Some(object) => {
                let (settings, warnings) = annotations::service(&object.meta.annotations)
                    .map_err(|problem| object.complain(problem))?;
                (settings, warnings.into_iter().map(|problem| object.complain(problem)).collect())
            }
            None => (ServiceSettings::default(), Vec::new()),
        };
        self.may_use_transport(namespace, &settings)?;
        let wanted = Wanted {
            namespace,
            name,
            port,
            scheme: &settings.scheme,
            native_lb: settings.native_lb.unwrap_or(self.options.native_lb_by_default),
            node_port_lb: settings.node_port_lb,
            lenient_external_port: false,
            allow_external_name: self.options.allow_external_name_services,
            allow_empty: self.options.allow_empty_services,
        };
        let found = backend::find(&self.view, &wanted, Readiness::Serving)?;
        let balancer = load_balancer::Config {
            servers: found.servers(),
            pass_host_header: Some(settings.pass_host_header.unwrap_or(true)),
            servers_transport: settings.servers_transport,
            sticky: settings.sticky.map(Box::new),
            ..load_balancer::Config::default()
        };
        let config = service::Config {
            load_balancer: Some(balancer),
            middlewares: settings.middlewares,
            ..service::Config::default()
        };
        Ok((config, warnings.into_iter().chain(found.warnings).collect()))
    }

    fn may_use_transport(&self, namespace: &str, settings: &ServiceSettings) -> Result<(), Problem> {
        match &self.options.cross_provider_namespaces {
            Some(allowed)
                if !settings.servers_transport.is_empty()
                    && !allowed.iter().any(|name| name == namespace) =>
            {
                let message =
                    format!("objects of the namespace `{namespace}` may not refer to another provider");
                Err(Problem::error("cross_provider", message)
                    .hint("add the namespace to `crossProviderNamespaces`"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
