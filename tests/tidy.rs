//! House rules as tests: who may depend on whom, what a file looks like, what may be pulled in from outside.
//! A rule that stands only on paper is broken within a month.

mod graph;
mod supply;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// The checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One file of the checkout that people wrote.
struct File {
    /// Relative to the checkout, with forward slashes.
    path: String,
    text: String,
}

/// Folders that hold what people wrote; what a build or a demo leaves beside them is not ours to judge.
const FOLDERS: &[&str] = &["src", "actors", "tests", "docs", "deploy", ".ci"];

/// Every text file of the checkout, in order of its path.
fn files() -> Vec<File> {
    let mut paths: Vec<PathBuf> = entries(root()).into_iter().filter(|path| path.is_file()).collect();
    for folder in FOLDERS {
        walk(&root().join(folder), &mut paths);
    }
    let mut files: Vec<File> = paths.iter().filter_map(|path| read(path)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 20, "the checkout at {} looks empty", root().display());
    files
}

/// Those of them that are Rust.
fn sources() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

fn read(path: &Path) -> Option<File> {
    // What is not text (an image, say) has no lines to look at.
    let text = fs::read_to_string(path).ok()?;
    let path = path.strip_prefix(root()).ok()?.to_string_lossy().replace('\\', "/");
    Some(File { path, text })
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            walk(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|list| list.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Fails with every breach at once, one a line.
fn must_be_empty(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}\n  {}\n", breaches.join("\n  "));
}
