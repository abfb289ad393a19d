//! IngressRoute, Middleware, TraefikService, TLSOption, Secret.

use super::{service, with};
use crate::harness::eventually;
use crate::harness::eventually::holds;
use crate::harness::secure::{ClientTls, fixture_text, name_of};

const ROUTE: &str = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: site, namespace: shop }
spec:
  routes:
    - match: Host(`site.test`)
      kind: Rule
      services: [{ name: web, port: 80 }]
    - match: Host(`site.test`) && PathPrefix(`/api`)
      kind: Rule
      middlewares: [{ name: strip }]
      services: [{ name: canary, port: http }]
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: { name: strip, namespace: shop }
spec: { stripPrefix: { prefixes: [/api] } }
---
";

#[tokio::test]
async fn routes_lead_to_endpoints() {
    let (web, canary, gateway) = with(ROUTE).await;
    gateway.get("http://site.test/x").await.is(200).served_by(&web);
    let response = gateway.get("http://site.test/api/x").await;
    response.is(200).served_by(&canary);
    assert_eq!(response.seen().target(), "/x");
}

#[tokio::test]
async fn a_change_of_the_folder_is_followed() {
    let (web, canary, gateway) = with(ROUTE).await;
    gateway.get("http://site.test/x").await.is(200).served_by(&web);
    let text = format!(
        "{}{}{}",
        service("web"),
        service("canary"),
        ROUTE.replace("name: web, port", "name: canary, port")
    );
    gateway.apply(&text.replace("<web>", &web.port().to_string()));
    eventually("the other Service answers", async || {
        holds(gateway.get("http://site.test/x").await.seen().backend() == canary.name())
    })
    .await;
}

#[tokio::test]
async fn a_route_follows_the_objects_of_other_files() {
    let (web, canary, gateway) = with(ROUTE).await;
    let file = |name: &str| gateway.folder().join("manifests").join(name);
    let route =
        ROUTE.replace("site", "late").replace("name: web", "name: late").replace("name: strip", "name: late");
    std::fs::write(file("route.yaml"), route).unwrap();
    let answers = async |what: &str, status: u16| {
        eventually(what, async || holds(gateway.get("http://late.test/x").await.status == status)).await;
    };
    answers("a route to a Service that is not there", 503).await;
    // As an editor saves: beside the file, then over it.
    let late = service("late").replace("<late>", &canary.port().to_string());
    std::fs::write(file("late.yaml~"), &late).unwrap();
    std::fs::rename(file("late.yaml~"), file("late.yaml")).unwrap();
    answers("the Service came", 200).await;
    gateway.get("http://late.test/x").await.is(200).served_by(&canary);
    std::fs::write(file("late.yaml"), late.replace(&canary.port().to_string(), &web.port().to_string()))
        .unwrap();
    eventually("its endpoint is another", async || {
        holds(gateway.get("http://late.test/x").await.seen().backend() == web.name())
    })
    .await;
    std::fs::remove_file(file("late.yaml")).unwrap();
    answers("the Service went", 503).await;
    gateway.get("http://site.test/x").await.is(200).served_by(&web);
}

#[tokio::test]
async fn weights_divide_traffic() {
    let objects = "apiVersion: traefik.io/v1alpha1
kind: TraefikService
metadata: { name: split, namespace: shop }
spec: { weighted: { services: [{ name: web, port: 80, weight: 3 }, { name: canary, port: 80, weight: 1 }] } }
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: split, namespace: shop }
spec:
  routes:
    - match: Host(`split.test`)
      kind: Rule
      services: [{ name: split, kind: TraefikService }]
";
    let (web, canary, gateway) = with(objects).await;
    for _ in 0..40 {
        gateway.get("http://split.test/").await.is(200);
    }
    assert_eq!((web.count(), canary.count()), (30, 10));
}

#[tokio::test]
async fn a_broken_route_takes_no_other_with_it() {
    let objects = format!(
        "{ROUTE}apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{ name: broken, namespace: shop }}
spec:
  routes:
    - match: Host(`broken.test`)
      kind: Rule
      middlewares: [{{ name: no-such }}]
      services: [{{ name: web, port: 80 }}]
    - match: Host(`gone.test`)
      kind: Rule
      services: [{{ name: no-such, port: 80 }}]
    - match: Hots(`typo.test`)
      kind: Rule
      services: [{{ name: web, port: 80 }}]
    - match: Host(`good.test`)
      kind: Rule
      services: [{{ name: web, port: 80 }}]
"
    );
    let (web, _canary, gateway) = with(&objects).await;
    gateway.get("http://good.test/").await.is(200).served_by(&web);
    gateway.get("http://site.test/").await.is(200).served_by(&web);
    gateway.get("http://broken.test/").await.is(503);
    let gone = gateway.get("http://gone.test/").await.status;
    assert!([404, 503].contains(&gone), "{gone}");
    gateway.get("http://typo.test/").await.is(404);
}

#[tokio::test]
async fn another_namespace_needs_permission() {
    let objects = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: thief, namespace: other }
spec:
  routes:
    - match: Host(`thief.test`)
      kind: Rule
      services: [{ name: web, namespace: shop, port: 80 }]
";
    let (web, _canary, gateway) = with(objects).await;
    let status = gateway.get("http://thief.test/").await.status;
    assert!([404, 503].contains(&status), "{status}");
    assert_eq!(web.count(), 0);
}

#[tokio::test]
async fn certificates_come_from_secrets() {
    let indented = |name: &str| fixture_text(name).replace('\n', "\n    ");
    let objects = format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{ name: tls, namespace: shop }}
spec:
  routes:
    - match: Host(`a.example.test`)
      kind: Rule
      services: [{{ name: web, port: 80 }}]
  tls: {{ secretName: site }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: site, namespace: shop }}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {}
  tls.key: |
    {}
",
        indented("exact.crt"),
        indented("exact.key")
    );
    let (web, _canary, gateway) = with(&objects).await;
    let connection = gateway.connect_tls("secure", &ClientTls::to("a.example.test")).await.unwrap();
    assert_eq!(name_of(&connection.tls.unwrap().certificate), "exact");
    gateway.get("https://a.example.test/").await.is(200).served_by(&web);
    gateway.get("http://a.example.test/").await.is(404);
}

#[tokio::test]
async fn basic_auth_reads_its_secret() {
    let objects = "apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: { name: auth, namespace: shop }
spec: { basicAuth: { secret: users } }
---
apiVersion: v1
kind: Secret
metadata: { name: users, namespace: shop }
type: kubernetes.io/basic-auth
stringData: { username: anna, password: geheim }
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: { name: private, namespace: shop }
spec:
  routes:
    - match: Host(`private.test`)
      kind: Rule
      middlewares: [{ name: auth }]
      services: [{ name: web, port: 80 }]
";
    let (web, _canary, gateway) = with(objects).await;
    gateway.get("http://private.test/").await.is(401);
    // anna:geheim
    let right = gateway.get("http://private.test/").header("Authorization", "Basic YW5uYTpnZWhlaW0=").await;
    right.is(200).served_by(&web);
}
