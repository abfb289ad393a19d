//! Kubernetes manifests from a folder: Ingress and IngressRoute as in a cluster, without one.

mod ingress;
mod ingress_route;

use crate::harness::{Backend, Gateway, backend, gateway};

/// A Service of namespace `shop` with this backend as its only endpoint.
fn service(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: shop }}
spec: {{ ports: [{{ name: http, port: 80 }}] }}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: {name}-1, namespace: shop, labels: {{ kubernetes.io/service-name: {name} }} }}
addressType: IPv4
ports: [{{ name: http, port: <{name}> }}]
endpoints: [{{ addresses: [127.0.0.1], conditions: {{ ready: true }} }}]
---
"
    )
}

/// A gateway with these objects and the Services `web` and `canary`.
async fn with(objects: &str) -> (Backend, Backend, Gateway) {
    let (web, canary) = (backend("web").await, backend("canary").await);
    // `web` is the name of an entry point as well: the backend's port goes by its own.
    let text =
        format!("{}{}{objects}", service("web"), service("canary")).replace("<web>", &web.port().to_string());
    let gateway = gateway().secure().manifests(&text).with(&canary).start().await;
    (web, canary, gateway)
}
