//! IngressRoute → routers and their services.

use std::sync::Arc;

use document::{Problem, Value};
use dynamic::http::{Router, RouterTls};
use dynamic::name::SEPARATOR;

use super::super::reference::Spelling;
use super::super::spec::{self, Reference, Route};
use super::super::{Translation, has_error, publish, read, take, written};
use super::weighted;
use crate::kubernetes::backend::Failure;
use crate::kubernetes::name::{hash, normalize};
use crate::kubernetes::object::{Stored, Unread};

/// The object is taken by an annotation too, though that form is deprecated.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The class of an object that nobody configured.
const DEFAULT_CLASS: &str = "traefik";

/// What all routes of an object share.
struct Shared {
    entry_points: Vec<String>,
    tls: Option<Box<RouterTls>>,
    parents: Vec<String>,
    /// An error here breaks every route; a warning stands with each.
    problems: Vec<Problem>,
}

/// How the service of a route turned out.
enum Outcome {
    Named(String),
    Broken(Problem),
    /// The route is taken out.
    Gone(Problem),
}

/// What is needed of a route that could not be read, so that its requests do not fall through to another.
fn salvage(tree: &Value, rule: &str) -> Option<Route> {
    let priority = tree.get("priority").and_then(Value::as_integer).unwrap_or_default();
    (!rule.is_empty()).then(|| Route { rule: rule.to_owned(), priority, ..Route::default() })
}

pub(in crate::kubernetes::crd) fn router_name(object: &Stored<Unread>, rule: &str) -> String {
    normalize(&format!("{}-{}-{}", object.meta.namespace, object.meta.name, hash(rule)))
}

