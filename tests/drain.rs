//! Stopping: what is in flight ends well, what is new goes elsewhere, and it ends in time.

mod streams;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::backend::Answer;
use crate::harness::connection::Connection;
use crate::harness::eventually::holds;
use crate::harness::http2::{Http2, read};
use crate::harness::{Request, backend, eventually, gateway, routes};

#[tokio::test]
async fn without_traffic_it_ends_at_once() {
    let shop = backend("shop").await;
    let mut gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    gateway.get("http://shop.test/").await.is(200);
    gateway.terminate();
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn a_request_in_flight_is_finished() {
    let shop = backend("shop").await;
    let mut gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    shop.answers("/slow", Answer::status(200).body("finished").hold());
    let mut client = gateway.connect("web").await;
    client.send(&Request::new("GET", "shop.test", "/slow").bytes()).await.unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 1)).await;
    gateway.terminate();
    eventually("nobody new is let in", async || {
        holds(Connection::open(gateway.address("web"), None, None).await.is_err())
    })
    .await;
    shop.release(1);
    let response = client.answer("GET").await;
    response.is(200).says("finished");
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn an_http2_stream_in_flight_is_finished() {
    let shop = backend("shop").await;
    let mut gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    shop.answers("/slow", Answer::status(200).body("finished").hold());
    let mut client = Http2::plain(&gateway, "web").await;
    let slow = client.start(&http::Method::GET, "shop.test", "/slow", &[], None).unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 1)).await;
    gateway.terminate();
    eventually("nobody new is let in", async || {
        holds(Connection::open(gateway.address("web"), None, None).await.is_err())
    })
    .await;
    shop.release(1);
    read(slow).await.expect("the stream ends well").is(200).says("finished");
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let shop = backend("shop").await;
    let mut gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    let mut client = gateway.connect("web").await;
    client.ask(&Request::new("GET", "shop.test", "/")).await.is(200);
    gateway.terminate();
    assert_eq!(client.until_closed().await.as_deref(), Some(&b""[..]));
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn the_grace_period_bounds_a_request_that_never_ends() {
    let shop = backend("shop").await;
    let grace = json!({"transport": {"lifeCycle": {"graceTimeOut": "1s"}}});
    let mut gateway = gateway().entry_point("web", grace).file(&routes(&["shop"])).with(&shop).start().await;
    shop.answers("/never", Answer::status(200).hold());
    let mut client = gateway.connect("web").await;
    client.send(&Request::new("GET", "shop.test", "/never").bytes()).await.unwrap();
    eventually("it is at the backend", async || holds(shop.count() == 1)).await;
    let told = Instant::now();
    gateway.terminate();
    assert!(gateway.exit().await.success());
    assert!(told.elapsed() < Duration::from_secs(6), "the other entry point's 10 s do not count here");
}

/// One that has no reason to wait does not wait for another.
#[tokio::test]
async fn each_entry_point_goes_in_its_own_time() {
    let shop = backend("shop").await;
    let accept = json!({"transport": {"lifeCycle": {"requestAcceptGraceTimeout": "1h"}}});
    let gateway = gateway().entry_point("patient", accept).file(&routes(&["shop"])).with(&shop).start().await;
    gateway.terminate();
    eventually("nobody new is let in", async || {
        holds(Connection::open(gateway.address("web"), None, None).await.is_err())
    })
    .await;
    gateway.get("http://shop.test/").on("patient").await.is(200).has("Connection", "close");
}

/// Balancers need time to see that this replica goes: it serves on, and says that it is going.
#[tokio::test]
async fn it_says_that_it_is_going_before_it_goes() {
    let shop = backend("shop").await;
    let accept = json!({"transport": {"lifeCycle": {"requestAcceptGraceTimeout": "3s"}}});
    let mut gateway = gateway()
        .entry_point("web", accept.clone())
        .entry_point("traefik", accept)
        .file(&routes(&["shop"]))
        .with(&shop)
        .start()
        .await;
    assert_eq!(gateway.ping().await, 200);
    gateway.terminate();
    eventually("ping says 503", async || holds(gateway.ping().await == 503)).await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
    assert!(gateway.exit().await.success());
}
