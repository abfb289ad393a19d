//! Watches folders, never files: an editor, a rename and a swapped `..data` link replace a file, and a watch
//! would stay with the old one.
//!
//! What was closed after writing, or came by a rename, is ready at once; everything else after a short quiet.
//! Changes are gathered by path, so a burst costs no more memory than it has names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// A file that is still written to is read after this much quiet (a heredoc of a shell writes in pieces).
pub(crate) const QUIET: Duration = Duration::from_millis(50);

/// More changed names than this are not told apart: all is looked at again.
const MAX_PENDING: usize = 10_000;

/// What is worth hearing of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Folders in which everything counts.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Single files.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Files that come in sets, such as a certificate and its key: read after a quiet, even when closed.
    pub(crate) companions: BTreeSet<PathBuf>,
}

/// What changed. Paths are as [`key`] gives them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Events were lost or asked for by hand: look at everything, whatever the times of files say.
    pub(crate) all: bool,
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Still written to: not to be read yet.
    pub(crate) unsettled: BTreeSet<PathBuf>,
}

/// The watched folders of one provider.
pub(crate) struct Watch {
    watcher: notify::RecommendedWatcher,
    shared: Arc<Shared>,
    folders: BTreeMap<PathBuf, Folder>,
}

/// A folder in its canonical form: one folder known by two names must not be watched twice, for inotify would
/// tell of it under either.
#[derive(Debug, Default)]
struct Folder {
    device_and_inode: (u64, u64),
    everything: bool,
    names: BTreeSet<OsString>,
    companions: BTreeSet<OsString>,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    all: bool,
    paths: HashMap<PathBuf, Touch>,
}

#[derive(Clone, Copy)]
struct Touch {
    at: Instant,
    /// Nobody writes to it any more.
    is_complete: bool,
}

