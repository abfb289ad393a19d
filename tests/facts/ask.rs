//! Makes the requests of a check and tells what came of them, in the words of the table.

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::table::{Ask, Burst, Check};
use crate::harness::connection::Connection;
use crate::harness::http2::Http2;
use crate::harness::secure::name_of;
use crate::harness::{Gateway, Request, Response};

pub(super) async fn ask(gateway: &Gateway, check: &Check) -> Value {
    if let Some(request) = &check.request {
        let response = send(gateway, request).await;
        return facts(&response, &check.see, request.tls.is_some());
    }
    if let Some(request) = &check.http2 {
        return over_http2(gateway, request).await;
    }
    if let Some(router) = &check.router {
        return status_of(gateway, router).await;
    }
    let mut results = Vec::new();
    for burst in &check.bursts {
        results.push(passed(gateway, burst, check.at_once).await);
    }
    match results.as_slice() {
        [one] => one.clone(),
        [first, second] => json!({"first": first, "second": second}),
        _ => panic!("{}: what is to be done?", check.name),
    }
}

async fn send(gateway: &Gateway, ask: &Ask) -> Response {
    let tls = ask.tls.as_ref().map(super::table::Handshake::client);
    let source = ask.from.as_ref().map(|from| from.parse().expect("an address"));
    let mut request = Request::new(&ask.method, &ask.host, &ask.path);
    request.headers.clone_from(&ask.headers);
    match Connection::open(gateway.address(&ask.on), source, tls.as_ref()).await {
        Ok(mut connection) => connection.ask(&request).await,
        Err(_) => Response { closed: true, ..Response::default() },
    }
}

async fn passed(gateway: &Gateway, burst: &Burst, at_once: bool) -> Value {
    let statuses: Vec<u16> = if at_once {
        let all = (0..burst.count).map(|_| send(gateway, &burst.request));
        join_all(all).await.into_iter().map(|response| response.status).collect()
    } else {
        let mut statuses = Vec::new();
        for _ in 0..burst.count {
            statuses.push(send(gateway, &burst.request).await.status);
        }
        statuses
    };
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    json!({"passed": count(200), "refused": count(429)})
}

async fn status_of(gateway: &Gateway, router: &str) -> Value {
    let all = gateway.api("/api/rawdata").await;
    let router = &all["routers"][router];
    let errors = router["error"].as_array().is_some_and(|errors| !errors.is_empty());
    json!({"status": router["status"], "has_error": errors})
}

async fn over_http2(gateway: &Gateway, ask: &Ask) -> Value {
    let sni = ask.sni.as_deref().expect("a name");
    let Ok(mut connection) = Http2::secure(gateway, &ask.on, sni).await else {
        return json!({"status": null, "end": "closed", "proto": null, "target": null});
    };
    let response = connection.get(&ask.host, &ask.path).await;
    let echo = response.echo();
    json!({
        "status": response.status,
        "end": if response.complete { "stream" } else { "closed" },
        "proto": echo.as_ref().map(|e| e.values("X-Forwarded-Proto")),
        "target": echo.as_ref().map(|e| e.target().to_owned()),
    })
}

fn facts(response: &Response, see: &[String], tls: bool) -> Value {
    let mut facts = Map::new();
    for word in see {
        let key = word.trim_end_matches('@').to_owned();
        facts.insert(key, fact(response, word, tls));
    }
    Value::Object(facts)
}

fn fact(response: &Response, word: &str, tls: bool) -> Value {
    let echo = response.echo();
    let handshake = response.tls.as_ref();
    let of_backend = |key: &str| echo.as_ref().map_or(Value::Null, |e| e.tls()[key].clone());
    if let Some((kind, name)) = word.split_once(':') {
        return match kind {
            "q" => json!(echo.map(|e| e.values(name))),
            "r" => json!(response.values(name)),
            _ => panic!("`{word}` is no word"),
        };
    }
    match word {
        "status" if response.status == 0 => {
            if tls {
                Value::Null
            } else {
                json!("closed")
            }
        }
        "status" => json!(response.status),
        "to" => json!(echo.map(|e| e.backend().to_owned())),
        "target" => json!(echo.map(|e| e.target().to_owned())),
        "bhost" => json!(echo.map(|e| e.values("Host"))),
        "body" => json!(if echo.is_some() { "<echo>".to_owned() } else { response.text() }),
        "size" => json!(response.body.len()),
        "cert" => json!(handshake.map(|h| name_of(&h.certificate))),
        "version" => json!(handshake.map(|h| &h.version)),
        "alpn" => json!(handshake.and_then(|h| h.alpn.as_ref())),
        "cipher" => json!(handshake.map(|h| &h.cipher)),
        "handshake" => json!(handshake.is_some() && response.status != 0),
        "sni" | "client" | "version@" => of_backend(word.trim_end_matches('@')),
        _ => panic!("`{word}` is no word"),
    }
}
