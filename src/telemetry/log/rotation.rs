//! The log's file: set aside when it is large, with the time in its name, as Traefik's rotator does.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::clock::Moment;
use crate::config;
use crate::file::Sink;

/// A file and when it is set aside.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    sink: Sink,
    size: u64,
    most_bytes: u64,
    /// 0: all are kept.
    most_backups: usize,
    most_age: Option<Duration>,
}

const MEGABYTE: u64 = 1024 * 1024;
const DAY: u64 = 86_400;

// === impl Rotated ===

impl Rotated {
    pub(super) fn open(config: &config::Log) -> io::Result<Self> {
        let sink = Sink::open(&config.file_path)?;
        let path = PathBuf::from(&config.file_path);
        Ok(Self {
            size: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
            path,
            sink,
            most_bytes: if config.max_size == 0 { 100 } else { config.max_size }.saturating_mul(MEGABYTE),
            most_backups: config.max_backups,
            most_age: (config.max_age > 0).then(|| Duration::from_secs(config.max_age.saturating_mul(DAY))),
        })
    }

    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.sink.reopen()?;
        self.size = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        Ok(())
    }

    pub(super) fn write_all(&mut self, line: &[u8], now: i64) -> io::Result<()> {
        let length = line.len() as u64;
        if self.size > 0 && self.size.saturating_add(length) > self.most_bytes {
            fs::rename(&self.path, self.backup(now))?;
            self.reopen()?;
            self.prune();
        }
        self.sink.write_all(line)?;
        self.size += length;
        Ok(())
    }

    /// `gateway-2006-01-02T15-04-05.log`; a number follows where that is taken.
    fn backup(&self, now: i64) -> PathBuf {
        let mut time = String::new();
        Moment { seconds: now, nanos: 0, offset: 0 }.write_rfc3339(&mut time);
        let time = time.trim_end_matches('Z').replace(':', "-");
        let (stem, extension) = self.parts();
        let name = |number: u32| match number {
            0 => format!("{stem}-{time}{extension}"),
            number => format!("{stem}-{time}.{number}{extension}"),
        };
        let free = (0..1000).map(|number| self.path.with_file_name(name(number))).find(|path| !path.exists());
        free.unwrap_or_else(|| self.path.with_file_name(name(1000)))
    }

    fn parts(&self) -> (String, String) {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        let stem = self.path.file_stem().map(text).unwrap_or_default();
        let extension =
            self.path.extension().map(|extension| format!(".{}", text(extension))).unwrap_or_default();
        (stem, extension)
    }

    /// Removes what is too old, and the oldest beyond the number to keep. What cannot be removed stays.
    fn prune(&self) {
        if self.most_backups == 0 && self.most_age.is_none() {
            return;
        }
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (stem, extension) = self.parts();
        let is_backup = |path: &Path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                name.strip_prefix(&*stem)
                    .and_then(|rest| rest.strip_suffix(&*extension))
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        let Ok(files) = fs::read_dir(folder) else { return };
        let mut backups: Vec<PathBuf> =
            files.flatten().map(|file| file.path()).filter(|path| is_backup(path)).collect();
        backups.sort_unstable();
        backups.reverse();
        let is_old = |path: &Path| {
            let age = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
            matches!((age, self.most_age), (Some(age), Some(most)) if age > most)
        };
        for (place, path) in backups.iter().enumerate() {
            if (self.most_backups > 0 && place >= self.most_backups) || is_old(path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_set_aside_and_the_oldest_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.log");
        let config = config::Log {
            file_path: path.to_str().unwrap().to_owned(),
            max_size: 1,
            max_backups: 2,
            ..config::Log::default()
        };
        let mut file = Rotated::open(&config).unwrap();
        let half = vec![b'x'; 600 * 1024];
        for second in 0..4 {
            file.write_all(&half, 1_700_000_000 + second).unwrap();
        }
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["gateway-2023-11-14T22-13-22.log", "gateway-2023-11-14T22-13-23.log", "gateway.log"]
        );
        assert_eq!(fs::metadata(&path).unwrap().len(), half.len() as u64);
    }
}
