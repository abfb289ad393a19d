//! The log's file: set aside when it is large, with the time in its name, as Traefik's rotator does.
//! What is set aside is compressed and removed on a thread of its own, for whoever logs waits for the file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::clock::Moment;
use crate::config;
use crate::file::Sink;

/// A file and when it is set aside.
#[derive(Debug)]
pub(super) struct Rotated {
    sink: Sink,
    size: u64,
    most_bytes: u64,
    backups: Backups,
    /// Tends the backups. What it does not see any more, the next one does.
    tending: Option<JoinHandle<()>>,
}

/// The files set aside, and how long they stay.
#[derive(Clone, Debug)]
struct Backups {
    /// Of the file that is written.
    path: PathBuf,
    /// 0: all are kept.
    most: usize,
    most_age: Option<Duration>,
    compress: bool,
}

/// What a compressed backup's name ends in, too.
const COMPRESSED: &str = ".gz";
const MEGABYTE: u64 = 1024 * 1024;
const DAY: u64 = 86_400;

// === impl Rotated ===

impl Rotated {
    pub(super) fn open(config: &config::Log) -> io::Result<Self> {
        let sink = Sink::open(&config.file_path)?;
        let path = PathBuf::from(&config.file_path);
        Ok(Self {
            sink,
            size: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
            most_bytes: if config.max_size == 0 { 100 } else { config.max_size }.saturating_mul(MEGABYTE),
            backups: Backups {
                path,
                most: config.max_backups,
                most_age: (config.max_age > 0)
                    .then(|| Duration::from_secs(config.max_age.saturating_mul(DAY))),
                compress: config.compress,
            },
            tending: None,
        })
    }

    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.sink.reopen()?;
        self.size = fs::metadata(&self.backups.path).map_or(0, |metadata| metadata.len());
        Ok(())
    }

    pub(super) fn write_all(&mut self, line: &[u8], now: i64) -> io::Result<()> {
        let length = line.len() as u64;
        if self.size > 0 && self.size.saturating_add(length) > self.most_bytes {
            fs::rename(&self.backups.path, self.backups.free(now))?;
            self.reopen()?;
            self.tend();
        }
        self.sink.write_all(line)?;
        self.size += length;
        Ok(())
    }

    /// Has the backups tended, one at a time. Without a thread they wait for the next occasion.
    fn tend(&mut self) {
        if self.tending.as_ref().is_some_and(|thread| !thread.is_finished()) || self.backups.stay() {
            return;
        }
        let backups = self.backups.clone();
        let thread = thread::Builder::new().name("log-files".to_owned());
        self.tending = thread.spawn(move || backups.tend()).ok();
    }
}

// === impl Backups ===

impl Backups {
    /// Is nothing ever done to them?
    fn stay(&self) -> bool {
        self.most == 0 && self.most_age.is_none() && !self.compress
    }

    /// `gateway-2006-01-02T15-04-05.log`; a number follows where that is taken.
    fn free(&self, now: i64) -> PathBuf {
        let mut time = String::new();
        Moment { seconds: now, nanos: 0, offset: 0 }.write_rfc3339(&mut time);
        let time = time.trim_end_matches('Z').replace(':', "-");
        let (stem, extension) = self.parts();
        let named = |number: u32| {
            self.path.with_file_name(match number {
                0 => format!("{stem}-{time}{extension}"),
                number => format!("{stem}-{time}.{number}{extension}"),
            })
        };
        let is_free = |path: &PathBuf| !path.exists() && !compressed(path).exists();
        (0..1000).map(named).find(is_free).unwrap_or_else(|| named(1000))
    }

    fn parts(&self) -> (String, String) {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        let stem = self.path.file_stem().map(text).unwrap_or_default();
        let extension =
            self.path.extension().map(|extension| format!(".{}", text(extension))).unwrap_or_default();
        (stem, extension)
    }

    /// Removes what is too old, and the oldest beyond the number to keep, and compresses the rest.
    /// What cannot be removed or compressed stays as it is.
    fn tend(&self) {
        let mut backups = self.list();
        backups.sort_unstable();
        backups.reverse();
        for (place, path) in backups.iter().enumerate() {
            if (self.most > 0 && place >= self.most) || self.is_old(path) {
                let _ = fs::remove_file(path);
            } else if self.compress && !path.as_os_str().as_encoded_bytes().ends_with(COMPRESSED.as_bytes()) {
                let target = compressed(path);
                if compress(path, &target).and_then(|()| fs::remove_file(path)).is_err() {
                    let _ = fs::remove_file(target);
                }
            }
        }
    }

    fn list(&self) -> Vec<PathBuf> {
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (stem, extension) = self.parts();
        let is_backup = |path: &Path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                let name = name.strip_suffix(COMPRESSED).unwrap_or(name);
                name.strip_prefix(&*stem)
                    .and_then(|rest| rest.strip_suffix(&*extension))
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
        files.flatten().map(|file| file.path()).filter(|path| is_backup(path)).collect()
    }

    fn is_old(&self, path: &Path) -> bool {
        let age = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        matches!((age, self.most_age), (Some(age), Some(most)) if age > most)
    }
}

fn compressed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(COMPRESSED);
    name.into()
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let metadata = source.metadata()?;
    let mut encoder = GzEncoder::new(File::create(to)?, Compression::default());
    io::copy(&mut source, &mut encoder)?;
    let target = encoder.finish()?;
    // It is as secret and as old as what it stands for.
    target.set_permissions(metadata.permissions())?;
    target.set_modified(metadata.modified()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn config(path: &Path) -> config::Log {
        config::Log {
            file_path: path.to_str().unwrap().to_owned(),
            max_size: 1,
            max_backups: 2,
            ..config::Log::default()
        }
    }

    /// Writes four lines of which no two fit into one file, and gives the names of the files there are then.
    fn written(config: &config::Log, folder: &Path) -> Vec<String> {
        let mut file = Rotated::open(config).unwrap();
        let half = vec![b'x'; 600 * 1024];
        for second in 0..4 {
            file.write_all(&half, 1_700_000_000 + second).unwrap();
            file.tending.take().map(JoinHandle::join).transpose().unwrap();
        }
        assert_eq!(fs::metadata(&config.file_path).unwrap().len(), half.len() as u64);
        let files = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_large_file_is_set_aside_and_the_oldest_removed() {
        let folder = tempfile::tempdir().unwrap();
        let names = written(&config(&folder.path().join("gateway.log")), folder.path());
        assert_eq!(
            names,
            ["gateway-2023-11-14T22-13-22.log", "gateway-2023-11-14T22-13-23.log", "gateway.log"]
        );
    }

    #[test]
    fn what_is_set_aside_is_compressed_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Log { compress: true, ..config(&folder.path().join("gateway.log")) };
        let names = written(&config, folder.path());
        assert_eq!(
            names,
            ["gateway-2023-11-14T22-13-22.log.gz", "gateway-2023-11-14T22-13-23.log.gz", "gateway.log"]
        );
        let mut text = Vec::new();
        GzDecoder::new(File::open(folder.path().join(&names[0])).unwrap()).read_to_end(&mut text).unwrap();
        assert_eq!(text, vec![b'x'; 600 * 1024]);
    }
}
