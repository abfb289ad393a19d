//! As many connections as there are descriptors for, and not one more.

use crate::harness::eventually::holds;
use crate::harness::{Request, backend, eventually, gateway, routes};

/// Leaves room for 64 connections, which is the least there is. Some of the places are kept for probes.
const DESCRIPTORS: u32 = 300;
const CONNECTIONS: usize = 64;

#[tokio::test]
async fn those_that_are_open_are_served_and_more_are_closed_at_once() {
    let shop = backend("shop").await;
    let gateway = gateway().descriptors(DESCRIPTORS).file(&routes(&["shop"])).with(&shop).start().await;
    let ask = Request::new("GET", "shop.test", "/");
    let mut served = Vec::new();
    let mut refused = 0;
    for _ in 0..2 * CONNECTIONS {
        let mut client = gateway.connect("web").await;
        let response = client.ask(&ask).await;
        if response.status == 200 {
            served.push(client);
        } else {
            assert!(response.status == 0 && response.closed, "{response}");
            refused += 1;
        }
    }
    let open = served.len();
    assert!((CONNECTIONS / 2..=CONNECTIONS).contains(&open), "{open} served, {refused} refused");
    assert_eq!(gateway.ping().await, 200, "probes are answered all the same");
    assert!(gateway.log().contains("too many are open"));
    for client in &mut served {
        client.ask(&ask).await.is(200);
    }
    // Whoever leaves makes room for another.
    served.truncate(open / 2);
    eventually("there is room again", async || {
        let mut client = gateway.connect("web").await;
        holds(client.ask(&ask).await.status == 200)
    })
    .await;
    for client in &mut served {
        client.ask(&ask).await.is(200);
    }
}
