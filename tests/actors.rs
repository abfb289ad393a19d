//! Law 1, from outside: any actor may die or hang, and no request notices.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::harness::eventually::holds;
use crate::harness::load::load;
use crate::harness::{Backend, Gateway, backend, eventually, gateway, routes};

async fn site() -> (Backend, Gateway) {
    let shop = backend("shop").await;
    let gateway =
        gateway().install(json!({"metrics": {"prometheus": {}}})).file(&routes(&["shop"])).with(&shop);
    (shop, gateway.start().await)
}

async fn actors(gateway: &Gateway) -> Vec<String> {
    gateway.internal("/test-hooks/actors").await.is(200).text().lines().map(str::to_owned).collect()
}

async fn act(gateway: &Gateway, what: &str, actor: &str) {
    let path = format!("http://localhost/test-hooks/{what}?actor={actor}");
    gateway.call("POST", &path).on("traefik").await.is(204);
}

/// A change of configuration gets through: whoever has to act is alive.
async fn follows(gateway: &Gateway, number: usize) {
    let mark = format!("    v{number}: {{ rule: 'Host(`v{number}.test`)', service: shop }}\n");
    gateway.rewrite(&routes(&["shop"]).replace("  routers:\n", &format!("  routers:\n{mark}")));
    eventually(&format!("version {number} is served"), async || {
        holds(gateway.get(&format!("http://v{number}.test/")).await.status == 200)
    })
    .await;
}

#[tokio::test]
async fn killing_any_actor_loses_no_request_and_it_comes_back() {
    let (_shop, gateway) = site().await;
    let names = actors(&gateway).await;
    assert!(names.len() >= 4 && names.contains(&"supervisor".to_owned()), "{names:?}");
    let done = AtomicBool::new(false);
    let kill = async {
        for (number, name) in names.iter().enumerate() {
            act(&gateway, "kill", name).await;
            follows(&gateway, number).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let (served, ()) = tokio::join!(load(&gateway, &done), kill);
    assert!(served > names.len(), "{served} requests");
}

#[tokio::test]
async fn killing_the_same_actor_again_and_again_is_survived() {
    let (_shop, gateway) = site().await;
    for name in actors(&gateway).await {
        for _ in 0..3 {
            act(&gateway, "kill", &name).await;
            gateway.get("http://shop.test/").await.is(200);
        }
    }
    follows(&gateway, 1).await;
}

#[tokio::test]
async fn an_actor_that_hangs_is_replaced() {
    let (_shop, gateway) = site().await;
    act(&gateway, "hang", "configurator").await;
    let done = AtomicBool::new(false);
    let wait = async {
        follows(&gateway, 1).await;
        done.store(true, Ordering::SeqCst);
    };
    let (served, ()) = tokio::join!(load(&gateway, &done), wait);
    assert!(served > 0);
}