impl Translation<'_> {
    /// Is the object of our class?
    pub(in crate::kubernetes::crd) fn is_ours(&self, object: &Stored<Unread>, spec: &Value) -> bool {
        let written = spec.get("ingressClassName").and_then(Value::as_str).filter(|class| !class.is_empty());
        let class = written.or_else(|| object.meta.annotations.get(CLASS_ANNOTATION).map(String::as_str));
        let (class, ours) = (class.unwrap_or_default(), self.options.ingress_class.as_str());
        class == ours || (ours.is_empty() && class == DEFAULT_CLASS)
    }

    pub(in crate::kubernetes::crd) fn ingress_route(&mut self, object: &Stored<Unread>) {
        let mut rest = object.spec();
        if !self.is_ours(object, &rest) {
            return;
        }
        let routes = take(&mut rest, "routes").unwrap_or_default();
        let shared = self.shared(object, &rest);
        if routes.items().is_empty() {
            let problem = Problem::warning("no_route", "there is no route in it").with_path("spec.routes");
            self.out.problems.push(object.complain(problem));
        }
        for (index, tree) in routes.items().iter().enumerate() {
            self.route(object, &shared, index, tree);
        }
    }

    fn shared(&mut self, object: &Stored<Unread>, rest: &Value) -> Shared {
        let mut problems = object.problems.clone();
        let spec = if rest.is_null() {
            Some(spec::IngressRoute::default())
        } else {
            read::<spec::IngressRoute>(object, rest, "spec", &mut problems)
        };
        let spec = spec.unwrap_or_default();
        let tls = spec.tls.as_ref().map(|tls| Box::new(self.route_tls(object, tls, &mut problems)));
        let parents = self.parents(object, &spec.parent_refs, &mut problems);
        Shared { entry_points: spec.entry_points, tls, parents, problems }
    }

    /// The TLS half of a router. Its certificate is put into the document on the way; where that is missing,
    /// the router serves with the certificates at hand.
    fn route_tls(
        &mut self,
        object: &Stored<Unread>,
        tls: &spec::RouteTls,
        problems: &mut Vec<Problem>,
    ) -> RouterTls {
        if !tls.secret_name.is_empty()
            && let Err(problem) = self.certificate(&object.meta.namespace, &tls.secret_name)
        {
            self.complain_of_secret(object, problem, "spec.tls.secretName", problems);
        }
        let options = match &tls.options {
            Some(reference) if !reference.name.is_empty() => {
                self.tls_options_name(object, reference).unwrap_or_else(|problem| {
                    problems.push(object.complain(problem.under("spec.tls.options")));
                    String::new()
                })
            }
            Some(_) | None => String::new(),
        };
        RouterTls { options, cert_resolver: tls.cert_resolver.clone(), domains: tls.domains.clone() }
    }

    pub(in crate::kubernetes::crd) fn tls_options_name(
        &self,
        object: &Stored<Unread>,
        reference: &Reference,
    ) -> Result<String, Problem> {
        // Traefik: looks for `<namespace>-default`, which cannot exist, as the options `default` are global.
        if reference.name == tls::config::DEFAULT {
            return Ok(reference.name.clone());
        }
        self.resolve(reference, &object.meta.namespace, "TLSOption", Spelling::Verbatim)
    }

    /// All routers that the parent objects have.
    fn parents(
        &self,
        object: &Stored<Unread>,
        references: &[Reference],
        problems: &mut Vec<Problem>,
    ) -> Vec<String> {
        let mut parents = Vec::new();
        for (index, reference) in references.iter().enumerate() {
            match self.parent(object, reference) {
                Ok(routers) => parents.extend(routers),
                Err(problem) => {
                    problems.push(object.complain(problem.under(&format!("spec.parentRefs[{index}]"))));
                }
            }
        }
        parents
    }

    fn parent(&self, object: &Stored<Unread>, reference: &Reference) -> Result<Vec<String>, Problem> {
        if reference.name.contains(SEPARATOR) {
            self.may_cross_providers(&reference.name, &object.meta.namespace)?;
            return Ok(vec![reference.name.clone()]);
        }
        let holder = &object.meta.namespace;
        let namespace = self.namespace(&reference.namespace, holder, "IngressRoute", &reference.name)?;
        let parent = self.view.traefik("IngressRoute", &namespace, &reference.name).ok_or_else(|| {
            Problem::error(
                "missing_parent",
                format_args!("there is no IngressRoute `{namespace}/{}`", reference.name),
            )
        })?;
        let spec = parent.spec();
        let routes = spec.get("routes").map(Value::items).unwrap_or_default();
        let rules = routes.iter().filter_map(|route| route.get("match").and_then(Value::as_str));
        Ok(rules.map(|rule| router_name(parent, rule)).collect())
    }

    fn route(&mut self, object: &Stored<Unread>, shared: &Shared, index: usize, tree: &Value) {
        let path = format!("spec.routes[{index}]");
        let mut problems = shared.problems.clone();
        let rule = tree.get("match").and_then(Value::as_str).unwrap_or_default();
        let route = read::<Route>(object, tree, &path, &mut problems).or_else(|| salvage(tree, rule));
        let name = router_name(object, rule);
        if self.out.http.routers.contains_key(name.as_str()) {
            let message = "another route of this object has the same `match`, and this one takes its place";
            problems.push(object.complain(Problem::warning("duplicate", message).with_path(path.as_str())));
        }
        // A router without a rule cannot be in any table; with one it answers 503 for what is broken.
        let router = route.and_then(|route| self.router(object, shared, &route, &name, &path, &mut problems));
        // What is in no table must not get there by what its tree says.
        let source = if router.is_some() { written::route(object, index) } else { object.source.clone() };
        let element = dynamic::Element { config: router, problems, source };
        self.out.http.routers.insert(name.into(), Arc::new(element));
    }

    /// `None`: there is nothing to put into a table.
    fn router(
        &mut self,
        object: &Stored<Unread>,
        shared: &Shared,
        route: &Route,
        name: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Router> {
        let complete = |problem: Problem| object.complain(problem.under(path));
        if route.rule.is_empty() {
            problems.push(complete(Problem::field("match", "the route has no rule")));
            return None;
        }
        if !matches!(route.kind.as_str(), "" | "Rule") {
            problems.push(complete(Problem::field(
                "kind",
                format_args!("the kind `{}` is not `Rule`", route.kind),
            )));
            return None;
        }
        let mut own = Vec::new();
        let middlewares =
            self.middleware_names(&route.middlewares, &object.meta.namespace, "middlewares", &mut own);
        problems.extend(own.into_iter().map(complete));
        let is_broken = has_error(problems);
        // What is wrong with the router itself disables it: it stays, whatever its services are.
        let outcome = match self.route_service(object, route, name, path, problems) {
            Outcome::Gone(problem) if is_broken => Outcome::Broken(problem),
            outcome => outcome,
        };
        let service = match outcome {
            Outcome::Named(service) => service,
            Outcome::Broken(problem) => {
                publish::<service::Config>(
                    &mut self.out.http.services,
                    name,
                    None,
                    vec![problem],
                    &object.source,
                );
                name.to_owned()
            }
            Outcome::Gone(problem) => {
                problems.push(problem);
                return None;
            }
        };
        Some(Router {
            entry_points: shared.entry_points.clone(),
            rule: route.rule.clone(),
            rule_syntax: route.syntax.clone(),
            priority: route.priority,
            middlewares,
            service,
            parent_refs: shared.parents.clone(),
            tls: shared.tls.clone(),
            observability: route.observability.clone(),
        })
    }

    /// Publishes what a route leads to.
    fn route_service(
        &mut self,
        object: &Stored<Unread>,
        route: &Route,
        name: &str,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Outcome {
        let outcome = match route.services.as_slice() {
            [] => return Outcome::Named(String::new()),
            [only] if only.kind == "TraefikService" => {
                self.publish_child(object, only, &format!("{path}.services[0]"), true, problems)
            }
            [only] => self.only_service(object, only, name, &format!("{path}.services[0]")),
            several => {
                self.children(object, several, &format!("{path}.services"), true, problems).map(|children| {
                    let config = Some(weighted(children, None));
                    publish(&mut self.out.http.services, name, config, Vec::new(), &object.source);
                    name.to_owned()
                })
            }
        };
        match outcome {
            Ok(name) => Outcome::Named(name),
            Err(Failure::Broken(problem)) => Outcome::Broken(problem),
            Err(Failure::Empty(problem)) => Outcome::Gone(problem),
        }
    }

    /// The only Service of a route goes by the name of the router.
    fn only_service(
        &mut self,
        object: &Stored<Unread>,
        wanted: &spec::Service,
        name: &str,
        path: &str,
    ) -> Result<String, Failure> {
        let complete = |problem: Problem| object.complain(problem.under(path));
        let child =
            self.child(wanted, &object.meta.namespace, true).map_err(|failure| failure.map(complete))?;
        let warnings = child.warnings.into_iter().map(complete).collect();
        publish(&mut self.out.http.services, name, child.config, warnings, &written::service(object, path));
        Ok(name.to_owned())
    }
}
