//! Whatever was edited before, a document is what it would be had nothing been there before.

use std::collections::BTreeSet;

use dynamic::{Element, Map};
use proptest::prelude::*;

use super::*;

/// One object: its kind, namespace, name, and what it says.
type Written = (usize, usize, usize, usize);

/// A file, and what stands in it from now on; nothing: the file goes.
type Edit = (usize, Option<Vec<Written>>);

const KINDS: usize = 13;

fn text_of((kind, namespace, name, variant): Written) -> String {
    let namespace = ["a", "a-b"][namespace];
    let name = ["x", "b-x", "default"][name];
    let created = ["", ", creationTimestamp: \"2026-01-02T03:04:05Z\""][variant % 2];
    let meta = format!("{{name: {name}, namespace: {namespace}{created}}}");
    let traefik = |kind: &str, spec: &str| {
        format!("apiVersion: traefik.io/v1alpha1\nkind: {kind}\nmetadata: {meta}\nspec: {spec}\n")
    };
    let core = |version: &str, kind: &str, rest: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {meta}\n{rest}\n")
    };
    match kind {
        0 => traefik("IngressRoute", INGRESS_ROUTES[variant]),
        1 => core("v1", "Service", SERVICES[variant]),
        2 => {
            let labels = ["x", "b-x", "default", "x"][variant];
            let meta = format!(
                "{{name: {name}, namespace: {namespace}{created}, labels: {{kubernetes.io/service-name: {labels}}}}}"
            );
            let addresses = ["10.0.0.1", "10.0.0.1, 10.0.0.2", "", "'::1'"][variant];
            format!(
                "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {meta}\naddressType: IPv4\n\
                 ports: [{{port: 8080}}]\nendpoints: [{{addresses: [{addresses}], conditions: {{ready: true}}}}]\n"
            )
        }
        3 => core("v1", "Secret", SECRETS[variant]),
        4 => traefik("Middleware", MIDDLEWARES[variant]),
        5 => traefik("TraefikService", TRAEFIK_SERVICES[variant]),
        6 => traefik(
            "TLSOption",
            ["{minVersion: VersionTLS12}", "{}", "{clientAuth: {secretNames: [x]}}", "{a: b}"][variant],
        ),
        7 => traefik(
            "TLSStore",
            ["{certificates: [{secretName: x}]}", "{}", "{defaultCertificate: {secretName: x}}", "{a: b}"]
                [variant],
        ),
        8 => traefik(
            "ServersTransport",
            ["{serverName: a}", "{rootCAs: [{secret: x}]}", "{rootCAs: [{configMap: x}]}", "{a: b}"][variant],
        ),
        9 => core("networking.k8s.io/v1", "Ingress", INGRESSES[variant]),
        10 => core(
            "networking.k8s.io/v1",
            "IngressClass",
            ["spec: {controller: traefik.io/ingress-controller}", "spec: {}"][variant % 2],
        ),
        11 => traefik(
            "IngressRouteTCP",
            "{routes: [{match: HostSNI(`*`), services: [{name: x, port: 80}, {name: b-x, port: 80}]}]}",
        ),
        _ => core(
            "v1",
            "ConfigMap",
            ["data: {ca.crt: \"-----BEGIN X-----\\na\\n-----END X-----\"}", "data: {}"][variant % 2],
        ),
    }
}

