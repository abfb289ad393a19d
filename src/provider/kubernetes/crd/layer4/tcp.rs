//! IngressRouteTCP.

use std::sync::Arc;

use document::{Problem, Severity, Value};
use dynamic::layer4::tcp;

use super::super::spec::{self, RouteTcp, ServiceTcp};
use super::super::{Translation, has_error, publish, read, written};
use super::routes;
use crate::kubernetes::backend::Failure;
use crate::kubernetes::name::{hash, normalize};
use crate::kubernetes::object::{Stored, Unread};

/// What all routes of an object share.
struct Shared {
    entry_points: Vec<String>,
    tls: Option<tcp::RouterTls>,
    problems: Vec<Problem>,
}

impl Translation<'_> {
    pub(in crate::kubernetes::crd) fn ingress_route_tcp(&mut self, object: &Stored<Unread>) {
        let spec = object.spec();
        if !self.is_ours(object, &spec) {
            return;
        }
        let (rest, routes) = routes(spec);
        let mut problems = object.problems.clone();
        let spec = read::<spec::IngressRoute>(object, &rest, "spec", &mut problems).unwrap_or_default();
        let tls = spec.tls.as_ref().map(|tls| self.route_tls_tcp(object, tls, &mut problems));
        let shared = Shared { entry_points: spec.entry_points, tls, problems };
        for (index, tree) in routes.items().iter().enumerate() {
            self.route_tcp(object, &shared, index, tree);
        }
    }

    fn route_tls_tcp(
        &mut self,
        object: &Stored<Unread>,
        tls: &spec::RouteTls,
        problems: &mut Vec<Problem>,
    ) -> tcp::RouterTls {
        if !tls.secret_name.is_empty()
            && !tls.passthrough
            && let Err(problem) = self.certificate(&object.meta.namespace, &tls.secret_name)
        {
            self.complain_of_secret(object, problem, "spec.tls.secretName", problems);
        }
        let options = match &tls.options {
            Some(reference) if !reference.name.is_empty() => {
                self.tls_options_name(object, reference).unwrap_or_else(|problem| {
                    problems.push(object.complain(problem.under("spec.tls.options")));
                    String::new()
                })
            }
            Some(_) | None => String::new(),
        };
        tcp::RouterTls {
            passthrough: tls.passthrough,
            options,
            cert_resolver: tls.cert_resolver.clone(),
            domains: tls.domains.clone(),
        }
    }

    fn route_tcp(&mut self, object: &Stored<Unread>, shared: &Shared, index: usize, tree: &Value) {
        let path = format!("spec.routes[{index}]");
        let mut problems = shared.problems.clone();
        let route = read::<RouteTcp>(object, tree, &path, &mut problems);
        let rule = tree.get("match").and_then(Value::as_str).unwrap_or_default();
        // Not normalised: dots stay.
        let name = format!("{}-{}-{}", object.meta.namespace, object.meta.name, hash(rule));
        let router =
            route.and_then(|route| self.router_tcp(object, shared, &route, &name, &path, &mut problems));
        let element = dynamic::Element { config: router, problems, source: written::route(object, index) };
        self.out.tcp.routers.insert(name.into(), Arc::new(element));
    }

    fn router_tcp(
        &mut self,
        object: &Stored<Unread>,
        shared: &Shared,
        route: &RouteTcp,
        name: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<tcp::Router> {
        let complete = |problem: Problem| object.complain(problem.under(path));
        if route.rule.is_empty() {
            problems.push(complete(Problem::field("match", "the route has no rule")));
            return None;
        }
        let mut own = Vec::new();
        let middlewares =
            self.middleware_names(&route.middlewares, &object.meta.namespace, "middlewares", &mut own);
        problems.extend(own.into_iter().map(complete));
        let service = self.service_tcp(object, &route.services, name, &format!("{path}.services"));
        let (service, service_problems) = match service {
            Ok((service, warnings)) => (Some(service), warnings),
            Err(problem) => (None, vec![problem]),
        };
        let service = service.filter(|_| !has_error(problems));
        publish(&mut self.out.tcp.services, name, service, service_problems, &object.source);
        Some(tcp::Router {
            entry_points: shared.entry_points.clone(),
            rule: route.rule.clone(),
            rule_syntax: route.syntax.clone(),
            priority: route.priority,
            middlewares,
            service: name.to_owned(),
            tls: shared.tls.clone(),
        })
    }

    /// One Service, or a group of several. One of a group that cannot be had is left out, with a warning.
    fn service_tcp(
        &mut self,
        object: &Stored<Unread>,
        services: &[ServiceTcp],
        name: &str,
        path: &str,
    ) -> Result<(tcp::Service, Vec<Problem>), Problem> {
        let mut children = Vec::new();
        let mut warnings = Vec::new();
        for (index, wanted) in services.iter().enumerate() {
            let complete = |problem: Problem| object.complain(problem.under(&format!("{path}[{index}]")));
            match self.load_balancer_tcp(wanted, &object.meta.namespace) {
                Ok((config, own)) => {
                    let own: Vec<Problem> = own.into_iter().map(complete).collect();
                    if services.len() == 1 {
                        return Ok((config, own));
                    }
                    let child = format!("{name}-{}-{}", wanted.name, wanted.port);
                    publish(&mut self.out.tcp.services, &child, Some(config), own, &object.source);
                    children.push(tcp::Child { name: child, weight: wanted.weight.unwrap_or(1) });
                }
                Err(Failure::Broken(problem) | Failure::Empty(problem)) if services.len() == 1 => {
                    return Err(complete(problem));
                }
                Err(Failure::Broken(problem) | Failure::Empty(problem)) => {
                    warnings.push(complete(problem.with_severity(Severity::Warning)));
                }
            }
        }
        if children.is_empty() {
            let problem = Problem::error("missing_service", "the route has no service that can be used");
            return Err(object.complain(problem.with_path(path)));
        }
        let weighted = tcp::Weighted { services: children, health_check: None };
        Ok((tcp::Service { weighted: Some(weighted), ..tcp::Service::default() }, warnings))
    }

    fn load_balancer_tcp(
        &self,
        wanted: &ServiceTcp,
        holder: &str,
    ) -> Result<(tcp::Service, Vec<Problem>), Failure> {
        let found = self.endpoints(wanted, holder)?;
        let servers = found
            .endpoints
            .iter()
            .map(|address| tcp::Server { address: address.host.clone(), tls: wanted.tls });
        // A plain name is looked up in the namespace of the route, not of the Service.
        let transport = match wanted.servers_transport.as_str() {
            "" => String::new(),
            name if name.contains(dynamic::name::SEPARATOR) => {
                self.may_cross_providers(name, holder)
                    .map_err(|problem| problem.with_path("serversTransport"))?;
                name.to_owned()
            }
            name => normalize(&format!("{holder}-{name}")),
        };
        let balancer = tcp::LoadBalancer {
            servers: servers.collect(),
            termination_delay: wanted.termination_delay.filter(|_| transport.is_empty()),
            servers_transport: transport,
            proxy_protocol: wanted.proxy_protocol,
            health_check: None,
        };
        Ok((tcp::Service { load_balancer: Some(balancer), ..tcp::Service::default() }, found.warnings))
    }
}
