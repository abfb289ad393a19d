//! IngressRoute and TraefikService.

mod ingress_route;
mod traefik_service;

use document::Problem;
use service::group::{self, Weighted};
use service::load_balancer::Sticky;

use super::spec::Service;
use super::{Translation, publish, written};
use crate::kubernetes::backend::Failure;
use crate::kubernetes::object::{Stored, Unread};

impl Translation<'_> {
    /// Children of a group, published under their own names, with the weights they have in the group.
    fn children(
        &mut self,
        object: &Stored<Unread>,
        services: &[Service],
        path: &str,
        native: bool,
        warnings: &mut Vec<Problem>,
    ) -> Result<Vec<group::Child>, Failure> {
        let mut children = Vec::with_capacity(services.len());
        for (index, wanted) in services.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let name = self.publish_child(object, wanted, &path, native, warnings)?;
            children.push(group::Child { name, weight: wanted.weight.unwrap_or(1) });
        }
        Ok(children)
    }

    /// The name of what a Service object means; a load balancer is published under it.
    fn publish_child(
        &mut self,
        object: &Stored<Unread>,
        wanted: &Service,
        path: &str,
        native: bool,
        warnings: &mut Vec<Problem>,
    ) -> Result<String, Failure> {
        let complete = |problem: Problem| object.complain(problem.under(path));
        let child =
            self.child(wanted, &object.meta.namespace, native).map_err(|failure| failure.map(complete))?;
        let own: Vec<Problem> = child.warnings.into_iter().map(complete).collect();
        match child.config {
            Some(config) => publish(
                &mut self.out.http.services,
                &child.name,
                Some(config),
                own,
                &written::service(object, path),
            ),
            None => warnings.extend(own),
        }
        Ok(child.name)
    }
}

fn weighted(services: Vec<group::Child>, sticky: Option<Sticky>) -> service::Config {
    let sticky = sticky.filter(|sticky| sticky.cookie.is_some());
    service::Config {
        weighted: Some(Box::new(Weighted { services, sticky, ..Weighted::default() })),
        ..service::Config::default()
    }
}
