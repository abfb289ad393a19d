//! `providers.manifests` — Kubernetes objects from a folder of YAML files, without a cluster.
//!
//! Publishes two documents, as the two providers would that read a cluster: `kubernetescrd` and `kubernetes`.

mod selector;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use document::{Format, Problem, Source};
use dynamic::Configuration;
use tokio::sync::{Notify, watch as channel};

use self::selector::Selector;
use crate::files::{Files, Parsed, Root};
use crate::follow::{Assemble, follow};
use crate::kubernetes::object::Meta;
use crate::kubernetes::read::{self, Origin};
use crate::kubernetes::view::{Any, View};
use crate::kubernetes::{crd, ingress};
use crate::watch::Changes;
use crate::{Documents, config};

/// The provider.
#[derive(Clone, Debug)]
pub struct Manifests {
    root: Root,
    is_watched: bool,
    options: Box<config::Manifests>,
}

/// The objects of one file.
struct Content {
    objects: Vec<Any>,
    /// What is wrong in it besides what is wrong in its objects.
    problems: Vec<Problem>,
}

/// Translates again and again; knows what it made last.
struct Translator {
    crd_selector: Selector,
    ingress_selector: Selector,
    options: config::Manifests,
    last: Option<(Arc<Configuration>, Arc<Configuration>)>,
    problems: Vec<Problem>,
}

/// Reads files and folders, once.
#[must_use]
pub fn read_all(paths: &[PathBuf], options: &config::Manifests) -> Documents {
    let read: Vec<Files<Content>> = paths
        .iter()
        .map(|path| {
            let mut files = open(Root::of(path));
            files.refresh(&Changes::default(), Instant::now());
            files
        })
        .collect();
    Translator::new(options).documents(&read.iter().collect::<Vec<_>>())
}

/// Reads files and folders, once: the documents of IngressRoute and its kin, and of Ingress, and all that is wrong.
#[must_use]
pub fn read(
    paths: &[PathBuf],
    options: &config::Manifests,
) -> (Arc<Configuration>, Arc<Configuration>, Vec<Problem>) {
    let documents = read_all(paths, options);
    let problems = documents.values().flat_map(|document| document.all_problems()).cloned().collect();
    let document = |name: &str| documents.get(name).cloned().unwrap_or_default();
    (document(crd::NAME), document(ingress::NAME), problems)
}

fn open(root: Root) -> Files<Content> {
    Files::new(root, is_manifest, Box::new(parse))
}

fn is_manifest(path: &Path) -> bool {
    matches!(Format::of(path), Some(Format::Yaml | Format::Json))
}

/// A file of which one document is no YAML is not read at all, so that its last good version stays whole.
fn parse(path: &Path, text: String) -> Result<Parsed<Content>, Vec<Problem>> {
    let text = Arc::new(Source::new(path.display().to_string(), text));
    let (trees, problems) = text.parse_documents(Format::of(path).unwrap_or(Format::Yaml));
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    let origin = Origin { file: Some(Arc::new(path.to_owned())), text: Some(text) };
    let mut content = Content { objects: Vec::new(), problems };
    for tree in trees {
        let (objects, problems) = read::objects(tree, &origin);
        content.objects.extend(objects);
        content.problems.extend(problems);
    }
    Ok(Parsed { content, companions: std::collections::BTreeSet::new() })
}

// === impl Manifests ===

impl Manifests {
    #[must_use]
    pub fn new(options: &config::Manifests) -> Self {
        Self {
            root: Root::Folder(PathBuf::from(&options.directory)),
            is_watched: options.watch,
            options: Box::new(options.clone()),
        }
    }

    pub async fn run(self, publish: channel::Sender<Documents>, reread: Arc<Notify>) {
        let mut translator = Translator::new(&self.options);
        let assemble: Assemble<Content> =
            Box::new(move |files: &Files<Content>| translator.documents(&[files]));
        follow(open(self.root), assemble, self.is_watched, publish, reread).await;
    }
}

// === impl Translator ===

