//! The files to check: what each of them is, its content says.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use document::name::nearest;
use document::{Format, Origin, Problem, Schema, Value};

use crate::install::{DYNAMIC_SECTIONS, Install};

/// Deeper than any tree of configuration; ends loops of mounts.
const MAX_DEPTH: usize = 32;

/// Sections of an install configuration that are read only to be refused or passed over.
const OTHER_SECTIONS: [&str; 7] =
    ["certificatesResolvers", "experimental", "ocsp", "pilot", "spiffe", "stores", "tracing"];

/// The files, by what they are. One file may be two things.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) install: Vec<PathBuf>,
    pub(super) dynamic: Vec<PathBuf>,
    pub(super) manifests: Vec<PathBuf>,
    /// What is wrong with files that are none of them.
    pub(super) problems: Vec<Problem>,
    count: usize,
    seen: BTreeSet<PathBuf>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kinds {
    install: bool,
    dynamic: bool,
    manifests: bool,
}

// === impl Files ===

impl Files {
    /// Every file of the paths, and of the folders among them.
    pub(super) fn collect(paths: &[PathBuf]) -> Self {
        let mut files = Self::default();
        for path in paths {
            if path.is_dir() {
                files.folder(path, MAX_DEPTH);
            } else {
                files.file(path, true);
            }
        }
        files
    }

    /// How many were looked at.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable(folder, &error);
                return;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort_unstable();
        for path in paths {
            // As the providers do: hidden versions of a mounted volume are seen through their links.
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if is_hidden {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                if depth > 0 {
                    self.folder(&path, depth - 1);
                }
            } else if Format::of(&path).is_some() && path.is_file() {
                self.file(&path, false);
            }
        }
    }

    fn file(&mut self, path: &Path, is_named: bool) {
        if !self.seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned())) {
            return;
        }
        self.count += 1;
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.unreadable(path, &error);
                return;
            }
        };
        let source = document::Source::new(path.display().to_string(), text);
        let format = Format::of(path).unwrap_or(Format::Yaml);
        let (documents, problems) = source.parse_documents(format);
        let kinds = Kinds::of(&documents);
        if kinds == Kinds::default() {
            let is_blank = documents.iter().all(Value::is_null);
            self.problems.extend(problems.iter().cloned());
            if !is_blank && problems.is_empty() {
                self.problems.push(unknown(path, is_named, &documents));
            }
            return;
        }
        let lists = [
            (kinds.install, &mut self.install),
            (kinds.dynamic, &mut self.dynamic),
            (kinds.manifests, &mut self.manifests),
        ];
        lists.into_iter().filter(|(is, _)| *is).for_each(|(_, list)| list.push(path.to_owned()));
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!("it cannot be read: {error}");
        self.problems
            .push(Problem::error("unreadable", message).at(Origin::file(path.display().to_string())));
    }
}

/// A file that was named is meant; one that only lies in a folder may be somebody else's.
fn unknown(path: &Path, is_named: bool, documents: &[Value]) -> Problem {
    let message =
        "this is neither an install configuration nor a dynamic one, and holds no Kubernetes object";
    let problem = if is_named {
        Problem::error("unknown_content", message)
    } else {
        Problem::warning("unknown_content", message)
    };
    let problem = problem.at(Origin::file(path.display().to_string()));
    let is_inner = |key: &&str| ["routers", "services", "middlewares"].contains(key);
    let mut keys = documents.iter().flat_map(Value::members).map(|member| member.key.as_str());
    match keys.find(is_inner) {
        Some(key) => problem.hint(format!("`{key}` stands below `http` or `tcp`")),
        None => problem,
    }
}

// === impl Kinds ===

impl Kinds {
    fn of(documents: &[Value]) -> Self {
        let mut kinds = Self::default();
        for document in documents {
            if document.get("apiVersion").is_some() && document.get("kind").is_some() {
                kinds.manifests = true;
                continue;
            }
            for member in document.members() {
                kinds.section(&member.key);
            }
        }
        // A section that is nearly right is a mistake worth finding; in a file of something else it is none.
        if kinds == Self::default() {
            for member in documents.iter().flat_map(Value::members) {
                kinds.misspelt(&member.key);
            }
        }
        kinds
    }

    fn section(&mut self, key: &str) {
        let is = |section: &str| section.eq_ignore_ascii_case(key);
        self.dynamic |= DYNAMIC_SECTIONS.into_iter().any(is);
        self.install |= install_sections().iter().any(|section| is(section));
    }

    fn misspelt(&mut self, key: &str) {
        // Of three letters one may differ: `app` is not meant to be `api`.
        if key.len() < 5 {
            return;
        }
        let sections = install_sections();
        let known = sections.iter().map(String::as_str);
        self.install |= nearest(key, known).is_some();
    }
}

fn install_sections() -> Vec<String> {
    let schema = Schema::of::<Install>();
    let properties = schema.as_json().get("properties").and_then(|properties| properties.as_object());
    let own = properties.into_iter().flat_map(|properties| properties.keys().cloned());
    own.chain(OTHER_SECTIONS.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, install: bool, dynamic: bool, manifests: bool) {
        let (documents, _) = document::parse_documents(text, Format::Yaml);
        assert_eq!(Kinds::of(&documents), Kinds { install, dynamic, manifests }, "{text}");
    }

    #[test]
    fn content_says_what_a_file_is() {
        check("entryPoints: {web: {address: ':80'}}\n", true, false, false);
        check("HTTP: {routers: {}}\n", false, true, false);
        check("api: {}\nhttp: {}\n", true, true, false);
        check("tracing: {}\n", true, false, false);
        check("apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: Service\n", false, false, true);
        check("entryPoint: {}\n", true, false, false);
        check("replicas: 2\nimage: x\napp: y\n", false, false, false);
        check("", false, false, false);
    }

    #[test]
    fn folders_are_searched_and_nothing_is_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let dynamic = put("a/routes.toml", "[http]\n");
        let manifest = put("b.yml", "apiVersion: v1\nkind: Service\n");
        put("..data/c.yml", "api: {}\n");
        put("notes.txt", "http: {}\n");
        put("values.yaml", "image: x\n");
        let files = Files::collect(&[folder.path().to_owned(), manifest.clone(), folder.path().join("none")]);
        assert_eq!((files.dynamic.clone(), files.manifests.clone()), (vec![dynamic], vec![manifest]));
        assert!(files.install.is_empty());
        let codes: Vec<_> = files.problems.iter().map(|p| (p.code, p.is_error())).collect();
        assert_eq!(codes, [("unknown_content", false), ("unreadable", true)]);
        assert_eq!(files.count(), 4);
    }
}
