//! All objects as one thing to look at, which changes object by object.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use document::Problem;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use super::core::{EndpointSlice, Service};
use super::object::{Key, Meta, Stored, Unread};

/// The objects of one kind.
pub type Kind<T> = BTreeMap<Key, Arc<Stored<T>>>;

/// Everything the translators look at.
#[derive(Clone, Debug, Default)]
pub struct View {
    services: Kind<Service>,
    secrets: Kind<Secret>,
    config_maps: Kind<ConfigMap>,
    pub ingresses: Kind<Ingress>,
    pub ingress_classes: Kind<IngressClass>,
    endpoint_slices: Kind<EndpointSlice>,
    /// Those of `traefik.io`, by their kind.
    traefik: BTreeMap<&'static str, Kind<Unread>>,
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
    /// One of `traefik.io`, of the kind its metadata say.
    Traefik(Arc<Stored<Unread>>),
}

/// A name for what can be looked at: one object, or the slices of one Service. Two of one name are very rare, and cost
/// a translation too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sight(u64);

/// What is different in a view.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// The objects that went and those that came.
    pub objects: Vec<Any>,
    pub sights: HashSet<Sight>,
}

/// The view as one translation looks at it: what was looked at is remembered, whether it was there or not.
#[derive(Debug)]
pub struct Look<'a> {
    view: &'a View,
    seen: RefCell<Vec<Sight>>,
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
                if let Some(service) = service_of(&object) {
                    let slices = self.slices_by_service.entry(service).or_default();
                    let at = slices.partition_point(|slice| slice.age() <= object.age());
                    slices.insert(at, object);
                }
                Ok(())
            }
            Any::Traefik(object) => add(self.traefik.entry(object.meta.kind).or_default(), object),
        }
    }

    /// Takes an object out that was added.
    pub fn remove(&mut self, object: &Any) {
        match object {
            Any::Service(object) => drop(self.services.remove(&object.key())),
            Any::Secret(object) => drop(self.secrets.remove(&object.key())),
            Any::ConfigMap(object) => drop(self.config_maps.remove(&object.key())),
            Any::Ingress(object) => drop(self.ingresses.remove(&object.key())),
            Any::IngressClass(object) => drop(self.ingress_classes.remove(&object.key())),
            Any::EndpointSlice(object) => {
                self.endpoint_slices.remove(&object.key());
                if let Some(service) = service_of(object)
                    && let Some(slices) = self.slices_by_service.get_mut(&service)
                {
                    slices.retain(|slice| !Arc::ptr_eq(slice, object));
                    if slices.is_empty() {
                        self.slices_by_service.remove(&service);
                    }
                }
            }
            Any::Traefik(object) => {
                if let Some(objects) = self.traefik.get_mut(object.meta.kind) {
                    objects.remove(&object.key());
                }
            }
        }
    }

    /// All objects of one kind of `traefik.io`.
    #[must_use]
    pub fn traefik(&self, kind: &str) -> &Kind<Unread> {
        static NONE: Kind<Unread> = BTreeMap::new();
        self.traefik.get(kind).unwrap_or(&NONE)
    }
}

// === impl Look ===

impl<'a> Look<'a> {
    #[must_use]
    pub fn new(view: &'a View) -> Self {
        Self { view, seen: RefCell::default() }
    }

    /// What was looked at.
    #[must_use]
    pub fn into_seen(self) -> Vec<Sight> {
        self.seen.into_inner()
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<&'a Arc<Stored<Service>>> {
        self.see("Service", namespace, name);
        self.view.services.get(&key(namespace, name))
    }

    /// The slices of a Service, oldest first.
    pub fn slices(&self, namespace: &str, service: &str) -> &'a [Arc<Stored<EndpointSlice>>] {
        self.see(SLICES, namespace, service);
        self.view.slices_by_service.get(&key(namespace, service)).map_or(&[], Vec::as_slice)
    }

    pub fn secret(&self, namespace: &str, name: &str) -> Option<&'a Arc<Stored<Secret>>> {
        self.see("Secret", namespace, name);
        self.view.secrets.get(&key(namespace, name))
    }

    pub fn config_map(&self, namespace: &str, name: &str) -> Option<&'a Arc<Stored<ConfigMap>>> {
        self.see("ConfigMap", namespace, name);
        self.view.config_maps.get(&key(namespace, name))
    }

    /// An object of `traefik.io`.
    pub fn traefik(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Arc<Stored<Unread>>> {
        self.see(kind, namespace, name);
        self.view.traefik(kind).get(&key(namespace, name))
    }

    /// All objects of one kind of `traefik.io`; whoever asks looks again when any of them changes.
    pub(crate) fn all(&self, kind: &str) -> &'a Kind<Unread> {
        self.see(kind, "", "");
        self.view.traefik(kind)
    }

    fn see(&self, kind: &str, namespace: &str, name: &str) {
        let sight = Sight::of(kind, namespace, name);
        let mut seen = self.seen.borrow_mut();
        if !seen.contains(&sight) {
            seen.push(sight);
        }
    }
}

// === impl Sight ===

/// The slices of a Service go by this kind, and by the Service's name.
const SLICES: &str = "EndpointSlices";

impl Sight {
    fn of(kind: &str, namespace: &str, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, namespace, name).hash(&mut hasher);
        Self(hasher.finish())
    }
}

// === impl Changed ===

impl Changed {
    /// Notes an object that went or came.
    pub fn note(&mut self, object: &Any) {
        let meta = object.meta();
        self.sights.insert(Sight::of(meta.kind, &meta.namespace, &meta.name));
        match object {
            Any::EndpointSlice(object) => {
                let service = service_of(object);
                self.sights.extend(service.map(|(namespace, name)| Sight::of(SLICES, &namespace, &name)));
            }
            Any::Traefik(_) => {
                self.sights.insert(Sight::of(meta.kind, "", ""));
            }
            Any::Service(_) | Any::Secret(_) | Any::ConfigMap(_) | Any::Ingress(_) | Any::IngressClass(_) => {
            }
        }
        self.objects.push(object.clone());
    }
}

// === impl Any ===

impl Any {
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Service(object) => &object.meta,
            Self::Secret(object) => &object.meta,
            Self::ConfigMap(object) => &object.meta,
            Self::Ingress(object) => &object.meta,
            Self::IngressClass(object) => &object.meta,
            Self::EndpointSlice(object) => &object.meta,
            Self::Traefik(object) => &object.meta,
        }
    }
}

/// The key of an object by text.
#[must_use]
pub fn key(namespace: &str, name: &str) -> Key {
    (namespace.into(), name.into())
}

fn service_of(slice: &Stored<EndpointSlice>) -> Option<Key> {
    Some((Arc::clone(&slice.meta.namespace), Arc::clone(slice.value.service.as_ref()?)))
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
