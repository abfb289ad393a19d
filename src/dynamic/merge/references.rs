//! Completes the references that configurations hold with the provider of the holder.

use crate::http::Router;
use crate::layer4::{tcp, udp};
use crate::name::{qualify, qualify_tls};

pub(super) fn router(router: &mut Router, provider: &str) {
    qualify(&mut router.service, provider);
    all(&mut router.middlewares, provider);
    all(&mut router.parent_refs, provider);
    if let Some(tls) = &mut router.tls {
        qualify_tls(&mut tls.options, provider);
    }
}

pub(super) fn service(config: &mut service::Config, provider: &str) {
    all(&mut config.middlewares, provider);
    if let Some(balancer) = &mut config.load_balancer {
        qualify(&mut balancer.servers_transport, provider);
    }
    if let Some(weighted) = &mut config.weighted {
        weighted.services.iter_mut().for_each(|child| qualify(&mut child.name, provider));
    }
    let groups = [&mut config.highest_random_weight, &mut config.mirroring, &mut config.failover];
    groups.into_iter().flatten().for_each(|group| untyped(group, provider));
}

/// A group that is only carried so far: every reference of it stands at one of these keys.
fn untyped(group: &mut serde_json::Value, provider: &str) {
    let Some(members) = group.as_object_mut() else {
        return;
    };
    for (key, value) in members {
        match value {
            serde_json::Value::String(reference)
                if ["service", "fallback", "name"].contains(&key.as_str()) =>
            {
                qualify(reference, provider);
            }
            serde_json::Value::Array(items) if ["services", "mirrors"].contains(&key.as_str()) => {
                items.iter_mut().for_each(|item| untyped(item, provider));
            }
            _ => {}
        }
    }
}

pub(super) fn middleware(config: &mut middleware::Config, provider: &str) {
    if let middleware::Config::Chain(chain) = config {
        all(&mut chain.middlewares, provider);
    }
}

pub(super) fn tcp_router(router: &mut tcp::Router, provider: &str) {
    qualify(&mut router.service, provider);
    all(&mut router.middlewares, provider);
    if let Some(tls) = &mut router.tls {
        qualify_tls(&mut tls.options, provider);
    }
}

pub(super) fn tcp_service(config: &mut tcp::Service, provider: &str) {
    if let Some(balancer) = &mut config.load_balancer {
        qualify(&mut balancer.servers_transport, provider);
    }
    if let Some(weighted) = &mut config.weighted {
        children(&mut weighted.services, provider);
    }
}

pub(super) fn udp_service(config: &mut udp::Service, provider: &str) {
    if let Some(weighted) = &mut config.weighted {
        children(&mut weighted.services, provider);
    }
}

fn children(children: &mut [tcp::Child], provider: &str) {
    children.iter_mut().for_each(|child| qualify(&mut child.name, provider));
}

fn all(references: &mut [String], provider: &str) {
    references.iter_mut().for_each(|reference| qualify(reference, provider));
}
