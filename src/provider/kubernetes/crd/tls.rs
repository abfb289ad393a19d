//! TLSOption, TLSStore, and the certificates that Secrets hold.

use std::sync::Arc;

use document::{Problem, Value};

use super::spec::TlsStore;
use super::{Translation, has_error, list, member_mut, publish, put, read, take, written};
use crate::kubernetes::backend::secret;
use crate::kubernetes::object::{Stored, Unread};
use crate::kubernetes::view::{Kind, key};

impl Translation<'_> {
    /// Puts the certificate of a Secret into the document, once.
    pub(super) fn certificate(&mut self, namespace: &str, name: &str) -> Result<(), Problem> {
        // Made once, for all who name it, when the document is put together.
        secret::certificate(&self.view, namespace, name)?;
        self.certificates.push(key(namespace, name));
        Ok(())
    }

    /// Of a Secret that is not there, or not as it must be, where serving goes on without it.
    pub(super) fn complain_of_secret(
        &mut self,
        object: &Stored<Unread>,
        problem: Problem,
        path: impl Into<String>,
        problems: &mut Vec<Problem>,
    ) {
        secret::complain(object, problem.with_path(path), &mut self.out.problems, problems);
    }

    pub(super) fn tls_options(&mut self) {
        for (name, object, problem) in named(self.view.all("TLSOption"), "TLSOption") {
            if let Some(problem) = problem {
                self.out.problems.push(problem);
                continue;
            }
            let mut problems = object.problems.clone();
            let config = self.tls_option(&object, &mut problems);
            publish(&mut self.out.tls.options, &name, config, problems, &written::spec(&object));
        }
    }

    fn tls_option(
        &mut self,
        object: &Stored<Unread>,
        problems: &mut Vec<Problem>,
    ) -> Option<::tls::OptionsConfig> {
        let mut spec = mapping(object.spec());
        if let Some(client_auth) = member_mut(&mut spec, "clientAuth")
            && let Some(names) = take(client_auth, "secretNames")
        {
            let mut authorities = Vec::new();
            for (index, name) in names.items().iter().enumerate() {
                let name = name.scalar_text().unwrap_or_default();
                match secret::authority(&self.view, &object.meta.namespace, &name, false) {
                    Ok(authority) => authorities.push(Value::string(authority.as_written())),
                    Err(problem) => {
                        let path = format!("spec.clientAuth.secretNames[{index}]");
                        self.complain_of_secret(object, problem, path, problems);
                    }
                }
            }
            // Authorities were named, so clients must show a certificate, even when none could be found.
            let kind = client_auth.get("clientAuthType").and_then(Value::as_str).unwrap_or_default();
            if kind.is_empty() && !names.items().is_empty() {
                put(client_auth, "clientAuthType", Value::string("RequireAndVerifyClientCert"));
            }
            put(client_auth, "caFiles", list(authorities));
        }
        read::<::tls::OptionsConfig>(object, &spec, "spec", problems)
    }

    pub(super) fn tls_stores(&mut self) {
        for (name, object, problem) in named(self.view.all("TLSStore"), "TLSStore") {
            if let Some(problem) = problem {
                self.out.problems.push(problem);
                continue;
            }
            let mut problems = object.problems.clone();
            let config = self.tls_store(&object, &mut problems);
            publish(&mut self.out.tls.stores, &name, config, problems, &object.source);
        }
    }

    fn tls_store(
        &mut self,
        object: &Stored<Unread>,
        problems: &mut Vec<Problem>,
    ) -> Option<::tls::StoreConfig> {
        let spec = read::<TlsStore>(object, &mapping(object.spec()), "spec", problems)?;
        for (index, certificate) in spec.certificates.iter().enumerate() {
            if let Err(problem) = self.certificate(&object.meta.namespace, &certificate.secret_name) {
                let path = format!("spec.certificates[{index}].secretName");
                self.complain_of_secret(object, problem, path, problems);
            }
        }
        let mut store = ::tls::StoreConfig {
            default_generated_cert: spec.default_generated_cert,
            ..::tls::StoreConfig::default()
        };
        if let Some(default) = &spec.default_certificate {
            match secret::certificate(&self.view, &object.meta.namespace, &default.secret_name) {
                Ok(certificate) => store.default_certificate = Some(certificate),
                Err(problem) => {
                    problems.push(object.complain(problem.with_path("spec.defaultCertificate.secretName")));
                }
            }
        }
        (!has_error(problems)).then_some(store)
    }
}

/// The objects with the names they go by. `default` is global: of several the oldest stays, and the others come
/// with the problem they have.
// Traefik: all are dropped, and the built-in default is used, so that anybody who may write a TLSOption in any
// namespace can switch off client certificates for all.
fn named(objects: &Kind<Unread>, kind: &str) -> Vec<(String, Arc<Stored<Unread>>, Option<Problem>)> {
    let oldest =
        objects.values().filter(|object| is_default(object)).min_by_key(|object| object.age()).cloned();
    let name = |object: &Arc<Stored<Unread>>| {
        let Some(oldest) = oldest.as_ref().filter(|_| is_default(object)) else {
            return (format!("{}-{}", object.meta.namespace, object.meta.name), None);
        };
        let conflict = (!Arc::ptr_eq(oldest, object)).then(|| {
            let message = format!(
                "the {kind} `default` is one for all namespaces, and the older one in `{}` is used",
                oldest.meta.namespace
            );
            object.complain(Problem::error("conflicting_default", message))
        });
        (::tls::config::DEFAULT.to_owned(), conflict)
    };
    objects
        .values()
        .map(|object| {
            let (name, problem) = name(object);
            (name, Arc::clone(object), problem)
        })
        .collect()
}

fn is_default(object: &Stored<Unread>) -> bool {
    *object.meta.name == *::tls::config::DEFAULT
}

/// A `spec` that is left out is an empty one.
pub(super) fn mapping(spec: Value) -> Value {
    if spec.is_null() {
        return Value::new(document::Kind::Mapping(Vec::new()), spec.place);
    }
    spec
}
