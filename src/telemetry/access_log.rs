//! One line for each exchange.
//!
//! - [`entry`] what the worker hands over · [`fields`] the names of what a line can hold, and which are kept
//! - [`common`], [`json`] an entry as text · [`writer`] the thread that writes
//!
//! A worker never waits: what does not fit into the queue is dropped and counted.
//! Traefik: `bufferingSize: 0` writes before the answer is finished, and a full queue holds the request up.

mod common;
mod entry;
mod fields;
mod json;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use document::problem::Problem;
use exchange::record::Record;
use exchange::{Connection, Kind};
use tokio::sync::mpsc;

use crate::access_log::entry::Entry;
use crate::access_log::fields::Kept;
use crate::config;

pub(crate) use writer::{StartError, Writer};

/// Where workers leave their entries.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    settings: Arc<Settings>,
    entries: mpsc::Sender<Entry>,
    /// Entries so far, kept or not: `RequestCount`.
    count: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

/// `accessLog`, understood.
#[derive(Debug)]
pub(crate) struct Settings {
    format: config::AccessLogFormat,
    filters: Option<Filters>,
    kept: Kept,
    add_internals: bool,
}

/// A line is kept when any of them holds.
#[derive(Debug)]
struct Filters {
    statuses: Vec<RangeInclusive<u16>>,
    retries: bool,
    longer_than: Option<Duration>,
}

/// Lines that may always wait: more than a quick client makes while the writer rests, and some megabytes at most.
const LEAST_QUEUE: usize = 16_384;

// === impl Settings ===

impl Settings {
    /// # Errors
    /// When a status is none.
    pub(crate) fn new(config: &config::AccessLog) -> Result<Self, Problem> {
        let filters = match &config.filters {
            Some(filters) => Filters::new(filters)?,
            None => None,
        };
        Ok(Self {
            format: config.format,
            filters,
            kept: Kept::new(config.fields.as_ref(), config.format),
            add_internals: config.add_internals,
        })
    }

    fn keeps(&self, status: u16, retries: u32, elapsed: Duration) -> bool {
        self.filters.as_ref().is_none_or(|filters| {
            filters.statuses.iter().any(|range| range.contains(&status))
                || (filters.retries && retries > 0)
                || filters.longer_than.is_some_and(|least| elapsed > least)
        })
    }
}

impl config::AccessLog {
    /// Everything that is wrong with it by itself. Key paths begin below `accessLog`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let codes = self.filters.iter().flat_map(|filters| filters.status_codes.iter().enumerate());
        let codes = codes.filter_map(|(place, text)| status_range(place, text).err());
        codes.chain(self.fields.iter().flat_map(fields::check)).collect()
    }
}

impl Filters {
    /// `None` where nothing is asked for: that keeps every line.
    fn new(config: &config::Filters) -> Result<Option<Self>, Problem> {
        let statuses = config.status_codes.iter().enumerate().map(|(place, text)| status_range(place, text));
        let filters = Self {
            statuses: statuses.collect::<Result<_, _>>()?,
            retries: config.retry_attempts,
            longer_than: config.min_duration.positive(),
        };
        let is_empty = filters.statuses.is_empty() && !filters.retries && filters.longer_than.is_none();
        Ok((!is_empty).then_some(filters))
    }
}

fn status_range(place: usize, text: &str) -> Result<RangeInclusive<u16>, Problem> {
    statuses(text).ok_or_else(|| {
        let message = format_args!("`{text}` is no status and no range of statuses").to_string();
        Problem::field(format!("filters.statusCodes[{place}]"), message).hint("for example `400-499`")
    })
}

/// `200` or `300-302`.
fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some(from..=to)
}

// === impl Queue ===

impl Queue {
    /// A queue and its other end.
    pub(crate) fn new(
        settings: Settings,
        size: usize,
        dropped: Arc<AtomicU64>,
    ) -> (Self, mpsc::Receiver<Entry>) {
        let (entries, receiver) = mpsc::channel(size.max(LEAST_QUEUE));
        (Self { settings: Arc::new(settings), entries, count: Arc::default(), dropped }, receiver)
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Are there headers to keep besides those of the text formats?
    pub(crate) fn wants_headers(&self) -> bool {
        self.settings.kept.headers.is_some()
    }

    /// Queues the line of an exchange that has ended, if it is to be written.
    pub(crate) fn finish(&self, record: &Record, status: u16, elapsed: Duration) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let is_wanted = record
            .route
            .borrow()
            .as_deref()
            .is_none_or(|route| route.access_logs && (self.settings.add_internals || !route.internal));
        if is_wanted && self.settings.keeps(status, record.retries.get(), elapsed) {
            self.push(Entry::of(record, status, elapsed, count, &self.settings.kept));
        }
    }

    /// Queues the line of a request that never became an exchange.
    pub(crate) fn refused(&self, connection: &Connection, kind: Kind) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if self.settings.keeps(kind.status().as_u16(), 0, Duration::ZERO) {
            self.push(Entry::refused(connection, kind, count));
        }
    }

    fn push(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
