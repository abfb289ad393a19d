//! What became of each object in a compile: its status, its problems, who uses it.
//!
//! Serialised, an entry is the object of Traefik's API (`/api/http/routers` and its kin), credentials as `***`.
//! Traefik: shows credentials.

mod place;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use document::Problem;
use dynamic::http::Router;
use dynamic::layer4::{tcp, udp};
use dynamic::{Element, Map};
use serde::Serialize;
use service::Service;

pub(crate) use place::{Placed, place, place_inside};
pub use write::Shown;

/// What one compile made of everything.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The snapshot's.
    pub generation: u64,
    pub routers: Entries<Router>,
    pub services: BTreeMap<Arc<str>, ServiceEntry>,
    pub middlewares: Entries<middleware::Config>,
    pub servers_transports: Entries<service::transport::Config>,
    pub tcp_routers: Entries<tcp::Router>,
    pub tcp_services: Entries<tcp::Service>,
    pub tcp_middlewares: Entries<tcp::Middleware>,
    pub tcp_servers_transports: Entries<tcp::ServersTransport>,
    pub udp_routers: Entries<udp::Router>,
    pub udp_services: Entries<udp::Service>,
    pub tls_options: Entries<tls::OptionsConfig>,
    /// What belongs to no object above: files, certificates, stores.
    pub problems: Vec<Problem>,
}

/// By full name.
pub type Entries<C> = BTreeMap<Arc<str>, Entry<C>>;

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Entry<C> {
    pub element: Arc<Element<C>>,
    pub problems: Vec<Problem>,
    pub status: Status,
    /// Of routers: the entry points they are attached to. Of others: the routers that name them.
    pub users: Vec<Arc<str>>,
    /// Of routers: the one that counts.
    pub priority: Option<i64>,
}

/// What became of a service, and the service itself, since the state of its endpoints is live.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// `None` for services of our own.
    pub entry: Option<Entry<service::Config>>,
    pub service: Option<Arc<Service>>,
    pub used_by: Vec<Arc<str>>,
}

/// May it serve?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Enabled,
    /// It serves, but something about it is not as written.
    Warning,
    Disabled,
}

// === impl Status ===

impl Status {
    #[must_use]
    pub fn of(problems: &[Problem]) -> Self {
        match problems.iter().map(|problem| problem.is_error()).max() {
            None => Self::Enabled,
            Some(false) => Self::Warning,
            Some(true) => Self::Disabled,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Disabled => "disabled",
        }
    }
}

// === impl Entry ===

impl<C> Entry<C> {
    pub(crate) fn new(element: &Arc<Element<C>>, mut problems: Vec<Problem>) -> Self {
        // Mistakes of reading come first; a build that failed because of one says no more than it does.
        let mut all = element.problems.clone();
        problems.retain(|problem| {
            !all.iter().any(|own| own.code == problem.code && own.message == problem.message)
        });
        all.append(&mut problems);
        Self {
            status: Status::of(&all),
            element: Arc::clone(element),
            problems: all,
            users: Vec::new(),
            priority: None,
        }
    }
}

impl ServiceEntry {
    #[must_use]
    pub fn status(&self) -> Status {
        self.entry.as_ref().map_or(Status::Enabled, |entry| entry.status)
    }
}

// === impl Report ===

impl Report {
    /// Every problem once, by its cause: what only says that something else is broken is left out.
    #[must_use]
    pub fn all_problems(&self) -> Vec<&Problem> {
        let mut all: Vec<&Problem> = self.problems.iter().collect();
        all.extend(problems_of(&self.routers));
        all.extend(self.services.values().filter_map(|s| s.entry.as_ref()).flat_map(|entry| &entry.problems));
        all.extend(problems_of(&self.middlewares));
        all.extend(problems_of(&self.servers_transports));
        all.extend(problems_of(&self.tcp_routers));
        all.extend(problems_of(&self.tcp_services));
        all.extend(problems_of(&self.tcp_middlewares));
        all.extend(problems_of(&self.tcp_servers_transports));
        all.extend(problems_of(&self.udp_routers));
        all.extend(problems_of(&self.udp_services));
        all.extend(problems_of(&self.tls_options));
        let mut causes: Vec<&Problem> = Vec::with_capacity(all.len());
        for problem in all.into_iter().filter(|problem| problem.code != "broken_reference") {
            // A router split over its entry points repeats what is wrong with it.
            if problem.origin.is_none()
                || !causes.iter().rev().take(16).any(|seen| is_repeated(seen, problem))
            {
                causes.push(problem);
            }
        }
        causes
    }

    /// How many objects have each status, for one kind.
    #[must_use]
    pub fn count<C>(entries: &Entries<C>, status: Status) -> usize {
        entries.values().filter(|entry| entry.status == status).count()
    }
}

fn problems_of<C>(entries: &Entries<C>) -> impl Iterator<Item = &Problem> {
    entries.values().flat_map(|entry| &entry.problems)
}

fn is_repeated(one: &Problem, other: &Problem) -> bool {
    one.code == other.code
        && one.origin == other.origin
        && one.path == other.path
        && one.message == other.message
}

/// One entry for each object, with what was found.
pub(crate) fn entries<C>(
    map: &Map<C>,
    mut found: impl FnMut(&Arc<str>, &Arc<Element<C>>) -> Vec<Problem>,
) -> Entries<C> {
    map.iter().map(|(name, element)| (Arc::clone(name), Entry::new(element, found(name, element)))).collect()
}

#[cfg(test)]
mod tests;
