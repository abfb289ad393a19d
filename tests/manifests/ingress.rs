//! Ingress: rules, path types, classes, annotations, default backends.

use super::with;

fn ingress(name: &str, spec: &str, annotations: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: {name}, namespace: shop, annotations: {{ {annotations} }} }}
spec: {spec}
---
"
    )
}

fn path(path: &str, kind: &str, service: &str) -> String {
    format!(
        "{{ path: {path}, pathType: {kind}, backend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}"
    )
}

fn rules(host: &str, paths: &[String]) -> String {
    format!("{{ rules: [{{ host: '{host}', http: {{ paths: [{}] }} }}] }}", paths.join(", "))
}

#[tokio::test]
async fn hosts_and_paths_lead_to_services() {
    let spec = rules("site.test", &[path("/", "Prefix", "web"), path("/exactly/this", "Exact", "canary")]);
    let (web, canary, gateway) = with(&ingress("site", &spec, "")).await;
    gateway.get("http://site.test/x").await.is(200).served_by(&web);
    gateway.get("http://site.test/exactly/this").await.is(200).served_by(&canary);
    gateway.get("http://site.test/exactly/this/x").await.is(200).served_by(&web);
    gateway.get("http://other.test/").await.is(404);
}

#[tokio::test]
async fn at_the_same_path_exact_goes_first() {
    let spec = rules("site.test", &[path("/same", "Prefix", "web"), path("/same", "Exact", "canary")]);
    let (_web, canary, gateway) = with(&ingress("site", &spec, "")).await;
    let same = gateway.get("http://site.test/same").await;
    // Traefik's priority is the length of the rule, and `PathPrefix` is the longer word.
    assert!(["web", canary.name()].contains(&same.is(200).seen().backend()), "{same}");
}

#[tokio::test]
async fn a_wildcard_host_matches_one_label() {
    let spec = rules("*.site.test", &[path("/", "Prefix", "web")]);
    let (web, _canary, gateway) = with(&ingress("site", &spec, "")).await;
    gateway.get("http://a.site.test/").await.is(200).served_by(&web);
    gateway.get("http://a.b.site.test/").await.is(404);
    gateway.get("http://site.test/").await.is(404);
}

#[tokio::test]
async fn another_controllers_ingress_is_left_alone() {
    let spec =
        rules("site.test", &[path("/", "Prefix", "web")]).replacen('{', "{ ingressClassName: nginx, ", 1);
    let objects = ingress("site", &spec, "")
        + "apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nginx }
spec: { controller: k8s.io/ingress-nginx }
";
    let (web, _canary, gateway) = with(&objects).await;
    gateway.get("http://site.test/").await.is(404);
    assert_eq!(web.count(), 0);
}

#[tokio::test]
async fn annotations_are_traefiks() {
    let spec = rules("site.test", &[path("/", "Prefix", "web")]);
    let annotations = "traefik.ingress.kubernetes.io/router.entrypoints: secure, \
                       traefik.ingress.kubernetes.io/router.middlewares: shop-mark@kubernetescrd";
    let objects = ingress("site", &spec, annotations)
        + "apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: { name: mark, namespace: shop }
spec: { headers: { customResponseHeaders: { X-Mark: here } } }
";
    let (web, _canary, gateway) = with(&objects).await;
    gateway.get("http://site.test/").await.is(404);
    gateway.get("https://site.test/").await.is(200).has("X-Mark", "here").served_by(&web);
}

#[tokio::test]
async fn what_no_rule_takes_goes_to_the_default_backend() {
    let rule = ingress("site", &rules("site.test", &[path("/", "Prefix", "web")]), "");
    let fallback =
        ingress("fallback", "{ defaultBackend: { service: { name: canary, port: { number: 80 } } } }", "");
    let (web, canary, gateway) = with(&(rule + &fallback)).await;
    gateway.get("http://site.test/").await.is(200).served_by(&web);
    gateway.get("http://nobody.test/x").await.is(200).served_by(&canary);
}

#[tokio::test]
async fn a_service_without_endpoints_answers_503() {
    let objects = ingress("site", &rules("site.test", &[path("/", "Prefix", "empty")]), "")
        + "apiVersion: v1
kind: Service
metadata: { name: empty, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
";
    let (_web, _canary, gateway) = with(&objects).await;
    let response = gateway.get("http://site.test/").await;
    response.is(503);
    assert_eq!(response.text(), "no available server\n");
}