impl Translator {
    fn new(options: &config::Manifests) -> Self {
        let mut problems = Vec::new();
        let mut selector = |text: &str, section: &str| {
            Selector::parse(text).unwrap_or_else(|problem| {
                problems.push(problem.with_path(format!("providers.manifests.{section}.labelSelector")));
                Selector::default()
            })
        };
        Self {
            crd_selector: selector(&options.kubernetes_crd.label_selector, "kubernetesCRD"),
            ingress_selector: selector(&options.kubernetes_ingress.label_selector, "kubernetesIngress"),
            options: options.clone(),
            last: None,
            problems,
        }
    }

    fn documents(&mut self, files: &[&Files<Content>]) -> Documents {
        let (crd_last, ingress_last) = self.last.take().unzip();
        let crd_options = &self.options.kubernetes_crd;
        let ingress_options = &self.options.kubernetes_ingress;
        let (view, problems) = view(files, &crd_options.namespaces, |object| self.is_selected(object));
        let mut crd = crd::translate(&view, crd_options, crd_last.as_deref());
        crd.problems.splice(0..0, self.problems.iter().cloned().chain(problems));
        let ingress = if crd_options.namespaces == ingress_options.namespaces {
            ingress::translate(&view, ingress_options, ingress_last.as_deref())
        } else {
            let (view, _) = self::view(files, &ingress_options.namespaces, |object| self.is_selected(object));
            ingress::translate(&view, ingress_options, ingress_last.as_deref())
        };
        let (crd, ingress) = (Arc::new(crd), Arc::new(ingress));
        self.last = Some((Arc::clone(&crd), Arc::clone(&ingress)));
        Documents::from([(crd::NAME.into(), crd), (ingress::NAME.into(), ingress)])
    }

    /// Selectors choose routes, never what routes lead to.
    fn is_selected(&self, object: &Any) -> bool {
        match object {
            Any::Ingress(object) => self.ingress_selector.takes(&object.meta.labels),
            Any::Traefik(_, object) => self.crd_selector.takes(&object.meta.labels),
            Any::Service(_)
            | Any::Secret(_)
            | Any::ConfigMap(_)
            | Any::IngressClass(_)
            | Any::EndpointSlice(_) => true,
        }
    }
}

/// All objects of these namespaces, and what is wrong with files and with objects that become nothing themselves.
fn view(
    files: &[&Files<Content>],
    namespaces: &[String],
    is_selected: impl Fn(&Any) -> bool,
) -> (View, Vec<Problem>) {
    let mut view = View::default();
    let mut problems = Vec::new();
    for files in files {
        problems.extend(files.problems().cloned());
        for (_, content) in files.contents() {
            problems.extend(content.problems.iter().cloned());
            for object in &content.objects {
                let is_watched =
                    namespaces.is_empty() || namespaces.iter().any(|name| **name == *meta(object).namespace);
                if !(is_watched || matches!(object, Any::IngressClass(_))) || !is_selected(object) {
                    continue;
                }
                problems.extend(own_problems(object).iter().cloned());
                problems.extend(view.insert(object.clone()).err());
            }
        }
    }
    (view, problems)
}

fn meta(object: &Any) -> &Meta {
    match object {
        Any::Service(object) => &object.meta,
        Any::Secret(object) => &object.meta,
        Any::ConfigMap(object) => &object.meta,
        Any::Ingress(object) => &object.meta,
        Any::IngressClass(object) => &object.meta,
        Any::EndpointSlice(object) => &object.meta,
        Any::Traefik(_, object) => &object.meta,
    }
}

/// Problems of objects that are published go with what is published of them.
fn own_problems(object: &Any) -> &[Problem] {
    match object {
        Any::Service(object) => &object.problems,
        Any::Secret(object) => &object.problems,
        Any::ConfigMap(object) => &object.problems,
        Any::IngressClass(object) => &object.problems,
        Any::EndpointSlice(object) => &object.problems,
        Any::Ingress(_) | Any::Traefik(..) => &[],
    }
}

#[cfg(test)]
mod tests;
