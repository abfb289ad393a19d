//! What is counted, and how a scrape gets it: one shard for each worker, summed when somebody asks.
//!
//! - [`shard`] a worker's part · [`series`] one counted thing in it · [`header_labels`] labels that are headers
//! - [`text`] sums → Prometheus text, under the names of [`level`] · [`process`] what the kernel knows of the process
//!
//! Names and labels are Traefik's; ours begin with `portcullis_`. An exchange costs two look-ups by a number:
//! one for its entry point, one for its route, from which the scrape makes router and service figures both.
//! Where headers are labels as well, requests are counted once more by them, so that only this count is multiplied.

mod header_labels;
mod level;
mod process;
mod series;
mod shard;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exchange::record::RouteName;

use crate::config;
use crate::metrics::series::Owner;
use crate::metrics::shard::Shared;

pub(crate) use header_labels::{HeaderLabels, check as check_header_labels};
pub(crate) use shard::Shard;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    settings: Arc<Settings>,
    shards: Mutex<Vec<Arc<Shared>>>,
    configuration: Mutex<Live>,
    /// Something is gone from the configuration since the last scrape.
    is_stale: AtomicBool,
    reloads: AtomicU64,
    /// Unix time.
    last_reload: AtomicU64,
    dropped_lines: Arc<AtomicU64>,
    /// Connections that a drain did not wait for any longer.
    aborted: AtomicU64,
}

/// What a shard has to know, fixed at start.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) entry_points: Box<[Arc<str>]>,
    /// Upper bounds of durations, rising.
    pub(crate) bounds: Box<[f64]>,
    /// The same, as exchanges are compared to them.
    durations: Box<[Duration]>,
    /// Is anything counted for each exchange?
    pub(crate) series: bool,
    pub(crate) entry_point_labels: bool,
    pub(crate) router_labels: bool,
    pub(crate) service_labels: bool,
    /// `None`: there are none, or nothing is counted.
    pub(crate) header_labels: Option<Arc<HeaderLabels>>,
    add_internals: bool,
}

/// Names that are in the configuration. `None` until one has been seen.
#[derive(Debug, Default)]
struct Live {
    routers: HashSet<Arc<str>>,
    services: HashSet<Arc<str>>,
}

/// What others know at the time of a scrape.
#[derive(Debug, Default)]
pub struct Observed {
    pub certificates: Vec<Certificate>,
    pub servers: Vec<Server>,
}

/// A certificate that is served.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    pub common_name: String,
    /// Decimal.
    pub serial: String,
    pub names: Vec<String>,
    /// Unix time.
    pub not_after: i64,
}

/// An endpoint of a service.
#[derive(Clone, Debug)]
pub struct Server {
    pub service: Arc<str>,
    pub url: Arc<str>,
    pub is_up: bool,
}

// === impl Metrics ===

impl Metrics {
    pub(crate) fn new(
        config: Option<&config::Metrics>,
        entry_points: &[Arc<str>],
        dropped_lines: Arc<AtomicU64>,
    ) -> Self {
        Self {
            settings: Arc::new(Settings::new(config, entry_points)),
            shards: Mutex::default(),
            configuration: Mutex::default(),
            is_stale: AtomicBool::new(false),
            reloads: AtomicU64::new(0),
            last_reload: AtomicU64::new(0),
            dropped_lines,
            aborted: AtomicU64::new(0),
        }
    }

    /// Notes that a drain has closed so many connections, their exchanges unfinished.
    pub fn connections_aborted(&self, count: u64) {
        self.aborted.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn shard(&self) -> Shard {
        let shard = Shard::new(Arc::clone(&self.settings));
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(shard.shared());
        shard
    }

    pub(crate) fn header_labels(&self) -> Option<Arc<HeaderLabels>> {
        self.settings.header_labels.clone()
    }

    /// Notes that a configuration has been put in use, and which names it has.
    /// Series of what it no longer has are shown once more and then forgotten.
    pub fn reloaded<R, S>(&self, at: SystemTime, routers: R, services: S)
    where
        R: IntoIterator<Item = Arc<str>>,
        S: IntoIterator<Item = Arc<str>>,
    {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.last_reload.store(seconds, Ordering::Relaxed);
        let live = Live { routers: routers.into_iter().collect(), services: services.into_iter().collect() };
        *self.configuration.lock().unwrap_or_else(PoisonError::into_inner) = live;
        self.is_stale.store(true, Ordering::Release);
    }

    /// Connections that are open, by entry point.
    pub fn open_connections(&self) -> Vec<(Arc<str>, u64)> {
        let shards = self.shards();
        let open = |place: usize| {
            shards.iter().filter_map(|shard| shard.connections.get(place)).map(|c| c.get()).sum()
        };
        self.settings
            .entry_points
            .iter()
            .enumerate()
            .map(|(place, name)| (Arc::clone(name), open(place)))
            .collect()
    }

    /// The whole in Prometheus' text format, version 0.0.4. Not for a worker: it visits every series.
    pub fn render(&self, observed: &Observed) -> String {
        let text = text::render(self, observed);
        if self.is_stale.swap(false, Ordering::Acquire) {
            self.retire();
        }
        text
    }

    fn shards(&self) -> Vec<Arc<Shared>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn retire(&self) {
        let live = self.configuration.lock().unwrap_or_else(PoisonError::into_inner);
        let is_dead = |owner: &Owner| match owner {
            Owner::EntryPoint(_) => false,
            Owner::Route { name, .. } => !live.routers.contains(&name.router),
            Owner::Service(name) => !live.services.contains(name),
        };
        for shard in self.shards() {
            shard.retire(&is_dead);
        }
    }
}

// === impl Settings ===

impl Settings {
    fn new(config: Option<&config::Metrics>, entry_points: &[Arc<str>]) -> Self {
        let off = config::Prometheus {
            add_entry_points_labels: false,
            add_routers_labels: false,
            add_services_labels: false,
            ..config::Prometheus::default()
        };
        let prometheus = config.and_then(|config| config.prometheus.as_ref()).unwrap_or(&off);
        let mut bounds: Vec<f64> = prometheus.buckets.iter().copied().filter(|bound| *bound > 0.0).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let durations =
            bounds.iter().map(|b| Duration::try_from_secs_f64(*b).unwrap_or(Duration::MAX)).collect();
        let series = prometheus.add_entry_points_labels
            || prometheus.add_routers_labels
            || prometheus.add_services_labels;
        let header_labels = HeaderLabels::new(&prometheus.header_labels).filter(|_| series);
        Self {
            entry_points: entry_points.into(),
            bounds: bounds.into(),
            durations,
            series,
            entry_point_labels: prometheus.add_entry_points_labels,
            router_labels: prometheus.add_routers_labels,
            service_labels: prometheus.add_services_labels,
            header_labels: header_labels.map(Arc::new),
            add_internals: config.is_some_and(|config| config.add_internals),
        }
    }

    /// The place of an entry point; there are a handful.
    pub(crate) fn entry_point(&self, name: &str) -> Option<usize> {
        self.entry_points.iter().position(|known| **known == *name)
    }

    /// Are this route's exchanges counted?
    pub(crate) fn counts(&self, route: &RouteName) -> bool {
        route.metrics && (self.add_internals || !route.internal)
    }

    /// The first bucket whose bound the duration does not exceed.
    pub(crate) fn bucket(&self, elapsed: Duration) -> usize {
        self.durations.iter().position(|bound| elapsed <= *bound).unwrap_or(self.durations.len())
    }
}
