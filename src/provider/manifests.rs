//! `providers.manifests` — Kubernetes objects from a folder of YAML files, without a cluster.
//!
//! Publishes two documents, as the two providers would that read a cluster: `kubernetescrd` and `kubernetes`.

mod objects;
mod selector;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use document::{Format, Problem, Source};
use dynamic::Configuration;
use tokio::sync::{Notify, watch as channel};

use self::objects::{Content, Filter, Objects};
use self::selector::Selector;
use crate::files::{Files, Parsed, Root};
use crate::follow::{Assemble, follow};
use crate::kubernetes::read::{self, Origin};
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

/// Translates again and again what changed.
struct Translator {
    crd: crd::Translator,
    ingress: ingress::Translator,
    objects: Objects,
    /// Where Ingresses are looked for in other namespaces.
    ingress_objects: Option<Objects>,
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

/// What is wrong with the selectors. Key paths begin below `providers.manifests`.
pub(crate) fn check_selectors(options: &config::Manifests) -> Vec<Problem> {
    let selectors = [
        ("kubernetesCRD.labelSelector", &options.kubernetes_crd.label_selector),
        ("kubernetesIngress.labelSelector", &options.kubernetes_ingress.label_selector),
    ];
    let problem = |(path, text): (&str, &String)| Some(Selector::parse(text).err()?.with_path(path));
    selectors.into_iter().filter_map(problem).collect()
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
    let (trees, problems) = text.parse_trees(Format::of(path).unwrap_or(Format::Yaml));
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    let origin = Origin { file: Some(Arc::new(path.to_owned())), text: Some(text), ..Origin::default() };
    let (mut objects, mut problems) = (Vec::new(), problems);
    for (tree, again) in trees {
        let (mut own, mut found) = read::objects(tree, again, &origin);
        objects.append(&mut own);
        problems.append(&mut found);
    }
    Ok(Parsed { content: Content::new(objects, problems), companions: std::collections::BTreeSet::new() })
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
        let problems = check_selectors(options);
        let filter = Filter {
            namespaces: options.kubernetes_crd.namespaces.clone(),
            crd_selector: Selector::parse(&options.kubernetes_crd.label_selector).ok(),
            ingress_selector: Selector::parse(&options.kubernetes_ingress.label_selector).ok(),
        };
        let namespaces = &options.kubernetes_ingress.namespaces;
        let ingress_objects = (*namespaces != filter.namespaces).then(|| {
            let filter = Filter { namespaces: namespaces.clone(), ..filter.clone() };
            Objects::new(filter)
        });
        Self {
            crd: crd::Translator::new(&options.kubernetes_crd),
            ingress: ingress::Translator::new(&options.kubernetes_ingress),
            objects: Objects::new(filter),
            ingress_objects,
            problems: problems.into_iter().map(|problem| problem.under("providers.manifests")).collect(),
        }
    }

    fn documents(&mut self, files: &[&Files<Content>]) -> Documents {
        let contents: Vec<Arc<Content>> =
            files.iter().flat_map(|files| files.contents()).map(|(_, content)| Arc::clone(content)).collect();
        let changed = self.objects.update(contents.clone());
        let mut problems = self.problems.clone();
        problems.extend(files.iter().flat_map(|files| files.problems()).cloned());
        problems.extend(self.objects.problems());
        let crd = self.crd.update(&self.objects.view, &changed, problems);
        let ingress = match &mut self.ingress_objects {
            None => self.ingress.update(&self.objects.view, &changed, Vec::new()),
            Some(objects) => {
                let changed = objects.update(contents);
                let problems = objects.problems_beyond(&self.objects).collect();
                self.ingress.update(&objects.view, &changed, problems)
            }
        };
        Documents::from([(crd::NAME.into(), crd), (ingress::NAME.into(), ingress)])
    }
}

#[cfg(test)]
mod tests;
