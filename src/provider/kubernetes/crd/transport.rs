//! ServersTransport.

use document::{Problem, Value};

use super::spec::RootCa;
use super::tls::mapping;
use super::{Translation, list, publish, put, read, take, written};
use crate::kubernetes::backend::secret;
use crate::kubernetes::name::normalize;
use crate::kubernetes::object::{Stored, Unread};

impl Translation<'_> {
    pub(super) fn servers_transport_object(&mut self, object: &Stored<Unread>) {
        let name = normalize(&format!("{}-{}", object.meta.namespace, object.meta.name));
        let mut problems = object.problems.clone();
        let mut spec = mapping(object.spec());
        self.client_tls(object, &mut spec, "spec", &mut problems);
        let config = read::<service::transport::Config>(object, &spec, "spec", &mut problems);
        publish(&mut self.out.http.servers_transports, &name, config, problems, &written::spec(object));
    }

    /// Puts authorities and certificates in place of the Secrets that hold them. What cannot be read is left out:
    /// fewer authorities trust less.
    pub(super) fn client_tls(
        &mut self,
        object: &Stored<Unread>,
        spec: &mut Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let namespace = &object.meta.namespace;
        let mut failures = Vec::new();
        let mut warn = |problem: Problem, place: String| failures.push(problem.with_path(place));
        let mut authorities = Vec::new();
        let mut was_named = false;
        if let Some(old) = take(spec, "rootCAsSecrets") {
            for (index, name) in old.items().iter().enumerate() {
                was_named = true;
                let name = name.scalar_text().unwrap_or_default();
                match secret::authority(&self.view, namespace, &name, true) {
                    Ok(authority) => authorities.push(Value::string(authority.as_written())),
                    Err(problem) => warn(problem, format!("{path}.rootCAsSecrets[{index}]")),
                }
            }
        }
        if let Some(named) = take(spec, "rootCAs") {
            for (index, item) in named.items().iter().enumerate() {
                was_named = true;
                match self.root_ca(object, item) {
                    Ok(authority) => authorities.push(Value::string(authority.as_written())),
                    Err(problem) => warn(problem, format!("{path}.rootCAs[{index}]")),
                }
            }
        }
        let mut certificates = Vec::new();
        for (index, name) in take(spec, "certificatesSecrets").iter().flat_map(Value::items).enumerate() {
            match self.client_certificate(namespace, &name.scalar_text().unwrap_or_default()) {
                Ok(certificate) => certificates.push(certificate),
                Err(problem) => warn(problem, format!("{path}.certificatesSecrets[{index}]")),
            }
        }
        for problem in failures {
            secret::complain(object, problem, &mut self.out.problems, problems);
        }
        if !certificates.is_empty() {
            put(spec, "certificates", list(certificates));
        }
        if was_named && authorities.is_empty() {
            // An empty list would mean the system's authorities, which nobody named.
            let message = "none of the authorities it names could be read";
            problems
                .push(object.complain(
                    Problem::error("missing_secret", message).with_path(format!("{path}.rootCAs")),
                ));
        } else if was_named {
            put(spec, "rootCAs", list(authorities));
        }
    }

    fn root_ca(&self, object: &Stored<Unread>, item: &Value) -> Result<document::FileOrContent, Problem> {
        let mut problems = Vec::new();
        let reference = read::<RootCa>(object, item, "", &mut problems).unwrap_or_default();
        let namespace = &object.meta.namespace;
        match (reference.secret, reference.config_map) {
            (Some(name), None) => secret::authority(&self.view, namespace, &name, true),
            (None, Some(name)) => secret::authority_of_config_map(&self.view, namespace, &name),
            (None, None) | (Some(_), Some(_)) => {
                Err(Problem::error("invalid_value", "exactly one of `secret` and `configMap` is wanted"))
            }
        }
    }

    fn client_certificate(&self, namespace: &str, name: &str) -> Result<Value, Problem> {
        let (certificate, key) = secret::pair(&self.view, namespace, name)?;
        let mut value = Value::new(document::Kind::Mapping(Vec::new()), document::Place::NONE);
        put(&mut value, "certFile", Value::string(certificate.as_written()));
        put(&mut value, "keyFile", Value::string(key.as_written()));
        Ok(value)
    }
}
