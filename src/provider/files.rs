//! The files of a provider: one file, or all of a folder and the folders in it. Read again only where
//! something changed; what cannot be read keeps its last good version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use document::{Format, Origin, Problem};

use crate::watch::{self, Changes, Interest};

/// A file that shrank to nothing counts as empty only after this time: who rewrites in place truncates first.
// Traefik: such a file takes its routes away at once, until it is written again.
const EMPTY_AFTER: Duration = Duration::from_secs(1);

/// Deeper than any tree of configuration; ends loops of mounts.
const MAX_DEPTH: usize = 32;

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    File(PathBuf),
    Folder(PathBuf),
}

/// What a reader made of one file.
pub(crate) struct Parsed<T> {
    pub(crate) content: T,
    /// Files that the content names, such as certificates; a change of one is a change of this file.
    pub(crate) companions: BTreeSet<PathBuf>,
}

/// Text of one file → its content, or why it cannot be read at all.
pub(crate) type Read<T> = Box<dyn Fn(&Path, String) -> Result<Parsed<T>, Vec<Problem>> + Send>;

/// The files as they were last read.
pub(crate) struct Files<T> {
    root: Root,
    is_ours: fn(&Path) -> bool,
    read: Read<T>,
    held: BTreeMap<PathBuf, Box<Held<T>>>,
    folders: BTreeSet<PathBuf>,
    /// The folders by their canonical names, as changes name them.
    canonical: HashMap<PathBuf, PathBuf>,
    /// Files that are links to others.
    links: BTreeSet<PathBuf>,
    /// May there be something else to watch?
    is_interest_new: bool,
    /// Why the folder itself cannot be read.
    problem: Option<Problem>,
}

struct Held<T> {
    /// As changes name it, where that is not its path.
    key: Option<PathBuf>,
    stamp: Option<Stamp>,
    companions: BTreeMap<PathBuf, Companion>,
    /// The last version that could be read.
    content: Option<Arc<T>>,
    text_digest: u64,
    is_empty: bool,
    /// Why the present version cannot.
    problems: Vec<Problem>,
    /// When a file that became empty will be believed.
    believed_at: Option<Instant>,
}

/// A file that another one names.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Companion {
    stamp: Option<Stamp>,
    digest: u64,
}

/// Tells versions of a file apart without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(u64);

impl Root {
    /// Whichever of the two is there.
    pub(crate) fn of(path: &Path) -> Self {
        if path.is_dir() { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) }
    }
}

#[derive(Default)]
struct Listing {
    files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
}

// === impl Files ===

impl<T> Files<T> {
    pub(crate) fn new(root: Root, is_ours: fn(&Path) -> bool, read: Read<T>) -> Self {
        Self {
            root,
            is_ours,
            read,
            held: BTreeMap::new(),
            folders: BTreeSet::new(),
            canonical: HashMap::new(),
            links: BTreeSet::new(),
            is_interest_new: true,
            problem: None,
        }
    }

    /// Looks at the files. True when anything is different now.
    pub(crate) fn refresh(&mut self, changes: &Changes, now: Instant) -> bool {
        if let Some(few) = self.only(changes, now) {
            return few.iter().fold(false, |is_changed, path| self.look(path, changes, now) | is_changed);
        }
        self.is_interest_new = true;
        let listing = match self.list() {
            Ok(listing) => listing,
            Err(error) => return self.fail(&error),
        };
        let mut is_changed = self.problem.take().is_some();
        self.canonical = listing
            .folders
            .iter()
            .filter_map(|path| Some((path.canonicalize().ok()?, path.clone())))
            .collect();
        (self.folders, self.links) = (listing.folders, listing.links);
        let files: BTreeSet<PathBuf> = listing.files.into_iter().collect();
        let before = self.held.len();
        let is_folder = matches!(self.root, Root::Folder(_));
        self.held.retain(|path, held| {
            // A file that is being replaced may be away for a moment.
            !is_folder
                || files.contains(path)
                || changes.unsettled.contains(held.key.as_ref().unwrap_or(path))
        });
        is_changed |= self.held.len() != before;
        for path in files {
            is_changed |= self.look(&path, changes, now);
        }
        is_changed
    }

