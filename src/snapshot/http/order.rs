//! Which of two routers is asked first.

use std::cmp::Reverse;
use std::sync::Arc;

use dynamic::Element;
use dynamic::http::Router;
use router::{HostPattern, HttpMatcher, Rule};

use super::core::Core;
use crate::context::Context;
use crate::resolve::provider_of;

/// Sorts routers: the higher priority, then the provider's precedence; for Ingress an exact host before a wildcard
/// and an exact path before a prefix; then the older object; then the name.
// Traefik: leaves a tie within one provider to chance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    priority: Reverse<i64>,
    precedence: usize,
    shape: (bool, bool),
    /// An object without a time goes last.
    created: (bool, Option<Arc<str>>),
    name: Arc<str>,
}

impl Key {
    pub(crate) fn new(name: &Arc<str>, core: &Core, element: &Element<Router>, cx: &Context) -> Self {
        let object = element.source.object.as_ref();
        let created = object.and_then(|object| object.created.clone());
        let is_ingress = object.is_some_and(|object| object.kind == "Ingress");
        let shape = core.rule.as_deref().filter(|_| is_ingress).map(shape).unwrap_or_default();
        Self {
            priority: Reverse(core.priority),
            precedence: cx.precedence_of(provider_of(name)),
            shape,
            created: (created.is_none(), created),
            name: Arc::clone(name),
        }
    }
}

/// Does the rule name a wildcard, does it name no exact path?
fn shape(rule: &Rule<HttpMatcher>) -> (bool, bool) {
    let (mut is_wildcard, mut is_exact) = (false, false);
    rule.each(&mut |matcher| match matcher {
        HttpMatcher::Host(HostPattern::Wildcard(_) | HostPattern::Any) | HttpMatcher::HostRegexp(_) => {
            is_wildcard = true
        }
        HttpMatcher::Path(_) => is_exact = true,
        HttpMatcher::PathPrefix(_) | HttpMatcher::PathRegexp(_) => is_exact = false,
        _ => {}
    });
    (is_wildcard, !is_exact)
}
