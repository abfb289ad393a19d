//! The file provider: what is written is served at once, and no mistake takes away what served before.

use std::fs;
use std::io::Write;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::eventually::holds;
use crate::harness::{Gateway, backend, eventually, gateway, routes};

async fn serves(gateway: &Gateway, host: &str) {
    eventually(&format!("{host} is served"), async || {
        holds(gateway.get(&format!("http://{host}/")).await.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_change_is_served_without_a_restart() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).with(&blog).start().await;
    gateway.get("http://blog.test/").await.is(404);
    gateway.rewrite(&routes(&["blog"]));
    serves(&gateway, "blog.test").await;
    gateway.get("http://shop.test/").await.is(404);
}

/// Where files are not watched, whoever changes them says so.
#[tokio::test]
async fn a_hangup_signal_reads_files_again() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let unwatched = json!({"providers": {"file": {"filename": "<dir>/dynamic.yml", "watch": false}}});
    let text = routes(&["shop"]).replace("<shop>", &shop.port().to_string());
    let gateway =
        gateway().install(unwatched).beside("dynamic.yml", &text).with(&shop).with(&blog).start().await;
    gateway.rewrite(&routes(&["blog"]));
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
    gateway.get("http://blog.test/").await.is(404);
    gateway.signal(Signal::HUP);
    serves(&gateway, "blog.test").await;
    gateway.get("http://shop.test/").await.is(404);
    // A mistake in what is read again takes nothing away, and the next signal finds it mended.
    gateway.rewrite("http:\n  routers:\n    shop: { rule: [unclosed\n");
    gateway.signal(Signal::HUP);
    eventually("the log names file and line", async || holds(gateway.log().contains("dynamic.yml:"))).await;
    gateway.get("http://blog.test/").await.is(200).served_by(&blog);
    gateway.rewrite(&routes(&["shop", "blog"]));
    gateway.signal(Signal::HUP);
    serves(&gateway, "shop.test").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_keeps_its_last_good_version() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).with(&blog).start().await;
    gateway.rewrite("http:\n  routers:\n    shop: { rule: [unclosed\n");
    eventually("the log names file and line", async || holds(gateway.log().contains("dynamic.yml:"))).await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
    gateway.rewrite(&routes(&["shop", "blog"]));
    serves(&gateway, "blog.test").await;
}

#[tokio::test]
async fn a_mistake_in_one_object_breaks_that_object_alone() {
    let shop = backend("shop").await;
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).start().await;
    let broken = routes(&["shop"])
        .replace("  services:", "    new: { rul: 'Host(`new.test`)', service: shop }\n  services:");
    gateway.rewrite(&broken);
    eventually("the log says what the key should be", async || {
        holds(gateway.log().contains("rul") && gateway.log().contains("rule"))
    })
    .await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
}

#[tokio::test]
async fn a_file_rewritten_in_place_loses_nothing() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let gateway = gateway().file(&routes(&["shop"])).with(&shop).with(&blog).start().await;
    let text = gateway.fill(&routes(&["shop", "blog"]));
    let path = gateway.folder().join("dynamic.yml");
    let mut file = fs::File::create(&path).unwrap();
    // Truncated, then written in two parts: neither state in between is ever served. A file that stays open for
    // longer than the quiet time is read as it is; its first part here is no whole document.
    gateway.get("http://shop.test/").await.is(200);
    let (first, second) = text.as_bytes().split_at(text.rfind("url:").unwrap());
    file.write_all(first).unwrap();
    file.sync_all().unwrap();
    gateway.get("http://shop.test/").await.is(200);
    file.write_all(second).unwrap();
    drop(file);
    serves(&gateway, "blog.test").await;
    gateway.get("http://shop.test/").await.is(200);
}

#[tokio::test]
async fn a_folder_is_read_with_its_subfolders() {
    let (shop, blog) = (backend("shop").await, backend("blog").await);
    let builder = gateway().with(&shop).with(&blog);
    let folder = builder.folder().join("dynamic");
    fs::create_dir_all(folder.join("team")).unwrap();
    let gateway =
        builder.install(json!({"providers": {"file": {"directory": folder, "watch": true}}})).start().await;
    fs::write(folder.join("shop.yml"), gateway.fill(&routes(&["shop"]))).unwrap();
    fs::write(folder.join("team/blog.yaml"), gateway.fill(&routes(&["blog"]))).unwrap();
    serves(&gateway, "shop.test").await;
    serves(&gateway, "blog.test").await;
    // A broken file beside them takes nothing away.
    fs::write(folder.join("broken.yml"), "http: [").unwrap();
    eventually("the log names it", async || holds(gateway.log().contains("broken.yml"))).await;
    gateway.get("http://shop.test/").await.is(200);
    fs::remove_file(folder.join("shop.yml")).unwrap();
    eventually("its routes are gone", async || holds(gateway.get("http://shop.test/").await.status == 404))
        .await;
    gateway.get("http://blog.test/").await.is(200);
}

#[tokio::test]
async fn toml_says_the_same() {
    let shop = backend("shop").await;
    let builder = gateway().with(&shop);
    let path = builder.folder().join("dynamic.toml");
    let gateway = builder.install(json!({"providers": {"file": {"filename": path, "watch": true}}}));
    let text = "[http.routers.shop]
rule = \"Host(`shop.test`)\"
service = \"shop\"
[[http.services.shop.loadBalancer.servers]]
url = \"http://127.0.0.1:PORT\"
";
    fs::write(&path, text.replace("PORT", &shop.port().to_string())).unwrap();
    let gateway = gateway.start().await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
}

/// A common way to write it: one file holds both halves.
#[tokio::test]
async fn one_file_may_hold_both_halves() {
    let shop = backend("shop").await;
    let builder = gateway().with(&shop);
    let path = builder.folder().join("install.yml");
    let url = shop.url();
    let gateway = builder.install(json!({
        "providers": {"file": {"filename": path}},
        "http": {
            "routers": {"shop": {"rule": "Host(`shop.test`)", "service": "shop"}},
            "services": {"shop": {"loadBalancer": {"servers": [{"url": url}]}}},
        },
    }));
    let gateway = gateway.start().await;
    gateway.get("http://shop.test/").await.is(200).served_by(&shop);
}
