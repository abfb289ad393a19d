//! What a router that could not be read says of where it stands: enough to answer 503 there, so that its requests
//! do not fall through to another router.

use document::Value;
use dynamic::Source;
use dynamic::http::{Router, RouterTls};

use crate::context::Context;

/// Rule, entry points, priority and TLS, as far as they can be read. `None`: not even a rule.
pub(super) fn router(source: &Source, cx: &Context) -> Option<Router> {
    let tree = source.tree()?;
    let get = |key: &str| tree.member_ignoring_case(key).map(|member| &member.value);
    let rule = get("rule")?.as_str()?.to_owned();
    let mut entry_points = get("entryPoints").map(names).unwrap_or_default();
    let parent_refs = get("parentRefs").map(names).unwrap_or_default();
    if entry_points.is_empty() && parent_refs.is_empty() {
        let defaults = cx.entry_points.iter().filter(|ep| ep.is_default && !ep.is_udp);
        entry_points = defaults.map(|ep| ep.name.to_string()).collect();
    }
    Some(Router {
        rule,
        entry_points,
        parent_refs,
        priority: get("priority").and_then(Value::as_integer).unwrap_or(0),
        tls: get("tls").map(|_| Box::new(RouterTls::default())),
        ..Router::default()
    })
}

fn names(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }
        None => value.items().iter().filter_map(Value::scalar_text).collect(),
    }
}
