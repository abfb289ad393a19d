//! A log's file: appended to, opened anew on demand, so that another program can move it away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where lines go.
#[derive(Debug)]
pub(crate) enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

// === impl Sink ===

impl Sink {
    /// Opens the file, or the standard output where `path` is empty. Missing folders are made.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        if path.is_empty() {
            return Ok(Self::Stdout);
        }
        let path = PathBuf::from(path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = append_to(&path)?;
        Ok(Self::File { path, file })
    }

    /// Opens the same path again. The old file stays in use where that fails.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        if let Self::File { path, file } = self {
            *file = append_to(path)?;
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => io::stdout().write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o664).open(path)
}
