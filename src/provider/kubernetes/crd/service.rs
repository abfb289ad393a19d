//! The Service object of `traefik.io` → a load balancer, or the name of a service.

use document::Problem;
use service::balancer::Strategy;
use service::load_balancer;

use super::Translation;
use super::reference::Spelling;
use super::spec::{Reference, Service};
use crate::kubernetes::backend::{self, Failure, Readiness, Wanted};
use crate::kubernetes::name::normalize;

/// A child of a group, or what a single reference means.
pub(super) struct Child {
    pub(super) name: String,
    /// The service to publish under that name; `None` where it is another object's.
    pub(super) config: Option<service::Config>,
    pub(super) warnings: Vec<Problem>,
}

impl Translation<'_> {
    /// What a Service object in an object of `holder` means.
    pub(super) fn child(&self, wanted: &Service, holder: &str, native: bool) -> Result<Child, Failure> {
        match wanted.kind.as_str() {
            "" | "Service" => {
                let namespace = self.service_namespace(wanted, holder)?;
                let (config, warnings) = self.load_balancer(wanted, holder, native)?;
                let name = normalize(&format!("{namespace}-{}-{}", wanted.name, wanted.port));
                Ok(Child { name, config: Some(config), warnings })
            }
            "TraefikService" => {
                let name = self.traefik_service(wanted, holder)?;
                Ok(Child { name, config: None, warnings: Vec::new() })
            }
            other => {
                let message = format!("the kind `{other}` is neither `Service` nor `TraefikService`");
                Err(Problem::field("kind", message).into())
            }
        }
    }

    /// The service that a TraefikService is, or one of another provider, such as `api@internal`.
    fn traefik_service(&self, wanted: &Service, holder: &str) -> Result<String, Problem> {
        let reference = Reference { name: wanted.name.clone(), namespace: wanted.namespace.clone() };
        let name = self.resolve(&reference, holder, "TraefikService", Spelling::Normalized)?;
        Ok(match dynamic::Name::parse(&name) {
            Some(full) => format!("{}@{}", normalize(full.local), full.provider),
            None => name,
        })
    }

    fn service_namespace(&self, wanted: &Service, holder: &str) -> Result<String, Problem> {
        if wanted.name.is_empty() {
            return Err(Problem::field("name", "the reference to a Service has no name"));
        }
        self.namespace(&wanted.namespace, holder, "Service", &wanted.name)
    }

    /// The load balancer over a Service of Kubernetes. `native`: whether the provider's default for `nativeLB` counts.
    pub(super) fn load_balancer(
        &self,
        wanted: &Service,
        holder: &str,
        native: bool,
    ) -> Result<(service::Config, Vec<Problem>), Failure> {
        let namespace = self.service_namespace(wanted, holder)?;
        if wanted.port.is_unset() {
            return Err(
                Problem::field("port", format_args!("the Service `{}` needs a port", wanted.name)).into()
            );
        }
        let found = backend::find(&self.view, &self.wanted(wanted, &namespace, native), Readiness::Serving)?;
        let mut problems = found.warnings.clone();
        let strategy = strategy(&wanted.strategy, &mut problems)?;
        if wanted.health_check.is_some() && !found.is_external {
            return Err(Problem::field(
                "healthCheck",
                "only an ExternalName Service can have a health check",
            )
            .into());
        }
        let middlewares = self.middleware_names(&wanted.middlewares, holder, "middlewares", &mut problems);
        if let Some(at) = problems.iter().position(Problem::is_error) {
            return Err(problems.swap_remove(at).into());
        }
        let balancer = load_balancer::Config {
            servers: found.servers(),
            strategy,
            pass_host_header: Some(wanted.pass_host_header.unwrap_or(true)),
            response_forwarding: wanted.response_forwarding.clone(),
            servers_transport: self.servers_transport(&wanted.servers_transport, &namespace)?,
            sticky: wanted.sticky.clone().filter(|sticky| sticky.cookie.is_some()).map(Box::new),
            health_check: wanted.health_check.clone().map(Box::new),
            passive_health_check: wanted.passive_health_check.clone(),
        };
        let config =
            service::Config { load_balancer: Some(balancer), middlewares, ..service::Config::default() };
        Ok((config, problems))
    }

    fn wanted<'w>(&self, wanted: &'w Service, namespace: &'w str, native: bool) -> Wanted<'w> {
        Wanted {
            namespace,
            name: &wanted.name,
            port: &wanted.port,
            scheme: &wanted.scheme,
            native_lb: wanted.native_lb.unwrap_or(native && self.options.native_lb_by_default),
            node_port_lb: wanted.node_port_lb,
            lenient_external_port: true,
            allow_external_name: self.options.allow_external_name_services,
            allow_empty: self.options.allow_empty_services,
        }
    }

    /// A plain name is looked up in the namespace of the Service.
    fn servers_transport(&self, name: &str, namespace: &str) -> Result<String, Problem> {
        if name.is_empty() {
            return Ok(String::new());
        }
        if name.contains(dynamic::name::SEPARATOR) {
            return self
                .may_cross_providers(name, namespace)
                .map(|()| name.to_owned())
                .map_err(|problem| problem.with_path("serversTransport"));
        }
        Ok(normalize(&format!("{namespace}-{name}")))
    }
}

fn strategy(name: &str, problems: &mut Vec<Problem>) -> Result<Strategy, Problem> {
    Ok(match name {
        "" | "wrr" => Strategy::RoundRobin,
        "RoundRobin" => {
            problems.push(
                Problem::warning("deprecated", "the strategy `RoundRobin` is called `wrr`")
                    .with_path("strategy"),
            );
            Strategy::RoundRobin
        }
        "p2c" => Strategy::P2c,
        "hrw" => Strategy::Rendezvous,
        "leasttime" => Strategy::LeastTime,
        other => {
            let near = document::name::nearest(other, ["wrr", "p2c", "hrw", "leasttime"]);
            return Err(
                Problem::field("strategy", format_args!("unknown strategy `{other}`")).did_you_mean(near)
            );
        }
    })
}