    /// The only files that can be different, where the changes say so: among thousands the others need no look.
    fn only(&self, changes: &Changes, now: Instant) -> Option<Vec<PathBuf>> {
        let is_plain = self.links.is_empty() && self.held.values().all(|held| held.companions.is_empty());
        let is_due = self.next_look().is_some_and(|at| at <= now);
        let is_told = !changes.all && !changes.paths.is_empty() && self.problem.is_none();
        if !is_told || !is_plain || is_due || matches!(self.root, Root::File(_)) {
            return None;
        }
        let mut only = Vec::new();
        for key in &changes.paths {
            let name = key.file_name().filter(|name| !watch::is_hidden_version(name))?;
            let path = self.canonical.get(key.parent()?)?.join(name);
            // One that was moved away takes its files along, and nothing tells of them.
            if self.folders.contains(&path) || self.canonical.contains_key(key) {
                return None;
            }
            let is_held = self.held.contains_key(&path);
            match path.symlink_metadata() {
                Ok(about) if about.is_file() && (is_held || (self.is_ours)(&path)) => only.push(path),
                // The file of an editor beside ours, there or gone.
                Ok(about) if about.is_file() => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_held => {}
                Ok(_) | Err(_) => return None,
            }
        }
        Some(only)
    }

    /// What could be read, in the order of the paths.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&Path, &Arc<T>)> {
        self.held.iter().filter_map(|(path, held)| Some((path.as_path(), held.content.as_ref()?)))
    }

    /// Why files could not be read.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problem.iter().chain(self.held.values().flat_map(|held| &held.problems))
    }

    /// What to watch, unless that is what it was.
    pub(crate) fn new_interest(&mut self) -> Option<Interest> {
        std::mem::take(&mut self.is_interest_new).then(|| self.interest())
    }

    fn interest(&self) -> Interest {
        let mut interest = Interest { folders: self.folders.clone(), ..Interest::default() };
        match &self.root {
            Root::File(path) => {
                interest.files.insert(path.clone());
            }
            Root::Folder(path) => {
                interest.folders.insert(path.clone());
                interest.files.extend(self.links.iter().cloned());
            }
        }
        interest.companions = self.held.values().flat_map(|held| held.companions.keys().cloned()).collect();
        interest
    }

    /// When to look again without being told.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.held.values().filter_map(|held| held.believed_at).min()
    }

    /// The folder cannot be read: everything stays as it was.
    fn fail(&mut self, error: &io::Error) -> bool {
        let problem = match &self.root {
            Root::File(path) | Root::Folder(path) => unreadable(path, error),
        };
        let is_changed = self.problem.as_ref() != Some(&problem);
        self.problem = Some(problem);
        is_changed
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        match &self.root {
            Root::File(path) => listing.files.push(path.clone()),
            Root::Folder(path) => list(path, self.is_ours, MAX_DEPTH, &mut listing)?,
        }
        Ok(listing)
    }

    /// Reads one file, if it may be different.
    fn look(&mut self, path: &Path, changes: &Changes, now: Instant) -> bool {
        let held = self.held.get(path);
        let key = match held.map(|held| &held.key) {
            Some(Some(key)) => key.clone(),
            Some(None) => path.to_owned(),
            None => watch::key(path),
        };
        if changes.unsettled.contains(&key) {
            return false;
        }
        let stamp = Stamp::of(path);
        let is_named = changes.all || changes.paths.contains(&key);
        let is_due = |held: &Held<T>| held.believed_at.is_some_and(|at| at <= now);
        let same = held.is_some_and(|held| {
            held.stamp == stamp
                && !is_due(held)
                && !held.companions.iter().any(|(path, old)| old.differs(path, changes))
        });
        if same && !is_named {
            return false;
        }
        let mut next = self.read(path, stamp);
        let last = self.held.remove(path);
        next.settle(last.as_deref(), now);
        self.is_interest_new |= !next.companions.is_empty();
        let is_changed = last.is_none_or(|last| !next.is_like(&last));
        self.held.insert(path.to_owned(), Box::new(next));
        is_changed
    }

    fn read(&self, path: &Path, stamp: Option<Stamp>) -> Held<T> {
        let mut held = Held {
            key: Some(watch::key(path)).filter(|key| key != path),
            stamp,
            companions: BTreeMap::new(),
            content: None,
            text_digest: 0,
            is_empty: false,
            problems: Vec::new(),
            believed_at: None,
        };
        match read_text(path) {
            Ok(text) => {
                held.text_digest = digest_of(text.as_bytes());
                held.is_empty = text.trim().is_empty();
                match (self.read)(path, text) {
                    Ok(parsed) => {
                        held.companions = companions(parsed.companions);
                        held.content = Some(Arc::new(parsed.content));
                    }
                    Err(problems) => held.problems = problems,
                }
            }
            Err(error) => held.problems = vec![unreadable(path, &error)],
        }
        held
    }
}

