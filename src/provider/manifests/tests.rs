//! Watching manifests, and what stays the same.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;

fn options(folder: &Path) -> config::Manifests {
    config::Manifests { directory: folder.display().to_string(), ..config::Manifests::default() }
}

fn route(name: &str, service: &str) -> String {
    format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: {name}, namespace: shop}}
spec:
  entryPoints: [web]
  routes:
    - match: Host(`{name}.test`) && PathPrefix(`/api`)
      kind: Rule
      middlewares: [{{name: auth}}]
      services: [{{name: {service}, port: 80}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{port: 8080}}]
endpoints: [{{addresses: [127.0.0.1]}}]
---
"
    )
}

#[test]
fn one_changed_file_leaves_the_objects_of_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::write(folder.path().join(format!("{name}.yaml")), route(name, name)).unwrap();
    }
    let mut files = open(Root::Folder(folder.path().to_owned()));
    let mut translator = Translator::new(&options(folder.path()));
    assert!(files.refresh(&Changes::default(), Instant::now()));
    let first = translator.documents(&[&files]);
    std::fs::write(folder.path().join("b.yaml"), route("b", "a")).unwrap();
    assert!(files.refresh(&Changes { all: true, ..Changes::default() }, Instant::now()));
    let second = translator.documents(&[&files]);
    let same = |name: &str| {
        let router = |documents: &Documents| {
            let routers = &documents[crd::NAME].http.routers;
            let (_, element) = routers.iter().find(|(known, _)| known.contains(name)).unwrap();
            Arc::clone(element)
        };
        Arc::ptr_eq(&router(&first), &router(&second))
    };
    assert!(same("shop-a-"));
    assert!(!same("shop-b-"));
    assert!(!files.refresh(&Changes { all: true, ..Changes::default() }, Instant::now()));
}

#[test]
fn the_same_object_in_two_files_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), route("a", "a")).unwrap();
    std::fs::write(folder.path().join("b.yml"), route("a", "a")).unwrap();
    let (_, _, problems) = read(&[folder.path().to_owned()], &options(folder.path()));
    assert_eq!(problems.iter().filter(|problem| problem.code == "duplicate").count(), 3);
}

/// Also where Ingresses are looked for in other namespaces than the rest, and each mistake once.
#[test]
fn mistakes_are_said_in_every_namespace_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let service = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: {namespace}}}\nspec: {{prts: []}}\n---\n"
        )
    };
    let route =
        "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: web}\n---\n";
    let text = [service("crd"), service("both"), service("web"), service("other"), route.repeat(2)].concat();
    std::fs::write(folder.path().join("a.yaml"), text + "a: 1\n").unwrap();
    let mut options = options(folder.path());
    options.kubernetes_crd.namespaces = vec!["crd".to_owned(), "both".to_owned()];
    options.kubernetes_ingress.namespaces = vec!["both".to_owned(), "web".to_owned()];
    let (_, _, problems) = read(&[folder.path().to_owned()], &options);
    let said: Vec<_> = problems
        .iter()
        .map(|problem| (problem.code, problem.object.as_deref().unwrap_or_default()))
        .collect();
    let unknown = document::schema::UNKNOWN_KEY;
    assert_eq!(
        said,
        [
            (unknown, "Service `web/s`"),
            ("no_object", ""),
            (unknown, "Service `crd/s`"),
            (unknown, "Service `both/s`")
        ]
    );
}

#[test]
fn a_selector_that_cannot_be_read_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), route("a", "a")).unwrap();
    let mut options = options(folder.path());
    options.kubernetes_crd.label_selector = "l in (a".to_owned();
    let (crd, _, problems) = read(&[folder.path().to_owned()], &options);
    assert!(crd.http.routers.is_empty());
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["providers.manifests.kubernetesCRD.labelSelector"]);
}

