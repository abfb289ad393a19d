//! Ingress and its annotations → configuration. Traefik, "Kubernetes Ingress".
//!
//! - `annotations` what is written under `traefik.ingress.kubernetes.io/` · `rule` host and path → a rule
//! - `backend` the service of a path · `class` which objects are taken

mod annotations;
mod backend;
mod class;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use document::Problem;
use dynamic::http::Router;
use dynamic::{Configuration, Element};
use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend, IngressSpec};

use self::annotations::RouterSettings;
use super::backend::{Failure, secret};
use super::fragment::{self, Fragment, Fragments, Part, parts};
use super::name::{hash, normalize};
use super::object::{Age, Key, Stored};
use super::view::{Any, Changed, Look, View, key};
use crate::config::KubernetesIngress;

/// What follows `@` in names.
pub const NAME: &str = "kubernetes";

/// Below every router that anybody would write.
const LOWEST_PRIORITY: i64 = i32::MIN as i64;

/// Translates again and again: what changed, and what looked at that.
#[derive(Debug)]
pub struct Translator {
    options: KubernetesIngress,
    /// In the order in which Traefik takes them: the older object first.
    fragments: Fragments<Age>,
}

// === impl Translator ===

impl Translator {
    #[must_use]
    pub fn new(options: &KubernetesIngress) -> Self {
        Self { options: options.clone(), fragments: Fragments::new() }
    }

    /// The document of a view after a change. Elements that are like those of the last one are the same pointers.
    /// `problems` are put before those that are found.
    pub fn update(&mut self, view: &View, changed: &Changed, problems: Vec<Problem>) -> Arc<Configuration> {
        let mut places: BTreeSet<Age> = changed.objects.iter().filter_map(place).collect();
        if changed.objects.iter().any(|object| matches!(object, Any::IngressClass(_))) {
            places.extend(view.ingresses.values().map(|ingress| ingress.age()));
        }
        let options = &self.options;
        let classes = class::Classes::of(view, options);
        let make = |age: &Age| {
            let object = view.ingresses.get(&age.2).filter(|object| object.age() == *age)?;
            if classes.takes(object) {
                return Some(fragment(view, options, object));
            }
            let problem = classes.missing(object, view)?;
            Some(Fragment::new(Vec::new(), vec![Part::Problem(Box::new(problem))]))
        };
        self.fragments.update(view, changed, places, problems, make)
    }
}

fn place(object: &Any) -> Option<Age> {
    match object {
        Any::Ingress(object) => Some(object.age()),
        Any::Service(_)
        | Any::Secret(_)
        | Any::ConfigMap(_)
        | Any::IngressClass(_)
        | Any::EndpointSlice(_)
        | Any::Traefik(_) => None,
    }
}

fn fragment(view: &View, options: &KubernetesIngress, object: &Arc<Stored<Ingress>>) -> Fragment {
    let mut translation = Translation {
        view: Look::new(view),
        options,
        out: Configuration::default(),
        others: Vec::new(),
        certificates: Vec::new(),
    };
    translation.ingress(object);
    let mut parts = parts(translation.out, translation.certificates);
    parts.append(&mut translation.others);
    Fragment::new(translation.view.into_seen(), parts)
}

/// The translation of one object.
struct Translation<'a> {
    view: Look<'a>,
    options: &'a KubernetesIngress,
    out: Configuration,
    /// What is put beside what other objects become.
    others: Vec<Part>,
    /// Secrets whose certificates belong into the document.
    certificates: Vec<Key>,
}

/// One path on its way to a router.
struct Made {
    name: String,
    router: Option<Router>,
    rule: String,
    problems: Vec<Problem>,
}

// === impl Translation ===