/// All files of a folder and of the folders in it, without following links to folders.
fn list(folder: &Path, is_ours: fn(&Path) -> bool, depth: usize, listing: &mut Listing) -> io::Result<()> {
    listing.folders.insert(folder.to_owned());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if watch::is_hidden_version(&entry.file_name()) {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if depth > 0 {
                // One folder less is no reason to lose the others.
                if let Err(error) = list(&path, is_ours, depth - 1, listing) {
                    tracing::warn!(folder = %path.display(), %error, "a folder cannot be read");
                }
            }
        } else if is_ours(&path) {
            // What a link leads to may come later.
            if kind.is_symlink() {
                listing.links.insert(path.clone());
            }
            if kind.is_file() || path.metadata().is_ok_and(|about| about.is_file()) {
                listing.files.push(path);
            }
        }
    }
    Ok(())
}

/// Reads a file that somebody may have made too large by mistake.
fn read_text(path: &Path) -> io::Result<String> {
    let size = fs::metadata(path)?.len();
    if size > document::read::MAX_BYTES as u64 {
        return Err(io::Error::other(format!("it is larger than {} MiB", document::read::MAX_BYTES >> 20)));
    }
    let bytes = fs::read(path)?;
    String::from_utf8(bytes).map_err(|_invalid| io::Error::other("it is not UTF-8"))
}

/// Any configuration text.
pub(crate) fn has_format(path: &Path) -> bool {
    Format::of(path).is_some()
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::error("unreadable", format_args!("the file cannot be read: {error}"))
        .at(Origin::file(path.display().to_string()))
}

/// A digest of a file's content; 0 when it cannot be read.
pub(crate) fn digest(path: &Path) -> u64 {
    fs::read(path).map_or(0, |bytes| digest_of(&bytes))
}

fn digest_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

// === impl Held ===

impl<T> Held<T> {
    /// Keeps the last good version where this one is none, or is empty and perhaps not for long.
    fn settle(&mut self, last: Option<&Self>, now: Instant) {
        let Some(last) = last else { return };
        if self.content.is_none() {
            self.content.clone_from(&last.content);
            self.companions.clone_from(&last.companions);
            self.is_empty = last.is_empty;
            return;
        }
        let digests =
            |held: &Self| held.companions.values().map(|companion| companion.digest).collect::<Vec<_>>();
        let is_same = self.text_digest == last.text_digest && digests(self) == digests(last);
        if is_same && last.problems.is_empty() {
            self.content.clone_from(&last.content);
        }
        let had_something = last.content.is_some() && !last.is_empty;
        if !self.is_empty || !had_something {
            return;
        }
        let at = last.believed_at.unwrap_or(now + EMPTY_AFTER);
        if now < at {
            self.believed_at = Some(at);
            self.text_digest = last.text_digest;
            self.content.clone_from(&last.content);
            self.companions.clone_from(&last.companions);
            self.problems.clone_from(&last.problems);
            self.is_empty = false;
        }
    }

    fn is_like(&self, last: &Self) -> bool {
        let same_content = match (&self.content, &last.content) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_content && self.problems == last.problems
    }
}

fn companions(paths: BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Companion> {
    let read = |path: PathBuf| {
        let companion = Companion { stamp: Stamp::of(&path), digest: digest(&path) };
        (path, companion)
    };
    paths.into_iter().map(read).collect()
}

impl Companion {
    fn differs(&self, path: &Path, changes: &Changes) -> bool {
        let is_named = || changes.all || changes.paths.contains(&watch::key(path));
        (Stamp::of(path) != self.stamp || is_named()) && digest(path) != self.digest
    }
}

impl Stamp {
    /// Of the file that is meant, through links.
    fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        let file = (about.dev(), about.ino(), about.size());
        let modified = (about.mtime(), about.mtime_nsec());
        let changed = (about.ctime(), about.ctime_nsec());
        let mut hasher = DefaultHasher::new();
        (file, modified, changed).hash(&mut hasher);
        Some(Self(hasher.finish()))
    }
}
