//! `providers`, as it is written. Traefik, "Providers".

use document::{Duration, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ```yaml
/// providers:
///   file: { directory: /etc/portcullis/dynamic }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// At most one new configuration of a provider in this time. Traefik: 2 s when unset; here 0, no wait.
    pub providers_throttle_duration: Duration,
    /// Whose router goes first at equal priority; who is not listed goes last. Unset: [`PRECEDENCE`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precedence: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifests: Option<Manifests>,
}

/// `file`: routers, services, middlewares and certificates from files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct File {
    /// One file; this or `directory`.
    pub filename: String,
    /// All `.yaml`, `.yml` and `.toml` files in it and below.
    pub directory: String,
    /// Read again what changes.
    pub watch: bool,
    /// Accepted without effect: there are no templates.
    pub debug_log_generated_template: bool,
}

/// `manifests`, ours: Kubernetes objects from files, without a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Manifests {
    /// All `.yaml`, `.yml` and `.json` files in it and below.
    pub directory: String,
    /// Read again what changes.
    pub watch: bool,
    /// IngressRoute and its kin, with the options of Traefik's provider.
    #[serde(rename = "kubernetesCRD")]
    pub kubernetes_crd: KubernetesCrd,
    /// Ingress, with the options of Traefik's provider.
    pub kubernetes_ingress: KubernetesIngress,
}

/// Options of `kubernetesCRD` that need no cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubernetesCrd {
    /// Objects of other namespaces do not exist; empty means all.
    pub namespaces: Vec<String>,
    /// References to Services, middlewares and other objects may name another namespace.
    pub allow_cross_namespace: bool,
    pub allow_external_name_services: bool,
    /// Namespaces whose objects may refer to `name@provider`; unset means all, an empty list none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// Which traefik.io objects are taken; empty means all.
    pub label_selector: String,
    /// Which `kubernetes.io/ingress.class` is ours; empty takes `traefik` and none.
    pub ingress_class: String,
    /// A service without endpoints answers 503. Traefik: false when unset, and the route is dropped.
    pub allow_empty_services: bool,
    /// Send to the Service's cluster address instead of to its endpoints.
    #[serde(rename = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
}

/// Options of `kubernetesIngress` that need no cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubernetesIngress {
    /// Objects of other namespaces do not exist; empty means all.
    pub namespaces: Vec<String>,
    /// Which Ingress objects are taken; empty means all.
    pub label_selector: String,
    /// The only class that is ours; empty means every class of our controller.
    pub ingress_class: String,
    pub allow_external_name_services: bool,
    /// Namespaces whose objects may refer to `name@provider`; unset means all, an empty list none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// A service without endpoints answers 503. Traefik: false when unset, and the path is dropped.
    pub allow_empty_services: bool,
    /// Deprecated: IngressClass objects are not looked at.
    pub disable_ingress_class_lookup: bool,
    /// Send to the Service's cluster address instead of to its endpoints.
    #[serde(rename = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// `/v1` as a prefix does not match `/v12`.
    pub strict_prefix_matching: bool,
}

/// The order of providers at equal priority, where `precedence` is unset.
pub const PRECEDENCE: [&str; 17] = [
    "kubernetesgateway",
    "kubernetescrd",
    "kubernetes",
    "kubernetesingressnginx",
    "swarm",
    "docker",
    "file",
    "redis",
    "knative",
    "consul",
    "consulcatalog",
    "nomad",
    "etcd",
    "ecs",
    "http",
    "zookeeper",
    "rest",
];

// === impl Config ===

impl Config {
    /// The order of providers at equal priority.
    pub fn precedence(&self) -> Vec<String> {
        self.precedence.clone().unwrap_or_else(|| PRECEDENCE.map(str::to_owned).to_vec())
    }

    /// Everything that is wrong with it by itself. Key paths begin below `providers`.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, name) in self.precedence.iter().flatten().enumerate() {
            if !PRECEDENCE.contains(&name.as_str()) {
                let near = document::name::nearest(name, PRECEDENCE);
                let problem =
                    Problem::field(format!("precedence[{index}]"), format!("unknown provider `{name}`"));
                problems.push(problem.did_you_mean(near));
            }
        }
        problems.extend(self.file.as_ref().and_then(File::check).map(|problem| problem.under("file")));
        if let Some(manifests) = &self.manifests {
            if manifests.directory.is_empty() {
                problems.push(Problem::error("missing_key", "`directory` is missing").with_path("manifests"));
            }
            let selectors = crate::manifests::check_selectors(manifests);
            problems.extend(selectors.into_iter().map(|problem| problem.under("manifests")));
        }
        problems
    }
}

impl File {
    fn check(&self) -> Option<Problem> {
        match (self.filename.is_empty(), self.directory.is_empty()) {
            (true, true) => Some(Problem::error("missing_key", "`filename` or `directory` is missing")),
            (false, false) => Some(Problem::field("", "only one of `filename` and `directory` may be given")),
            (true, false) | (false, true) => None,
        }
    }
}

// === defaults ===

impl Default for File {
    fn default() -> Self {
        Self {
            filename: String::new(),
            directory: String::new(),
            watch: true,
            debug_log_generated_template: false,
        }
    }
}

impl Default for Manifests {
    fn default() -> Self {
        Self {
            directory: String::new(),
            watch: true,
            kubernetes_crd: KubernetesCrd::default(),
            kubernetes_ingress: KubernetesIngress::default(),
        }
    }
}

impl Default for KubernetesCrd {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            allow_cross_namespace: false,
            allow_external_name_services: false,
            cross_provider_namespaces: None,
            label_selector: String::new(),
            ingress_class: String::new(),
            allow_empty_services: true,
            native_lb_by_default: false,
        }
    }
}

impl Default for KubernetesIngress {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            label_selector: String::new(),
            ingress_class: String::new(),
            allow_external_name_services: false,
            cross_provider_namespaces: None,
            allow_empty_services: true,
            disable_ingress_class_lookup: false,
            native_lb_by_default: false,
            strict_prefix_matching: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use document::Format;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let (value, _) = document::parse(text, Format::Yaml).unwrap();
        let (config, mut problems) = document::schema::read::<Config>(&value);
        problems.extend(config.iter().flat_map(Config::check));
        assert_eq!(problems.iter().map(Problem::summary).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn names_are_those_of_traefik() {
        check(
            "
providersThrottleDuration: 2s
precedence: kubernetescrd,file
file: {filename: a.yml, watch: false, debugLogGeneratedTemplate: true}
manifests:
  directory: m
  kubernetesCRD: {namespaces: [a], allowCrossNamespace: true, nativeLBByDefault: true, allowEmptyServices: false}
  kubernetesIngress: {strictPrefixMatching: true, crossProviderNamespaces: []}
",
            &[],
        );
    }

    /// Taken for none, a selector that cannot be read would publish what it keeps out.
    #[test]
    fn a_selector_that_cannot_be_read_is_an_error() {
        let hint = "write it as `a=b, c!=d, e in (f, g), h, !i`";
        let said = |selector: &str, section: &str| {
            format!(
                "`{selector}` is no requirement of a label selector (manifests.{section}.labelSelector); {hint}"
            )
        };
        let expected = [said("l in (a", "kubernetesCRD"), said("x y", "kubernetesIngress")];
        check(
            "manifests: {directory: m, kubernetesCRD: {labelSelector: l in (a}, kubernetesIngress: {labelSelector: x y}}",
            &expected.each_ref().map(String::as_str),
        );
    }

    #[test]
    fn everything_wrong_is_said() {
        check("file: true\n", &["`filename` or `directory` is missing (file)"]);
        check(
            "file: {filename: a, directory: b}\nprecedence: [fil]\nmanifests: {}\n",
            &[
                "unknown provider `fil` (precedence[0]); did you mean `file`?",
                "only one of `filename` and `directory` may be given (file)",
                "`directory` is missing (manifests)",
            ],
        );
    }
}
