//! Middleware. Its `spec` is the middleware's own configuration, but that Secrets, Services and other objects
//! stand where the configuration has contents and names.

use document::{Problem, Value};

use super::spec::{Reference, Service};
use super::tls::mapping;
use super::{Translation, has_error, list, member_mut, publish, put, read, take, text_of, written};
use crate::kubernetes::backend::{Failure, secret};
use crate::kubernetes::name::normalize;
use crate::kubernetes::object::{Stored, Unread};

impl Translation<'_> {
    pub(super) fn middleware(&mut self, object: &Stored<Unread>) {
        let name = normalize(&format!("{}-{}", object.meta.namespace, object.meta.name));
        let mut problems = object.problems.clone();
        let mut spec = mapping(object.spec());
        self.users(object, &mut spec, "basicAuth", &mut problems);
        self.users(object, &mut spec, "digestAuth", &mut problems);
        self.chain(object, &mut spec, &mut problems);
        self.forward_auth(object, &mut spec, &mut problems);
        self.redis(object, &mut spec, &mut problems);
        self.error_page(object, &mut spec, &name, &mut problems);
        let config = read::<middleware::Config>(object, &spec, "spec", &mut problems);
        if config.is_none() && !has_error(&problems) {
            let message = "the Middleware has no kind that is known here";
            problems.push(object.complain(Problem::error("no_middleware_kind", message).with_path("spec")));
        }
        publish(&mut self.out.http.middlewares, &name, config, problems, &written::spec(object));
    }

    fn users(&self, object: &Stored<Unread>, spec: &mut Value, kind: &str, problems: &mut Vec<Problem>) {
        let Some(config) = member_mut(spec, kind) else {
            return;
        };
        let Some(name) = take(config, "secret") else {
            if config.is_mapping() {
                let problem =
                    Problem::error("missing_key", "`secret` is missing").with_path(format!("spec.{kind}"));
                problems.push(object.complain(problem));
            }
            return;
        };
        match secret::users(&self.view, &object.meta.namespace, &text_of(Some(&name))) {
            Ok(users) => put(config, "users", list(users.into_iter().map(Value::string))),
            Err(problem) => problems.push(object.complain(problem.with_path(format!("spec.{kind}.secret")))),
        }
    }

    fn chain(&self, object: &Stored<Unread>, spec: &mut Value, problems: &mut Vec<Problem>) {
        let Some(config) = member_mut(spec, "chain") else {
            return;
        };
        let Some(members) = take(config, "middlewares") else {
            return;
        };
        let mut names = Vec::with_capacity(members.items().len());
        for (index, member) in members.items().iter().enumerate() {
            let path = format!("spec.chain.middlewares[{index}]");
            let Some(reference) = read::<Reference>(object, member, &path, problems) else {
                continue;
            };
            let mut own = Vec::new();
            let name = self.middleware_names(&[reference], &object.meta.namespace, "", &mut own);
            names.extend(name.into_iter().map(|name| Value { place: member.place, ..Value::string(name) }));
            problems.extend(own.into_iter().map(|problem| object.complain(problem.with_path(path.as_str()))));
        }
        put(config, "middlewares", list(names));
    }

    /// Certificates for the way to the authorization server.
    fn forward_auth(&self, object: &Stored<Unread>, spec: &mut Value, problems: &mut Vec<Problem>) {
        let Some(tls) = member_mut(spec, "forwardAuth").and_then(|config| member_mut(config, "tls")) else {
            return;
        };
        self.tls_of_client(object, tls, "spec.forwardAuth.tls", problems);
    }

    /// The shared store of a rate limit: its credentials and certificates.
    fn redis(&self, object: &Stored<Unread>, spec: &mut Value, problems: &mut Vec<Problem>) {
        let Some(redis) = member_mut(spec, "rateLimit").and_then(|config| member_mut(config, "redis")) else {
            return;
        };
        if let Some(tls) = member_mut(redis, "tls") {
            self.tls_of_client(object, tls, "spec.rateLimit.redis.tls", problems);
        }
        let Some(name) = take(redis, "secret").and_then(|name| name.scalar_text()) else {
            return;
        };
        for key in ["username", "password"] {
            match secret::value(&self.view, &object.meta.namespace, &name, key) {
                Ok(value) => put(redis, key, Value::string(value)),
                Err(problem) => {
                    problems.push(object.complain(problem.with_path("spec.rateLimit.redis.secret")))
                }
            }
        }
    }

    fn tls_of_client(
        &self,
        object: &Stored<Unread>,
        tls: &mut Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let namespace = &object.meta.namespace;
        if let Some(name) = take(tls, "caSecret").and_then(|name| name.scalar_text()) {
            match secret::authority(&self.view, namespace, &name, true) {
                Ok(authority) => put(tls, "ca", Value::string(authority.as_written())),
                Err(problem) => problems.push(object.complain(problem.with_path(format!("{path}.caSecret")))),
            }
        }
        if let Some(name) = take(tls, "certSecret").and_then(|name| name.scalar_text()) {
            match secret::pair(&self.view, namespace, &name) {
                Ok((certificate, key)) => {
                    put(tls, "cert", Value::string(certificate.as_written()));
                    put(tls, "key", Value::string(key.as_written()));
                }
                Err(problem) => {
                    problems.push(object.complain(problem.with_path(format!("{path}.certSecret"))))
                }
            }
        }
    }

    /// The service that makes error pages is published beside the middleware.
    fn error_page(
        &mut self,
        object: &Stored<Unread>,
        spec: &mut Value,
        id: &str,
        problems: &mut Vec<Problem>,
    ) {
        let Some(config) = member_mut(spec, "errors") else {
            return;
        };
        let Some(written) = take(config, "service") else {
            return;
        };
        let path = "spec.errors.service";
        let Some(wanted) = read::<Service>(object, &written, path, problems) else {
            return;
        };
        let complete = |problem: Problem| object.complain(problem.under(path));
        match self.child(&wanted, &object.meta.namespace, false) {
            Ok(child) => {
                let warnings = child.warnings.into_iter().map(complete).collect();
                let name = match child.config {
                    Some(config) => {
                        let name = format!("{id}-errorpage-service");
                        publish(&mut self.out.http.services, &name, Some(config), warnings, &object.source);
                        name
                    }
                    None => child.name,
                };
                put(config, "service", Value::string(name));
            }
            Err(Failure::Broken(problem) | Failure::Empty(problem)) => problems.push(complete(problem)),
        }
    }
}
