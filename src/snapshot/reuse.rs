//! What lives on from one snapshot to the next: every part whose configuration, whose files and whose own
//! parts are what they were.
//!
//! Each built part has a stamp, a number that is given once. A part notes the stamps of what it was made of, so
//! that asking whether it is still right is a comparison of numbers, however deep it reaches.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use ahash::AHashMap;
use document::Problem;
use dynamic::{Configuration, Element};

use crate::http::core::Core;
use crate::resolve::BuiltService;
use crate::{EntryPoint, Route};

/// A number for one build of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// What a part is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Need {
    Middleware(Arc<str>),
    Service(Arc<str>),
    Transport(Arc<str>),
    Router(Arc<str>),
}

/// One built part, or why it could not be built.
pub(crate) struct Kept<C, T> {
    /// `None` for what is not in the documents.
    pub(crate) element: Option<Arc<Element<C>>>,
    pub(crate) outcome: Result<T, Box<Problem>>,
    pub(crate) stamp: Stamp,
    pub(crate) needs: Box<[(Need, Stamp)]>,
    pub(crate) files: Box<[FileState]>,
}

/// All parts of a snapshot by full name.
pub(crate) struct Parts {
    pub(crate) middlewares: Memo<middleware::Config, Vec<middleware::Step>>,
    pub(crate) services: Memo<service::Config, BuiltService>,
    pub(crate) transports: Memo<service::transport::Config, Arc<service::Transport>>,
    pub(crate) routers: Memo<dynamic::http::Router, Arc<Core>>,
    /// Routers by full name, sound or not, with the routes made of them.
    pub(crate) remembered: AHashMap<Arc<str>, Remembered>,
    pub(crate) entry_points: AHashMap<Arc<str>, Arc<EntryPoint>>,
}

pub(crate) type Memo<C, T> = AHashMap<Arc<str>, Arc<Kept<C, T>>>;

/// A router and its routes.
pub(crate) struct Remembered {
    pub(crate) core: Arc<Core>,
    pub(crate) stamp: Stamp,
    /// One for each set of TLS options.
    pub(crate) routes: Vec<Arc<Route>>,
}

/// What a file looked like when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
}

// === impl Stamp ===

impl Stamp {
    /// Of what could not be built, or is not there.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl Parts ===

impl Parts {
    /// None yet.
    pub(crate) fn with_room_for(configuration: &Configuration) -> Self {
        let http = &configuration.http;
        Self {
            middlewares: AHashMap::with_capacity(http.middlewares.len()),
            services: AHashMap::with_capacity(http.services.len()),
            transports: AHashMap::with_capacity(http.servers_transports.len()),
            routers: AHashMap::with_capacity(http.routers.len()),
            remembered: AHashMap::new(),
            entry_points: AHashMap::new(),
        }
    }
}

// === impl Need ===

impl Need {
    /// Its full name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Middleware(name) | Self::Service(name) | Self::Transport(name) | Self::Router(name) => name,
        }
    }
}

// === impl Kept ===

impl<C: PartialEq, T> Kept<C, T> {
    /// Does it come from this configuration, and do its files look as they did? What it is made of is asked apart.
    pub(crate) fn comes_from(&self, element: &Arc<Element<C>>) -> bool {
        let same = self.element.as_ref().is_some_and(|own| Arc::ptr_eq(own, element) || own == element);
        same && self.outcome.is_ok() && self.files.iter().all(FileState::is_unchanged)
    }
}

// === impl FileState ===

impl FileState {
    pub(crate) fn of(path: PathBuf) -> Self {
        let seen = Self::look(&path);
        Self { path, seen }
    }

    fn is_unchanged(&self) -> bool {
        Self::look(&self.path) == self.seen
    }

    fn look(path: &std::path::Path) -> Option<(SystemTime, u64)> {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    }
}
