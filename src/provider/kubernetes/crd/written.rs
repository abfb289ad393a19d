//! Where the parts of what is generated were written: a mistake that is found in a router is shown in the route it
//! comes from.
//!
//! A source's tree has the shape of the configuration, with the places of the object.

use std::sync::Arc;

use document::tree::Shape;
use document::{Kind, Member, Tree, Value};
use dynamic::Source;

use crate::kubernetes::object::{Stored, Unread};

/// Of what is the `spec` itself.
pub(super) fn spec(object: &Stored<Unread>) -> Source {
    shaped(&object.source, "spec", |tree, path| at(tree, path).cloned().unwrap_or_default())
}

/// Of the router that is made of a route in `spec.routes`.
pub(super) fn route(object: &Stored<Unread>, index: usize) -> Source {
    shaped(&object.source, &format!("spec.routes[{index}]"), route_of)
}

/// Of the load balancer that is made of a Service object at this path.
pub(super) fn service(object: &Stored<Unread>, path: &str) -> Source {
    shaped(&object.source, path, service_of)
}

fn shaped(source: &Source, path: &str, shape: Shape) -> Source {
    let tree = source.tree.as_ref().map(|tree| Arc::new(Tree::part(tree, path, shape)));
    Source { tree, ..source.clone() }
}

fn route_of(tree: &Value, path: &str) -> Value {
    let (Some(spec), Some(route)) = (tree.get("spec"), at(tree, path)) else { return tree.clone() };
    let mut members = Vec::new();
    let mut put = |name: &str, member: Option<Member>| {
        members.extend(member.map(|member| Member { key: name.to_owned(), ..member }));
    };
    put("rule", member(route, "match"));
    put("ruleSyntax", member(route, "syntax"));
    put("priority", member(route, "priority"));
    put("middlewares", member(route, "middlewares"));
    let services = member(route, "services");
    put("service", services.and_then(|services| Some(of_item(services.value.items().first()?.clone()))));
    put("entryPoints", member(spec, "entryPoints"));
    put("parentRefs", member(spec, "parentRefs"));
    put("tls", member(spec, "tls").map(options_by_name));
    Value::new(Kind::Mapping(members), route.place)
}

fn service_of(tree: &Value, path: &str) -> Value {
    let Some(service) = at(tree, path) else { return tree.clone() };
    let place = service.place;
    let balancer = Member { key: "loadBalancer".to_owned(), ..of_item(service.clone()) };
    Value::new(Kind::Mapping(vec![balancer]), place)
}

fn member(value: &Value, key: &str) -> Option<Member> {
    value.members().iter().find(|member| member.key == key).cloned()
}

/// An item of a list as the value of a key that stands where it does.
fn of_item(item: Value) -> Member {
    Member { key: String::new(), key_place: item.place, value: item }
}

/// `options: {name: x}` as `options: x`.
fn options_by_name(mut tls: Member) -> Member {
    if let Kind::Mapping(members) = &mut tls.value.kind {
        for options in members.iter_mut().filter(|member| member.key == "options") {
            if let Some(name) = options.value.get("name").cloned() {
                options.value = name;
            }
        }
    }
    tls
}

/// The value at a path like `spec.routes[0].services[1]`.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, segment| {
        let (key, indices) = segment.split_once('[').map_or((segment, ""), |(key, rest)| (key, rest));
        let found = if key.is_empty() { value } else { value.get(key)? };
        indices.split('[').filter(|index| !index.is_empty()).try_fold(found, |value, index| {
            value.items().get(index.strip_suffix(']')?.parse::<usize>().ok()?)
        })
    })
}

#[cfg(test)]
mod tests {
    use document::{Format, locate};

    use super::*;
    use crate::kubernetes::object::Meta;

    const TEXT: &str = "\
spec:
  entryPoints: [web]
  routes:
    - match: Host(`a`)
    - match: Host(`b`)
      middlewares: [{name: m}, {name: n}]
      services: [{name: s, serversTransport: t}]
  tls: {options: {name: o}}
";

    fn object() -> Stored<Unread> {
        let (tree, _) = document::parse(TEXT, Format::Yaml).unwrap();
        let source = Source { tree: Some(Arc::new(tree.into())), ..Source::default() };
        Stored::new(Meta::new("IngressRoute", "default", "a"), Unread, source)
    }

    fn check(source: &Source, path: &str, expected: (u32, u32)) {
        let place = locate(source.tree().unwrap(), path).unwrap();
        assert_eq!((place.line, place.column), expected, "{path}");
    }

    #[test]
    fn a_router_points_into_its_route() {
        let source = route(&object(), 1);
        check(&source, "", (5, 7));
        check(&source, "rule", (5, 14));
        check(&source, "middlewares[1]", (6, 32));
        check(&source, "service", (7, 18));
        check(&source, "tls.options", (8, 25));
        check(&source, "entryPoints[0]", (2, 17));
    }

    #[test]
    fn a_service_points_into_its_reference() {
        let source = service(&object(), "spec.routes[1].services[0]");
        check(&source, "loadBalancer.serversTransport", (7, 46));
        check(&source, "loadBalancer.servers[0].url", (7, 18));
        assert_eq!(service(&object(), "spec.routes[7].services[0]").tree(), object().source.tree());
    }
}