const INGRESS_ROUTES: [&str; 4] = [
    "{routes: [{match: Host(`x`), services: [{name: x, port: 80}]}], tls: {secretName: x, options: {name: x}}}",
    "{routes: [{match: Host(`x`), services: [{name: x, port: 80}, {name: b-x, port: 80, weight: 2}], middlewares: [{name: x}]}]}",
    "{parentRefs: [{name: b-x}], routes: [{match: Path(`/`), services: [{name: x, kind: TraefikService}]}, {services: []}]}",
    "{ingressClassName: other, routes: []}",
];
const SERVICES: [&str; 4] = [
    "spec: {ports: [{port: 80}]}",
    "spec: {ports: [{port: 80}, {port: 81, name: more}], typ: ClusterIP}",
    "spec: {type: ExternalName, externalName: x.test, ports: [{port: 80}]}",
    "spec: {ports: [{port: 82}]}",
];
const SECRETS: [&str; 4] = [
    "stringData: {tls.crt: \"-----BEGIN X-----\\na\\n-----END X-----\", tls.key: \"-----BEGIN X-----\\nb\\n-----END X-----\"}",
    "stringData: {tls.crt: \"-----BEGIN X-----\\nc\\n-----END X-----\", tls.key: \"-----BEGIN X-----\\nd\\n-----END X-----\"}",
    "stringData: {users: 'a:b'}",
    "stringData: {tls.ca: \"-----BEGIN X-----\\na\\n-----END X-----\"}",
];
const MIDDLEWARES: [&str; 4] = [
    "{basicAuth: {secret: x}}",
    "{chain: {middlewares: [{name: x}, {name: b-x}]}}",
    "{errors: {status: ['500'], query: /, service: {name: x, port: 80}}}",
    "{nothing: {}}",
];
const TRAEFIK_SERVICES: [&str; 4] = [
    "{weighted: {services: [{name: x, port: 80}]}}",
    "{mirroring: {name: x, port: 80, mirrors: [{name: b-x, port: 80, percent: 10}]}}",
    "{failover: {service: {name: x, port: 80}}}",
    "{}",
];
const INGRESSES: [&str; 4] = [
    "spec: {rules: [{host: x, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: x, port: {number: 80}}}}]}}], tls: [{secretName: x}]}",
    "spec: {defaultBackend: {service: {name: x, port: {number: 80}}}}",
    "spec: {rules: [{http: {paths: [{path: /, pathType: Exact, backend: {service: {name: b-x, port: {number: 80}}}}]}}]}",
    "spec: {ingressClassName: x, defaultBackend: {service: {name: b-x, port: {number: 80}}}}",
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let object = (0..KINDS, 0..2_usize, 0..3_usize, 0..4_usize);
    let content = prop::option::weighted(0.9, prop::collection::vec(object, 1..12));
    prop::collection::vec((0..4_usize, content), 1..12)
}

/// Writes a file or removes it, and tells of it as a watch would.
fn apply(folder: &Path, (file, content): &Edit) -> Changes {
    let path = folder.join(format!("{file}.yaml"));
    match content {
        Some(objects) => {
            let texts: Vec<String> = objects.iter().map(|object| text_of(*object)).collect();
            std::fs::write(&path, texts.join("---\n")).unwrap();
        }
        None => drop(std::fs::remove_file(&path)),
    }
    Changes { paths: BTreeSet::from([crate::watch::key(&path)]), ..Changes::default() }
}

/// Equal, with the trees in which places are looked up.
fn check(found: &Documents, expected: &Documents) {
    assert_eq!(found, expected);
    for (found, expected) in found.values().zip(expected.values()) {
        trees(&found.http.routers, &expected.http.routers);
        trees(&found.http.services, &expected.http.services);
        trees(&found.http.middlewares, &expected.http.middlewares);
        trees(&found.tcp.routers, &expected.tcp.routers);
        trees(&found.tls.options, &expected.tls.options);
    }
}

fn trees<T>(found: &Map<T>, expected: &Map<T>) {
    let tree = |element: &Arc<Element<T>>| element.source.tree.as_ref().map(|tree| tree.read().into_owned());
    for ((name, found), expected) in found.iter().zip(expected.values()) {
        assert_eq!(tree(found), tree(expected), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_come_to_what_reading_anew_does(edits in edits(), are_apart in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        options.kubernetes_crd.allow_cross_namespace = are_apart;
        options.kubernetes_crd.allow_empty_services = are_apart;
        options.kubernetes_crd.allow_external_name_services = true;
        if are_apart {
            options.kubernetes_ingress.namespaces = vec!["a".to_owned()];
        }
        let mut files = open(Root::Folder(folder.path().to_owned()));
        let mut translator = Translator::new(&options);
        files.refresh(&Changes::default(), Instant::now());
        translator.documents(&[&files]);
        for edit in &edits {
            let changes = apply(folder.path(), edit);
            files.refresh(&changes, Instant::now());
            let found = translator.documents(&[&files]);
            let mut anew = open(Root::Folder(folder.path().to_owned()));
            anew.refresh(&Changes::default(), Instant::now());
            check(&found, &Translator::new(&options).documents(&[&anew]));
        }
    }
}
