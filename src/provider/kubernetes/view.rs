//! All objects as one thing to look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use document::{Problem, Value};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use super::object::{Key, Stored};

/// The label by which a slice says whose endpoints it holds.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The objects of one kind. Those of `traefik.io` are trees: what a reader of one part cannot read does not
/// take the other parts along.
pub type Kind<T> = BTreeMap<Key, Arc<Stored<T>>>;

/// Everything the translators look at.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub services: Kind<Service>,
    pub secrets: Kind<Secret>,
    pub config_maps: Kind<ConfigMap>,
    pub ingresses: Kind<Ingress>,
    pub ingress_classes: Kind<IngressClass>,
    pub endpoint_slices: Kind<EndpointSlice>,
    pub ingress_routes: Kind<Value>,
    pub ingress_routes_tcp: Kind<Value>,
    pub ingress_routes_udp: Kind<Value>,
    pub middlewares: Kind<Value>,
    pub middlewares_tcp: Kind<Value>,
    pub traefik_services: Kind<Value>,
    pub servers_transports: Kind<Value>,
    pub servers_transports_tcp: Kind<Value>,
    pub tls_options: Kind<Value>,
    pub tls_stores: Kind<Value>,
    /// Slices by the Service they belong to, in the order they count.
    slices_by_service: BTreeMap<Key, Vec<Arc<Stored<EndpointSlice>>>>,
}

/// An object of any kind that is looked at.
#[derive(Clone, Debug)]
pub enum Any {
    Service(Arc<Stored<Service>>),
    Secret(Arc<Stored<Secret>>),
    ConfigMap(Arc<Stored<ConfigMap>>),
    Ingress(Arc<Stored<Ingress>>),
    IngressClass(Arc<Stored<IngressClass>>),
    EndpointSlice(Arc<Stored<EndpointSlice>>),
    /// One of `traefik.io`, with its kind.
    Traefik(&'static str, Arc<Stored<Value>>),
}

// === impl View ===

impl View {
    /// Adds an object.
    ///
    /// # Errors
    /// When there is one of this kind and name already; that one stays.
    pub fn insert(&mut self, object: Any) -> Result<(), Problem> {
        match object {
            Any::Service(object) => add(&mut self.services, object),
            Any::Secret(object) => add(&mut self.secrets, object),
            Any::ConfigMap(object) => add(&mut self.config_maps, object),
            Any::Ingress(object) => add(&mut self.ingresses, object),
            Any::IngressClass(object) => add(&mut self.ingress_classes, object),
            Any::EndpointSlice(object) => {
                add(&mut self.endpoint_slices, Arc::clone(&object))?;
                if let Some(service) = object.meta.labels.get(SERVICE_NAME) {
                    let key = (Arc::clone(&object.meta.namespace), service.as_str().into());
                    let slices = self.slices_by_service.entry(key).or_default();
                    let at = slices.partition_point(|slice| slice.age() <= object.age());
                    slices.insert(at, object);
                }
                Ok(())
            }
            Any::Traefik(kind, object) => match self.traefik(kind) {
                Some(objects) => add(objects, object),
                None => Ok(()),
            },
        }
    }

    /// The slices of a Service, oldest first.
    #[must_use]
    pub fn slices(&self, service: &Key) -> &[Arc<Stored<EndpointSlice>>] {
        self.slices_by_service.get(service).map_or(&[], Vec::as_slice)
    }

    fn traefik(&mut self, kind: &str) -> Option<&mut Kind<Value>> {
        Some(match kind {
            "IngressRoute" => &mut self.ingress_routes,
            "IngressRouteTCP" => &mut self.ingress_routes_tcp,
            "IngressRouteUDP" => &mut self.ingress_routes_udp,
            "Middleware" => &mut self.middlewares,
            "MiddlewareTCP" => &mut self.middlewares_tcp,
            "TraefikService" => &mut self.traefik_services,
            "ServersTransport" => &mut self.servers_transports,
            "ServersTransportTCP" => &mut self.servers_transports_tcp,
            "TLSOption" => &mut self.tls_options,
            "TLSStore" => &mut self.tls_stores,
            _ => return None,
        })
    }
}

/// The key of an object by text.
#[must_use]
pub fn key(namespace: &str, name: &str) -> Key {
    (namespace.into(), name.into())
}

fn add<T>(objects: &mut Kind<T>, object: Arc<Stored<T>>) -> Result<(), Problem> {
    if let Some(first) = objects.get(&object.key()) {
        let file =
            first.source.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
        return Err(object.complain(Problem::error(
            "duplicate",
            format_args!("the object is defined{file} already, and that one is kept"),
        )));
    }
    objects.insert(object.key(), object);
    Ok(())
}
