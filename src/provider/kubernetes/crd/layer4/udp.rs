//! IngressRouteUDP.

use document::{Problem, Severity};
use dynamic::layer4::{tcp::Child, udp};

use super::super::spec::{self, RouteTcp};
use super::super::{Translation, publish, read};
use super::routes;
use crate::kubernetes::backend::Failure;
use crate::kubernetes::object::{Stored, Unread};

impl Translation<'_> {
    pub(in crate::kubernetes::crd) fn ingress_route_udp(&mut self, object: &Stored<Unread>) {
        let spec = object.spec();
        if !self.is_ours(object, &spec) {
            return;
        }
        let (rest, routes) = routes(spec);
        let mut shared = object.problems.clone();
        let spec = read::<spec::IngressRoute>(object, &rest, "spec", &mut shared).unwrap_or_default();
        for (index, tree) in routes.items().iter().enumerate() {
            let path = format!("spec.routes[{index}]");
            // By the number of the route: there is no rule to tell them apart. Not normalised.
            let name = format!("{}-{}-{index}", object.meta.namespace, object.meta.name);
            let mut problems = shared.clone();
            let route = read::<RouteTcp>(object, tree, &path, &mut problems);
            let config = route.map(|route| {
                self.service_udp(object, &route, &name, &format!("{path}.services"));
                udp::Router { entry_points: spec.entry_points.clone(), service: name.clone() }
            });
            publish(&mut self.out.udp.routers, &name, config, problems, &object.source);
        }
    }

    /// Publishes the service of a route: one Service, or a group of several.
    fn service_udp(&mut self, object: &Stored<Unread>, route: &RouteTcp, name: &str, path: &str) {
        let mut children = Vec::new();
        let mut problems = Vec::new();
        for (index, wanted) in route.services.iter().enumerate() {
            let complete = |problem: Problem| object.complain(problem.under(&format!("{path}[{index}]")));
            let found = match self.endpoints(wanted, &object.meta.namespace) {
                Ok(found) => found,
                Err(Failure::Broken(problem) | Failure::Empty(problem)) => {
                    problems.push(complete(problem.with_severity(Severity::Warning)));
                    continue;
                }
            };
            let warnings: Vec<Problem> = found.warnings.into_iter().map(complete).collect();
            let servers =
                found.endpoints.into_iter().map(|address| udp::Server { address: address.host }).collect();
            let config = udp::Service { load_balancer: Some(udp::LoadBalancer { servers }), weighted: None };
            if route.services.len() == 1 {
                publish(&mut self.out.udp.services, name, Some(config), warnings, &object.source);
                return;
            }
            let child = format!("{name}-{}-{}", wanted.name, wanted.port);
            publish(&mut self.out.udp.services, &child, Some(config), warnings, &object.source);
            children.push(Child { name: child, weight: wanted.weight.unwrap_or(1) });
        }
        let weighted = udp::Weighted { services: children };
        let config = (!weighted.services.is_empty())
            .then_some(udp::Service { load_balancer: None, weighted: Some(weighted) });
        if config.is_none() {
            let problem = Problem::error("missing_service", "the route has no service that can be used");
            problems.push(object.complain(problem.with_path(path)));
        }
        publish(&mut self.out.udp.services, name, config, problems, &object.source);
    }
}
