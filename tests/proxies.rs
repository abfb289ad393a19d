//! Forward proxies on the way to endpoints: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`.
//!
//! The endpoints' names exist nowhere: whoever answers was reached through the proxy.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::backend::Answer;
use crate::harness::connection::dial;
use crate::harness::proxy::Proxy;
use crate::harness::secure::ServerTls;
use crate::harness::{Backend, Gateway, backend, gateway};

/// A gateway with one service of this URL and these variables.
async fn through(url: &str, shop: &Backend, variables: &[(&str, &str)]) -> Gateway {
    let text = format!(
        "http:
  routers: {{ shop: {{ rule: 'Host(`shop.test`)', service: shop }} }}
  services: {{ shop: {{ loadBalancer: {{ servers: [{{ url: '{url}' }}], serversTransport: own }} }} }}
  serversTransports: {{ own: {{ rootCAs: ['<certs>/ca.crt'] }} }}
"
    );
    let mut builder = gateway().file(&text).with(shop);
    for (name, value) in variables {
        builder = builder.env(name, value);
    }
    builder.start().await
}

#[tokio::test]
async fn http_endpoints_are_asked_for_in_absolute_form() {
    let shop = backend("shop").await;
    let proxy = Proxy::to(&shop).await;
    let url = proxy.url_of("http", "me:p%40ss");
    let gateway = through("http://backend.invalid:8080", &shop, &[("HTTP_PROXY", &url)]).await;
    let response = gateway.post("http://shop.test/a?b=c", "body").await;
    let seen = response.is(200).seen();
    assert_eq!((seen.target(), seen.body()), ("/a?b=c", "body"));
    seen.has("X-Forwarded-Host", "shop.test");
    let head = proxy.log().remove(0);
    assert_eq!(head.line, "POST http://backend.invalid:8080/a?b=c HTTP/1.1");
    assert_eq!(head.values("Host"), ["backend.invalid:8080"]);
    assert_eq!(head.values("Proxy-Authorization"), ["Basic bWU6cEBzcw=="]);
    let log = gateway.log();
    assert!(log.contains(&proxy.url("http")) && !log.contains("p%40ss") && !log.contains("p@ss"), "{log}");
}

#[tokio::test]
async fn connections_to_a_proxy_are_kept() {
    let shop = backend("shop").await;
    let proxy = Proxy::to(&shop).await;
    let gateway = through("http://backend.invalid", &shop, &[("http_proxy", &proxy.url("http"))]).await;
    shop.answers("/", Answer::status(200).body("x"));
    for _ in 0..10 {
        gateway.get("http://shop.test/").await.is(200);
    }
    // Each worker has one of its own.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(proxy.log().len() <= workers, "{:?}", proxy.lines());
}

#[tokio::test]
async fn https_endpoints_are_reached_by_a_tunnel() {
    let shop = Backend::start("shop", Some(ServerTls::build("backend", None, 13, &["http/1.1"])), 0).await;
    let proxy = Proxy::to(&shop).await;
    let url = proxy.url_of("http", "me:pw");
    let gateway = through("https://backend.test", &shop, &[("HTTPS_PROXY", &url)]).await;
    let response = gateway.get("http://shop.test/a").await;
    response.is(200).seen().has("Host", "shop.test").lacks("Proxy-Authorization");
    let head = proxy.log().remove(0);
    assert_eq!(head.line, "CONNECT backend.test:443 HTTP/1.1");
    assert_eq!(head.values("Host"), ["backend.test:443"]);
    assert_eq!(head.values("Proxy-Authorization"), ["Basic bWU6cHc="]);
}

/// TLS inside TLS.
#[tokio::test]
async fn a_proxy_may_speak_tls_itself() {
    let tls = ServerTls::build("backend", None, 13, &["http/1.1"]);
    let shop = Backend::start("shop", Some(tls.clone()), 0).await;
    let proxy = Proxy::secure(&shop, tls).await;
    let gateway = through("https://backend.test", &shop, &[("HTTPS_PROXY", &proxy.url("https"))]).await;
    let body = "0123456789abcdef".repeat(65_536);
    let response = gateway.post("http://shop.test/a", &body).await;
    assert_eq!(response.is(200).seen().body_length(), 1 << 20);
    assert_eq!(proxy.lines(), ["CONNECT backend.test:443 HTTP/1.1"]);
}

#[tokio::test]
async fn socks_proxies_look_names_up_themselves() {
    let shop = backend("shop").await;
    let proxy = Proxy::to(&shop).await;
    let gateway = through("http://backend.invalid", &shop, &[("HTTP_PROXY", &proxy.url("socks5"))]).await;
    let response = gateway.get("http://shop.test/a").await;
    response.is(200).seen().has("Host", "shop.test");
    assert_eq!(proxy.lines(), ["SOCKS backend.invalid:80"]);
}

#[tokio::test]
async fn websockets_pass_too() {
    let shop = backend("shop").await;
    let proxy = Proxy::to(&shop).await;
    let gateway = through("http://backend.invalid", &shop, &[("HTTP_PROXY", &proxy.url("http"))]).await;
    let stream = dial(gateway.address("web"), None).await.unwrap();
    let (mut socket, _) = client_async("ws://shop.test/ws", stream).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!(proxy.lines(), ["GET http://backend.invalid/ws HTTP/1.1"]);
}

#[tokio::test]
async fn what_is_exempt_or_local_is_dialled_directly() {
    let shop = backend("shop").await;
    let proxy = Proxy::to(&shop).await;
    let url = proxy.url("http");
    let gateway = through("http://127.0.0.1:<shop>", &shop, &[("HTTP_PROXY", &url)]).await;
    gateway.get("http://shop.test/").await.is(200);
    let variables = [("HTTP_PROXY", &*url), ("NO_PROXY", "other.test, .invalid")];
    let gateway = through("http://backend.invalid", &shop, &variables).await;
    gateway.get("http://shop.test/").await.is(502);
    assert!(proxy.log().is_empty(), "{:?}", proxy.lines());
}

#[tokio::test]
async fn a_tunnel_that_is_refused_is_a_bad_gateway() {
    let shop = backend("shop").await;
    let proxy = Proxy::closed(&shop).await;
    let gateway = through("https://backend.test", &shop, &[("HTTPS_PROXY", &proxy.url("http"))]).await;
    gateway.get("http://shop.test/").await.is(502).says("Bad Gateway");
}

#[tokio::test]
async fn a_variable_that_is_no_url_is_told() {
    let shop = backend("shop").await;
    let wrong = [("HTTP_PROXY", "ftp://me:hunter2@proxy")];
    let gateway = through("http://127.0.0.1:<shop>", &shop, &wrong).await;
    gateway.get("http://shop.test/").await.is(200);
    let log = gateway.log();
    assert!(log.contains("HTTP_PROXY") && !log.contains("hunter2"), "{log}");
}
