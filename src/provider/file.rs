//! `providers.file` — a TOML, YAML or JSON file, or a folder of them with the folders in it.
//! Traefik, "File provider".

mod combine;
mod companions;
mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use document::{Format, Problem};
use dynamic::Configuration;
use tokio::sync::{Notify, watch as channel};

use crate::files::{self, Files, Parsed, Root};
use crate::follow::{Assemble, follow};
use crate::watch::Changes;
use crate::{Documents, config};

/// What follows `@` in names.
pub const NAME: &str = "file";

/// The provider.
#[derive(Clone, Debug)]
pub struct File {
    root: Root,
    is_watched: bool,
}

/// Reads one file or folder, once, with everything that is wrong in it, in its objects too.
#[must_use]
pub fn read(path: &Path) -> (Configuration, Vec<Problem>) {
    let configuration = read_all(&[path.to_owned()]);
    let problems = configuration.all_problems().cloned().collect();
    (configuration, problems)
}

/// Reads files, and the files of folders, once, as if all stood in one folder.
#[must_use]
pub fn read_all(paths: &[PathBuf]) -> Configuration {
    let mut whole = Configuration::default();
    for path in paths {
        let mut files = open(Root::of(path));
        files.refresh(&Changes::default(), Instant::now());
        combine::add_all(&mut whole, &files);
    }
    whole
}

/// Reads a text as if it stood in the file `path`.
#[must_use]
pub fn read_text(path: &Path, text: &str, format: Format) -> (Configuration, Vec<Problem>) {
    let configuration = match read::read(path, text.to_owned(), format) {
        Ok(parsed) => parsed.content,
        Err(problems) => Configuration { problems, ..Configuration::default() },
    };
    let problems = configuration.all_problems().cloned().collect();
    (configuration, problems)
}

fn open(root: Root) -> Files<Configuration> {
    let read = |path: &Path, text: String| -> Result<Parsed<Configuration>, Vec<Problem>> {
        // A file that is named may have any ending; Traefik takes TOML and YAML by theirs.
        read::read(path, text, Format::of(path).unwrap_or(Format::Yaml))
    };
    Files::new(root, files::has_format, Box::new(read))
}

// === impl File ===

impl File {
    #[must_use]
    pub fn new(options: &config::File) -> Self {
        let root = if options.directory.is_empty() {
            Root::File(PathBuf::from(&options.filename))
        } else {
            Root::Folder(PathBuf::from(&options.directory))
        };
        Self { root, is_watched: options.watch }
    }

    pub async fn run(self, publish: channel::Sender<Documents>, reread: Arc<Notify>) {
        let assemble: Assemble<Configuration> =
            Box::new(|files| Documents::from([(NAME.into(), Arc::new(combine::combine(files)))]));
        follow(open(self.root), assemble, self.is_watched, publish, reread).await;
    }
}

#[cfg(test)]
mod tests;
