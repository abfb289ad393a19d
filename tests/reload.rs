//! A new configuration while traffic flows: nothing is lost, nothing that did not change forgets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::backend::Answer;
use crate::harness::eventually::holds;
use crate::harness::http2::Http2;
use crate::harness::load::load;
use crate::harness::routes::services;
use crate::harness::{Request, backend, eventually, gateway, routes};

const RELOADS: usize = 40;

/// The same configuration with a router that only marks the version.
fn version(text: &str, number: usize) -> String {
    let router = format!("    v{number}: {{ rule: 'Host(`v{number}.test`)', service: shop }}\n");
    text.replace("  routers:\n", &format!("  routers:\n{router}"))
}

#[tokio::test]
async fn no_request_is_lost_over_many_reloads() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]);
    let gateway = gateway().file(&text).with(&shop).start().await;
    let done = AtomicBool::new(false);
    let reload = async {
        for number in 0..RELOADS {
            gateway.rewrite(&version(&text, number));
            eventually("the new version is served", async || {
                holds(gateway.get(&format!("http://v{number}.test/")).await.status == 200)
            })
            .await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let ((), served) = tokio::join!(reload, load(&gateway, &done));
    assert!(served > RELOADS, "{served} requests in {RELOADS} reloads");
}

#[tokio::test]
async fn an_http2_connection_lives_on() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]);
    let gateway = gateway().file(&text).with(&shop).start().await;
    let mut connection = Http2::plain(&gateway, "web").await;
    connection.get("shop.test", "/").await.is(200);
    gateway.rewrite(&version(&text, 1));
    eventually("the same connection sees the new version", async || {
        holds(connection.get("v1.test", "/").await.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_request_in_flight_ends_as_it_began() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).with(&blog).start().await;
    shop.answers("/slow", Answer::status(200).body("the old answer").hold());
    let slow = async { gateway.get("http://shop.test/slow").await };
    let change = async {
        eventually("it is at the backend", async || holds(shop.count() == 1)).await;
        gateway.rewrite(&routes(&["blog"]));
        eventually("its route is gone", async || holds(gateway.get("http://shop.test/").await.status == 404))
            .await;
        shop.release(1);
    };
    let (response, ()) = tokio::join!(slow, change);
    response.is(200).says("the old answer");
}

#[tokio::test]
async fn a_limit_remembers() {
    let shop = backend("shop").await;
    let text = format!(
        "http:
  routers:
    shop: {{ rule: 'Host(`shop.test`)', service: shop, middlewares: [limit] }}
  middlewares:
    limit: {{ rateLimit: {{ average: 1, burst: 3, period: 1h }} }}
  services:
{}",
        services(&["shop"])
    );
    let gateway = gateway().file(&text).with(&shop).start().await;
    for _ in 0..3 {
        gateway.get("http://shop.test/").await.is(200);
    }
    gateway.get("http://shop.test/").await.is(429);
    gateway.rewrite(&version(&text, 1));
    eventually("the new version is served", async || {
        holds(gateway.get("http://v1.test/").await.status == 200)
    })
    .await;
    gateway.get("http://shop.test/").await.is(429);
    // What did change starts anew.
    gateway.rewrite(&text.replace("burst: 3", "burst: 4"));
    eventually("the new limit lets pass", async || {
        holds(gateway.get("http://shop.test/").await.status == 200)
    })
    .await;
}

#[tokio::test]
async fn connections_to_an_unchanged_service_are_kept() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]);
    let gateway = gateway().file(&text).with(&shop).start().await;
    let mut client = gateway.connect("web").await;
    let first = client.ask(&Request::new("GET", "shop.test", "/")).await.seen().connection();
    gateway.rewrite(&version(&text, 1));
    eventually("the new version is served", async || {
        holds(gateway.get("http://v1.test/").await.status == 200)
    })
    .await;
    let second = client.ask(&Request::new("GET", "shop.test", "/")).await.seen().connection();
    assert_eq!(first, second, "the worker's connection to the endpoint was kept");
}

#[tokio::test]
async fn a_burst_of_changes_ends_with_the_last() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]);
    let gateway = gateway().file(&text).with(&shop).start().await;
    for number in 0..200 {
        gateway.rewrite(&version(&text, number));
    }
    eventually("the last version is served", async || {
        holds(gateway.get("http://v199.test/").await.status == 200)
    })
    .await;
    gateway.get("http://v198.test/").await.is(404);
    gateway.get("http://shop.test/").await.is(200);
}

/// A throttle is for changes: there is nothing to wait for before the first configuration.
#[tokio::test]
async fn a_throttle_does_not_delay_the_first_configuration() {
    let shop = backend("shop").await;
    let text = routes(&["shop"]);
    let begun = Instant::now();
    let throttle = json!({"providers": {"providersThrottleDuration": "5s"}});
    let gateway = gateway().install(throttle).file(&text).with(&shop).start().await;
    gateway.get("http://shop.test/").await.is(200);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    gateway.rewrite(&version(&text, 1));
    eventually("the new version is served", async || {
        holds(gateway.get("http://v1.test/").await.status == 200)
    })
    .await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn an_endpoint_that_comes_back_is_used_again() {
    let mut shop = backend("shop").await;
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    gateway.get("http://shop.test/").await.is(200);
    shop.stop().await;
    let down = gateway.get("http://shop.test/").await;
    down.is(502);
    assert_eq!(down.text(), "Bad Gateway");
    shop.restart().await;
    eventually("it serves again", async || holds(gateway.get("http://shop.test/").await.status == 200)).await;
}
