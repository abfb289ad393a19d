//! References of an object to others: across namespaces and providers only where the options allow it.

use document::Problem;

use super::spec::Reference;
use super::{NAME, Translation};
use crate::kubernetes::name::normalize;

/// How a reference to a generated object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Letters, digits and dashes: middlewares, services, transports.
    Normalized,
    /// As it is: TLS options.
    Verbatim,
}

impl Translation<'_> {
    /// The name of what `reference` means in an object of `holder`; `kind` is for messages.
    pub(super) fn resolve(
        &self,
        reference: &Reference,
        holder: &str,
        kind: &str,
        spelling: Spelling,
    ) -> Result<String, Problem> {
        let name = &reference.name;
        if name.is_empty() {
            return Err(Problem::field("name", format_args!("the reference to a {kind} has no name")));
        }
        if name.contains(dynamic::name::SEPARATOR) {
            self.may_cross_providers(name, holder)?;
            return Ok(name.clone());
        }
        let namespace = self.namespace(&reference.namespace, holder, kind, name)?;
        let joined = format!("{namespace}-{name}");
        Ok(match spelling {
            Spelling::Normalized => normalize(&joined),
            Spelling::Verbatim => joined,
        })
    }

    /// The names of middlewares in their order; an empty one for one that may not be named, so that the others keep
    /// their places.
    pub(super) fn middleware_names(
        &self,
        references: &[Reference],
        holder: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        let mut names = Vec::with_capacity(references.len());
        for (index, reference) in references.iter().enumerate() {
            match self.resolve(reference, holder, "Middleware", Spelling::Normalized) {
                Ok(name) => names.push(name),
                Err(problem) => {
                    names.push(String::new());
                    problems.push(problem.under(&format!("{path}[{index}]")));
                }
            }
        }
        names
    }

    /// The namespace that is meant, where nothing or the holder's own stands for the holder's.
    pub(super) fn namespace(
        &self,
        wanted: &str,
        holder: &str,
        kind: &str,
        name: &str,
    ) -> Result<String, Problem> {
        if wanted.is_empty() || wanted == holder {
            return Ok(holder.to_owned());
        }
        if self.options.allow_cross_namespace {
            return Ok(wanted.to_owned());
        }
        let message = format!("the {kind} `{wanted}/{name}` is in another namespace than `{holder}`");
        Err(Problem::error("cross_namespace", message)
            .with_path("namespace")
            .hint("set `allowCrossNamespace: true` to allow that"))
    }

    /// May an object of `holder` refer to a name with a provider?
    pub(super) fn may_cross_providers(&self, name: &str, holder: &str) -> Result<(), Problem> {
        // A flattened `namespace-name` could mean any namespace.
        let is_own = dynamic::Name::parse(name).is_some_and(|name| name.provider == NAME);
        if is_own && !self.options.allow_cross_namespace {
            let message = format!("`{name}` may mean another namespace than `{holder}`");
            return Err(Problem::error("cross_namespace", message)
                .with_path("name")
                .hint("write `name` and `namespace`, or set `allowCrossNamespace: true`"));
        }
        match &self.options.cross_provider_namespaces {
            Some(allowed) if !allowed.iter().any(|namespace| namespace == holder) => {
                let message = format!(
                    "objects of the namespace `{holder}` may not refer to another provider: `{name}`"
                );
                Err(Problem::error("cross_provider", message)
                    .with_path("name")
                    .hint("add the namespace to `crossProviderNamespaces`"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
