//! Which Ingresses are taken.

use document::Problem;
use k8s_openapi::api::networking::v1::Ingress;

use crate::config::KubernetesIngress;
use crate::kubernetes::object::Stored;
use crate::kubernetes::view::View;

/// Who answers for a class.
const CONTROLLER: &str = "traefik.io/ingress-controller";

const ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The class of an object that nobody configured.
const DEFAULT: &str = "traefik";

pub(super) struct Classes<'a> {
    names: Vec<&'a str>,
    option: &'a str,
}

impl<'a> Classes<'a> {
    pub(super) fn of(view: &'a View, options: &'a KubernetesIngress) -> Self {
        let option = options.ingress_class.as_str();
        let ours = view.ingress_classes.values().filter(|class| {
            let controller = class.value.spec.as_ref().and_then(|spec| spec.controller.as_deref());
            controller == Some(CONTROLLER) && (option.is_empty() || *class.meta.name == *option)
        });
        let names = if options.disable_ingress_class_lookup {
            Vec::new()
        } else {
            ours.map(|class| &*class.meta.name).collect()
        };
        Self { names, option }
    }

    /// What there is to say of an object whose class is ours by its name, and does not exist.
    // Traefik: passes over it without a word.
    pub(super) fn missing(&self, ingress: &Stored<Ingress>, view: &View) -> Option<Problem> {
        let class = ingress.value.spec.as_ref()?.ingress_class_name.as_deref()?;
        let is_ours = class.contains(DEFAULT) || class == self.option;
        let is_there = view.ingress_classes.values().any(|known| *known.meta.name == *class);
        if !is_ours || is_there || self.takes(ingress) {
            return None;
        }
        let message = format!("there is no IngressClass `{class}`: the Ingress is not served");
        let problem = Problem::warning("missing_ingress_class", message).with_path("spec.ingressClassName");
        Some(
            ingress.complain(problem.hint(format!("one whose `controller` is `{CONTROLLER}` makes it ours"))),
        )
    }

    pub(super) fn takes(&self, ingress: &Stored<Ingress>) -> bool {
        let spec = ingress.value.spec.as_ref();
        if let Some(class) = spec.and_then(|spec| spec.ingress_class_name.as_deref()) {
            return self.names.contains(&class);
        }
        let class = ingress.meta.annotations.get(ANNOTATION).map(String::as_str).unwrap_or_default();
        class == self.option || (self.option.is_empty() && class == DEFAULT)
    }
}
