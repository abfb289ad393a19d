//! Which Ingresses are taken.

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

    pub(super) fn takes(&self, ingress: &Stored<Ingress>) -> bool {
        let spec = ingress.value.spec.as_ref();
        if let Some(class) = spec.and_then(|spec| spec.ingress_class_name.as_deref()) {
            return self.names.contains(&class);
        }
        let class = ingress.meta.annotations.get(ANNOTATION).map(String::as_str).unwrap_or_default();
        class == self.option || (self.option.is_empty() && class == DEFAULT)
    }
}