/// A path as changes name it: its folder in canonical form.
pub(crate) fn key(path: &Path) -> PathBuf {
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Kubernetes keeps the versions of a mounted volume under such names.
pub(crate) fn is_hidden_version(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"..")
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new() -> notify::Result<Self> {
        let shared = Arc::new(Shared::default());
        let heard = Arc::clone(&shared);
        let watcher = notify::recommended_watcher(move |event| heard.hear(event))?;
        Ok(Self { watcher, shared, folders: BTreeMap::new() })
    }

    /// Watches for these and no others. True when a folder is new: what happened in it before now went unheard.
    pub(crate) fn set(&mut self, interest: &Interest) -> bool {
        let wanted = wanted_folders(interest);
        let gone: Vec<PathBuf> = self
            .folders
            .iter()
            .filter(|(path, old)| {
                wanted.get(*path).is_none_or(|new| new.device_and_inode != old.device_and_inode)
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            // A folder that was removed is unwatched already.
            let _ = self.watcher.unwatch(&path);
            self.folders.remove(&path);
        }
        let mut is_new = false;
        for (path, folder) in wanted {
            if !self.folders.contains_key(&path) {
                if let Err(error) = self.watcher.watch(&path, RecursiveMode::NonRecursive) {
                    tracing::warn!(folder = %path.display(), %error, "a folder cannot be watched");
                    continue;
                }
                is_new = true;
            }
            self.folders.insert(path, folder);
        }
        is_new
    }

    /// Waits until something has changed. Cancel-safe: changes are taken only when they are returned.
    pub(crate) async fn changed(&self) -> Changes {
        loop {
            let heard = self.shared.wake.notified();
            let (changes, next) = self.take(Instant::now());
            if changes.all || !changes.paths.is_empty() {
                return changes;
            }
            match next {
                Some(at) => tokio::select! {
                    () = heard => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                },
                None => heard.await,
            }
        }
    }

    /// What is ready now, and when the next will be.
    fn take(&self, now: Instant) -> (Changes, Option<Instant>) {
        let mut pending = self.shared.pending();
        let mut changes = Changes { all: std::mem::take(&mut pending.all), ..Changes::default() };
        let mut next: Option<Instant> = None;
        pending.paths.retain(|path, touch| {
            let Some(is_companion) = self.concerns(path) else {
                return false;
            };
            let due = if touch.is_complete && !is_companion { touch.at } else { touch.at + QUIET };
            if due <= now {
                changes.paths.insert(path.clone());
                return false;
            }
            changes.unsettled.insert(path.clone());
            next = Some(next.map_or(due, |next| next.min(due)));
            true
        });
        (changes, next)
    }

    /// Does a path matter, and is it one of a set?
    fn concerns(&self, path: &Path) -> Option<bool> {
        if self.folders.contains_key(path) {
            return Some(false);
        }
        let (folder, name) = (self.folders.get(path.parent()?)?, path.file_name()?);
        let is_companion = folder.companions.contains(name);
        let matters =
            folder.everything || folder.names.contains(name) || is_companion || is_hidden_version(name);
        matters.then_some(is_companion)
    }
}

/// The folders to watch: those asked for, those of files and of what links lead to, and for what does not exist
/// the nearest folder that does.
fn wanted_folders(interest: &Interest) -> BTreeMap<PathBuf, Folder> {
    let mut wanted = BTreeMap::new();
    for folder in &interest.folders {
        if let Some(watched) = entry(&mut wanted, folder) {
            watched.everything = true;
        }
        name(&mut wanted, folder, false);
    }
    for file in &interest.files {
        name(&mut wanted, file, false);
    }
    for file in &interest.companions {
        name(&mut wanted, file, true);
    }
    wanted
}

/// Listens for one name in its folder, and for what it links to.
fn name(wanted: &mut BTreeMap<PathBuf, Folder>, path: &Path, is_companion: bool) {
    let mut note = |path: &Path| -> bool {
        let (Some(folder), Some(name)) = (entry(wanted, folder_of(path)), path.file_name()) else {
            return false;
        };
        let names = if is_companion { &mut folder.companions } else { &mut folder.names };
        names.insert(name.to_owned());
        true
    };
    let mut missing = path;
    while !note(missing) {
        match missing.parent() {
            Some(parent) if parent != missing && !parent.as_os_str().is_empty() => missing = parent,
            _ => return,
        }
    }
    if path.is_symlink() {
        // A target that is not there yet has no canonical form.
        let named = || fs::read_link(path).map(|target| folder_of(path).join(target));
        if let Ok(target) = path.canonicalize().or_else(|_missing| named()) {
            note(&target);
        }
    }
}

fn entry<'a>(wanted: &'a mut BTreeMap<PathBuf, Folder>, folder: &Path) -> Option<&'a mut Folder> {
    let folder = folder.canonicalize().ok()?;
    let about = fs::metadata(&folder).ok().filter(fs::Metadata::is_dir)?;
    let device_and_inode = (about.dev(), about.ino());
    Some(wanted.entry(folder).or_insert(Folder { device_and_inode, ..Folder::default() }))
}

// === impl Shared ===

impl Shared {
    /// A poisoned lock guards a map that is valid after every statement.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: notify::Result<Event>) {
        let is_complete = match &event {
            Ok(event) if event.need_rescan() => None,
            Ok(event) => match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(true),
                // Reading a file opens it; both ends of a rename have been told of on their own.
                EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
                EventKind::Any
                | EventKind::Create(_)
                | EventKind::Modify(_)
                | EventKind::Remove(_)
                | EventKind::Other => Some(false),
            },
            Err(_) => None,
        };
        let mut pending = self.pending();
        match (event, is_complete) {
            (Ok(event), Some(is_complete)) => {
                let touch = Touch { at: Instant::now(), is_complete };
                pending.paths.extend(event.paths.into_iter().map(|path| (path, touch)));
            }
            (Ok(_) | Err(_), _) => pending.all = true,
        }
        if pending.paths.len() > MAX_PENDING {
            pending.paths.clear();
            pending.all = true;
        }
        drop(pending);
        self.wake.notify_one();
    }
}