impl Translation<'_> {
    fn ingress(&mut self, object: &Arc<Stored<Ingress>>) {
        let mut problems = object.problems.clone();
        let settings = annotations::router(&object.meta.annotations)
            .map(|(settings, warnings)| {
                problems.extend(warnings.into_iter().map(|problem| object.complain(problem)));
                settings
            })
            .unwrap_or_else(|problem| {
                problems.push(object.complain(problem));
                RouterSettings::default()
            });
        if let Err(problem) = self.may_cross_providers(object, &settings) {
            problems.push(object.complain(problem));
        }
        let spec = object.value.spec.clone().unwrap_or_default();
        self.certificates(object, &spec, &mut problems);
        let rules = spec.rules.as_deref().unwrap_or_default();
        if rules.is_empty() {
            self.default_backend(object, &spec, &settings, problems);
            return;
        }
        let mut made = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let host = rule.host.as_deref().unwrap_or_default();
            let paths = rule.http.as_ref().map(|http| http.paths.as_slice()).unwrap_or_default();
            for (number, path) in paths.iter().enumerate() {
                let place = format!("spec.rules[{index}].http.paths[{number}]");
                made.push(self.path(object, host, path, &place, &settings, &problems));
            }
        }
        self.publish(object, made);
    }

    /// Routers whose names collide get the hash of their rule, all of them.
    fn publish(&mut self, object: &Stored<Ingress>, made: Vec<Made>) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for one in &made {
            *seen.entry(one.name.clone()).or_default() += 1;
        }
        for one in made {
            let name = if seen.get(&one.name).is_some_and(|count| *count > 1) {
                format!("{}-{}", one.name, hash(&one.rule))
            } else {
                one.name
            };
            let element =
                Element { config: one.router, problems: one.problems, source: object.source.clone() };
            self.out.http.routers.insert(name.into(), Arc::new(element));
        }
    }

    fn path(
        &mut self,
        object: &Arc<Stored<Ingress>>,
        host: &str,
        path: &HTTPIngressPath,
        place: &str,
        settings: &RouterSettings,
        shared: &[Problem],
    ) -> Made {
        let namespace = &object.meta.namespace;
        let written = path.path.as_deref().unwrap_or_default();
        let name = normalize(&format!("{namespace}-{}-{host}{written}", object.meta.name));
        let mut made = Made { name, router: None, rule: String::new(), problems: shared.to_vec() };
        let matcher = settings.path_matcher.as_deref();
        match rule::of(host, written, &path.path_type, matcher, self.options.strict_prefix_matching) {
            Ok(rule) => made.rule = rule,
            Err(problem) => {
                made.problems.push(object.complain(problem.under(place)));
                return made;
            }
        }
        // What is wrong with the router itself disables it: its service need not be looked at.
        let service = if made.problems.iter().any(Problem::is_error) {
            made.name.clone()
        } else {
            match self.service(object, &path.backend, &format!("{place}.backend"), &made.name) {
                Ok(service) => service,
                Err(problem) => {
                    made.problems.push(problem);
                    return made;
                }
            }
        };
        made.router = Some(Router { rule: made.rule.clone(), service, ..settings.router() });
        made
    }

    /// The name of the service of a backend, which is published; an error takes the route out.
    fn service(
        &mut self,
        object: &Arc<Stored<Ingress>>,
        backend: &IngressBackend,
        place: &str,
        fallback: &str,
    ) -> Result<String, Problem> {
        let complete = |problem: Problem| object.complain(problem.under(place));
        let Some((name, found)) = self.backend(&object.meta.namespace, backend) else {
            let problem = match backend.resource {
                Some(_) => Problem::error("unsupported", "`resource` backends are not supported")
                    .with_path("resource"),
                None => Problem::error("missing_service", "the backend names no Service"),
            };
            return Ok(self.broken_service(object, fallback, complete(problem)));
        };
        let element = match found {
            Ok((config, warnings)) => {
                let warnings = warnings.into_iter().map(complete).collect();
                Element { config: Some(config), problems: warnings, source: object.source.clone() }
            }
            Err(Failure::Broken(problem)) => Element::broken(vec![complete(problem)], object.source.clone()),
            Err(Failure::Empty(problem)) => return Err(complete(problem)),
        };
        // Several Ingresses may lead to one Service: the first one's source stands.
        self.others.push(Part::FirstService(name.as_str().into(), Arc::new(element)));
        Ok(name)
    }

    /// A service that answers 503 for what is wrong.
    fn broken_service(&mut self, object: &Stored<Ingress>, name: &str, problem: Problem) -> String {
        let element = Element::broken(vec![problem], object.source.clone());
        self.out.http.services.insert(name.into(), Arc::new(element));
        name.to_owned()
    }

    /// Takes what no router takes. There is one for all; the oldest object has it.
    fn default_backend(
        &mut self,
        object: &Arc<Stored<Ingress>>,
        spec: &IngressSpec,
        settings: &RouterSettings,
        problems: Vec<Problem>,
    ) {
        let Some(backend) = &spec.default_backend else {
            self.out.problems.extend(problems);
            return;
        };
        let complain = |problem: Problem| object.complain(problem.with_path("spec.defaultBackend"));
        let service = match self.backend(&object.meta.namespace, backend) {
            Some((_, Ok((config, warnings)))) => {
                let warnings = warnings.into_iter().map(complain).collect();
                Element { config: Some(config), problems: warnings, source: object.source.clone() }
            }
            Some((_, Err(Failure::Broken(problem)))) => {
                Element::broken(vec![complain(problem)], object.source.clone())
            }
            Some((_, Err(Failure::Empty(problem)))) => {
                self.out.problems.push(complain(problem));
                return;
            }
            None => {
                let problem = Problem::error("missing_service", "the backend names no Service");
                Element::broken(vec![complain(problem)], object.source.clone())
            }
        };
        let router = Router {
            rule: "PathPrefix(`/`)".to_owned(),
            priority: LOWEST_PRIORITY,
            service: "default-backend".to_owned(),
            ..settings.router()
        };
        let message = "another Ingress has the default backend already, and that one is kept";
        self.others.push(Part::Default(Box::new(fragment::Default {
            router: Arc::new(Element { config: Some(router), problems, source: object.source.clone() }),
            service: Arc::new(service),
            conflict: complain(Problem::error("duplicate", message)),
        })));
    }

    /// The certificates of the object serve all names they hold; which hosts are listed beside them does not count.
    fn certificates(&mut self, object: &Stored<Ingress>, spec: &IngressSpec, problems: &mut Vec<Problem>) {
        for (index, tls) in spec.tls.iter().flatten().enumerate() {
            let Some(name) = tls.secret_name.as_deref().filter(|name| !name.is_empty()) else {
                continue;
            };
            let namespace = &object.meta.namespace;
            match secret::certificate(&self.view, namespace, name) {
                Ok(_) => self.certificates.push(key(namespace, name)),
                Err(problem) => {
                    let path = format!("spec.tls[{index}].secretName");
                    secret::complain(object, problem.with_path(path), &mut self.out.problems, problems);
                }
            }
        }
    }

    /// References to other providers stand in annotations, and may be allowed to some namespaces only.
    fn may_cross_providers(
        &self,
        object: &Stored<Ingress>,
        settings: &RouterSettings,
    ) -> Result<(), Problem> {
        let refers = !settings.middlewares.is_empty()
            || settings.tls.as_ref().is_some_and(|tls| !tls.options.is_empty());
        let namespace = &object.meta.namespace;
        match &self.options.cross_provider_namespaces {
            Some(allowed) if refers && !allowed.iter().any(|name| **name == **namespace) => {
                let message =
                    format!("objects of the namespace `{namespace}` may not refer to another provider");
                Err(Problem::error("cross_provider", message)
                    .with_path("metadata.annotations")
                    .hint("add the namespace to `crossProviderNamespaces`"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
