//! Requests made to be read differently by two readers. Each is refused or made harmless: the backend never sees a
//! second request, never sees an oddity, and the next client is served.

mod answers;
mod framing;
mod heads;
mod http2;
mod targets;

use crate::harness::{Backend, Gateway, Request, Response, backend, gateway, routes};

/// One path is for everybody; `/admin` is for nobody.
struct Site {
    shop: Backend,
    gateway: Gateway,
}

async fn site() -> Site {
    let shop = backend("shop").await;
    let guard =
        "    guard: { rule: 'PathPrefix(`/admin`)', service: shop, priority: 1000, middlewares: [nobody] }\n";
    let text = routes(&["shop"]).replace("  routers:\n", &format!("  routers:\n{guard}"))
        + "  middlewares: { nobody: { ipAllowList: { sourceRange: [203.0.113.1] } } }\n";
    let gateway = gateway().secure().file(&text).with(&shop).start().await;
    Site { shop, gateway }
}

/// What is allowed to become of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A 4xx, and the connection is closed.
    Refused,
    /// Refused, or forwarded in a form that has one reading only.
    Harmless,
    /// As `Harmless`; and as its head was good before its body turned out to be bad, what was forwarded of it may
    /// break off.
    BreaksOff,
}

impl Site {
    /// Sends these bytes, with a second request for `/admin` behind them, and looks at what came of it.
    async fn attempt(&self, name: &str, bytes: &[u8], fate: Fate) {
        let before = self.shop.count();
        let mut client = self.gateway.connect("web").await;
        // The gateway may close while we still write.
        let _ = client.send(bytes).await;
        let response = client.answer("GET").await;
        let seen = self.shop.log().split_off(before);
        let told = |what: &str| format!("{name}: {what}\n  {response}\n  the backend saw {:?}", heads(&seen));
        if fate == Fate::Refused {
            assert!(
                (400..500).contains(&response.status) || response.status == 501,
                "{}",
                told("not refused")
            );
            assert!(seen.is_empty(), "{}", told("forwarded"));
            assert!(client.until_closed().await.is_some(), "{}", told("the connection stays open"));
        }
        for request in &seen {
            assert!(!request.target.contains("admin"), "{}", told("a second request reached the backend"));
            assert!(request.odd.is_empty(), "{} {:?}", told("the backend saw an oddity"), request.odd);
            assert!(
                request.complete || fate == Fate::BreaksOff,
                "{}",
                told("the backend saw half a request")
            );
        }
        assert!(seen.len() <= 1, "{}", told("one became two"));
        self.serves_on(name).await;
    }

    /// The next client is served, on a connection to the backend that is in step.
    async fn serves_on(&self, name: &str) {
        let target = format!("/next?{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let mut client = self.gateway.connect("web").await;
        for _ in 0..3 {
            let response: Response = client.ask(&Request::new("GET", "shop.test", &target)).await;
            assert_eq!(response.status, 200, "after {name}: {response}");
            assert_eq!(response.seen().target(), target, "after {name} the backend is out of step");
        }
    }
}

fn heads(seen: &[crate::harness::backend::Seen]) -> Vec<String> {
    seen.iter().map(|s| String::from_utf8_lossy(&s.head.raw).into_owned()).collect()
}
