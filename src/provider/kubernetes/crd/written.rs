//! Where the parts of what is generated were written: a mistake that is found in a router is shown in the route it
//! comes from.
//!
//! A source's tree has the shape of the configuration, with the places of the object.

use std::sync::Arc;

use document::{Kind, Member, Value};
use dynamic::Source;

use crate::kubernetes::object::Stored;

/// Of what is the `spec` itself.
pub(super) fn spec(object: &Stored<Value>) -> Source {
    shaped(&object.source, object.value.clone())
}

/// Of the router that is made of a route in `spec.routes`.
pub(super) fn route(object: &Stored<Value>, index: usize) -> Source {
    let routes = object.value.get("routes").map(Value::items).unwrap_or_default();
    let Some(route) = routes.get(index) else { return object.source.clone() };
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
    put("entryPoints", member(&object.value, "entryPoints"));
    put("parentRefs", member(&object.value, "parentRefs"));
    put("tls", member(&object.value, "tls").map(options_by_name));
    shaped(&object.source, Value::new(Kind::Mapping(members), route.place))
}

/// Of the load balancer that is made of a Service object at this path.
pub(super) fn service<O>(object: &Stored<O>, path: &str) -> Source {
    let Some(service) = object.tree().and_then(|tree| at(tree, path)) else { return object.source.clone() };
    let place = service.place;
    let balancer = Member { key: "loadBalancer".to_owned(), ..of_item(service.clone()) };
    shaped(&object.source, Value::new(Kind::Mapping(vec![balancer]), place))
}

fn shaped(source: &Source, tree: Value) -> Source {
    // What came without a text has no places.
    let tree = source.tree.as_ref().map(|_| Arc::new(tree));
    Source { tree, ..source.clone() }
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

    fn object() -> Stored<Value> {
        let (tree, _) = document::parse(TEXT, Format::Yaml).unwrap();
        let spec = tree.get("spec").cloned().unwrap();
        let source = Source { tree: Some(Arc::new(tree)), ..Source::default() };
        Stored::new("IngressRoute", Meta::default(), spec, source)
    }

    fn check(source: &Source, path: &str, expected: (u32, u32)) {
        let place = locate(source.tree.as_deref().unwrap(), path).unwrap();
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
        assert_eq!(service(&object(), "spec.routes[7].services[0]").tree, object().source.tree);
    }
}