#[test]
fn a_broken_document_keeps_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, route("a", "a")).unwrap();
    let mut files = open(Root::Folder(folder.path().to_owned()));
    let mut translator = Translator::new(&options(folder.path()));
    files.refresh(&Changes::default(), Instant::now());
    std::fs::write(&path, format!("{}\na: [\n", route("b", "b"))).unwrap();
    assert!(files.refresh(&Changes { all: true, ..Changes::default() }, Instant::now()));
    let documents = translator.documents(&[&files]);
    assert!(documents[crd::NAME].http.routers.keys().next().unwrap().starts_with("shop-a-"));
    assert!(documents[crd::NAME].problems.iter().any(Problem::is_error));
}

/// Not a measurement, but far from quadratic: a debug build on a busy machine must pass.
#[test]
fn thousands_of_routes_are_translated_at_once() {
    const ROUTES: usize = 5_000;
    let folder = tempfile::tempdir().unwrap();
    for file in 0..50 {
        let mut text = String::new();
        for index in 0..ROUTES / 50 {
            let name = format!("r{file}-{index}");
            write!(text, "{}", route(&name, &name)).unwrap();
        }
        std::fs::write(folder.path().join(format!("{file}.yaml")), text).unwrap();
    }
    let mut files = open(Root::Folder(folder.path().to_owned()));
    let mut translator = Translator::new(&options(folder.path()));
    let mut took = |what: &str, files: &mut Files<Content>, changes: &Changes| {
        let start = Instant::now();
        files.refresh(changes, start);
        let read = start.elapsed();
        let documents = translator.documents(&[files]);
        println!("{what}: read in {read:?}, translated in {:?}", start.elapsed() - read);
        assert_eq!(documents[crd::NAME].http.routers.len(), ROUTES);
        start.elapsed()
    };
    took("first", &mut files, &Changes::default());
    let path = folder.path().join("7.yaml");
    let changed = std::fs::read_to_string(&path).unwrap().replace("/api", "/v2");
    std::fs::write(&path, changed).unwrap();
    let again = took("one file", &mut files, &Changes::default());
    assert!(again < Duration::from_secs(20));
}

/// What was there before and did not change is the very same, down to the document.
#[test]
fn a_change_of_endpoints_leaves_the_router_alone() {
    let folder = tempfile::tempdir().unwrap();
    let slice = folder.path().join("b.yaml");
    let (route, endpoints) = route("a", "a")
        .rsplit_once("---\napiVersion: discovery")
        .map(|(route, slice)| (route.to_owned(), format!("apiVersion: discovery{slice}")))
        .unwrap();
    std::fs::write(folder.path().join("a.yaml"), route).unwrap();
    std::fs::write(&slice, &endpoints).unwrap();
    let mut files = open(Root::Folder(folder.path().to_owned()));
    let mut translator = Translator::new(&options(folder.path()));
    files.refresh(&Changes::default(), Instant::now());
    let first = translator.documents(&[&files]);
    let again = translator.documents(&[&files]);
    assert!(first.iter().all(|(name, document)| Arc::ptr_eq(document, &again[name])));
    std::fs::write(&slice, endpoints.replace("127.0.0.1", "127.0.0.2")).unwrap();
    files.refresh(&Changes { all: true, ..Changes::default() }, Instant::now());
    let second = translator.documents(&[&files]);
    let (first, second) = (&first[crd::NAME].http, &second[crd::NAME].http);
    let (_, router) = first.routers.first_key_value().unwrap();
    assert!(Arc::ptr_eq(router, second.routers.first_key_value().unwrap().1));
    let (name, service) = first.services.first_key_value().unwrap();
    assert!(!Arc::ptr_eq(service, &second.services[name]));
    assert_ne!(service.config, second.services[name].config);
}

/// Objects that nobody complains of are kept as text, not as trees.
#[test]
fn trees_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), route("a", "a") + &route("b", "nobody")).unwrap();
    let (document, _, _) = read(&[folder.path().to_owned()], &options(folder.path()));
    for (name, router) in &document.http.routers {
        assert!(!router.source.tree.as_ref().unwrap().is_made(), "{name}");
        assert_eq!(router.source.tree().unwrap().get("rule").unwrap().place.column, 14);
    }
}

mod edits;
