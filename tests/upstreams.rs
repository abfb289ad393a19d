//! Towards the endpoints: which of them, with what in the head, over which connections, for how long.

mod alerts;
mod choice;
pub(crate) mod connections;
mod http2;
mod tls;

use crate::harness::{Backend, Gateway, gateway};

/// One route `shop.test` to a service with these options, by the transport `special`, which has those.
/// One worker, so that connections can be counted.
async fn with(backends: &[&Backend], service: &str, transport: &str) -> Gateway {
    let text = format!(
        "http:
  routers: {{ shop: {{ rule: 'Host(`shop.test`)', service: shop }} }}
  services:
    shop: {{ loadBalancer: {{ serversTransport: special, {service} }} }}
  serversTransports: {{ special: {{ {transport} }} }}
"
    );
    let one = serde_json::json!({"core": {"workers": 1}});
    let mut builder = gateway().install(one).file(&text);
    for backend in backends {
        builder = builder.with(backend);
    }
    builder.start().await
}
