//! What the operator sees: metrics, the access log, the log.
//!
//! - [`metrics`] counts exchanges by shard, gives Prometheus text · [`access_log`] one line for each exchange
//! - [`log`] what the gateway says about itself · [`config`] the sections of the install configuration
//! - `clock` civil time · `file` log files
//!
//! Used by `entrypoint` (a [`Recorder`] for each worker), `api` (scrapes) and the root (start, reopen, flush).
//!
//! Invariants: a worker never waits here. It writes its own counters, tries one lock when a series is new, and
//! drops a line for which the queue has no room. Labels come from the configuration, never from a request
//! (method and status excepted, and the headers that `headerLabels` names, which have a limit).

mod access_log;
mod clock;
pub mod config;
mod file;
pub mod log;
pub mod metrics;

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use document::problem::Problem;
use exchange::record::Record;
use exchange::{Connection, Kind};
use http::HeaderMap;

use crate::access_log::{Queue, Settings, StartError, Writer};
use crate::clock::Moment;
use crate::file::Sink;
use crate::metrics::{HeaderLabels, Metrics, Shard};

/// Metrics and access log of the process.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
    access_log: Option<(Queue, Writer)>,
}

/// A worker's way to both. Stays on its thread.
pub struct Recorder {
    shard: RefCell<Shard>,
    header_labels: Option<Arc<HeaderLabels>>,
    access_log: Option<Queue>,
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the access log cannot be configured so: {}", .0.message)]
    Configuration(Problem),
    #[error("failed to open the access log `{path}`")]
    OpenAccessLog { path: String, source: io::Error },
    #[error("failed to start the access log's thread")]
    Thread(#[source] io::Error),
}

/// The status of an exchange whose client left before there was one.
const CLIENT_CLOSED: u16 = 499;

// === impl Telemetry ===

impl Telemetry {
    /// Opens the access log and makes the metrics; `entry_points` are all there will ever be.
    ///
    /// # Errors
    /// When the access log's filters make no sense, or its file cannot be opened.
    pub fn start(
        access_log: Option<&config::AccessLog>,
        metrics: Option<&config::Metrics>,
        entry_points: &[Arc<str>],
    ) -> Result<Self, Error> {
        let dropped: Arc<AtomicU64> = Arc::default();
        let access_log =
            access_log.map(|config| start_access_log(config, Arc::clone(&dropped))).transpose()?;
        Ok(Self { metrics: Arc::new(Metrics::new(metrics, entry_points, dropped)), access_log })
    }

    /// What a worker records with. Its figures count as long as the process lives.
    pub fn recorder(&self) -> Recorder {
        Recorder {
            shard: RefCell::new(self.metrics.shard()),
            header_labels: self.metrics.header_labels(),
            access_log: self.access_log.as_ref().map(|(queue, _)| queue.clone()),
        }
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Opens the access log's file again: `SIGUSR1`.
    pub fn reopen(&self) {
        if let Some((_, writer)) = &self.access_log {
            writer.reopen();
        }
    }

    /// Writes what is queued; gives up after `patience`.
    pub async fn flush(&self, patience: Duration) {
        if let Some((_, writer)) = &self.access_log {
            let _ = tokio::time::timeout(patience, writer.flush()).await;
        }
    }
}

fn start_access_log(config: &config::AccessLog, dropped: Arc<AtomicU64>) -> Result<(Queue, Writer), Error> {
    let settings =
        Settings::new(config).map_err(|problem| Error::Configuration(problem.under("accessLog")))?;
    let sink = Sink::open(&config.file_path)
        .map_err(|source| Error::OpenAccessLog { path: config.file_path.clone(), source })?;
    let (queue, entries) = Queue::new(settings, config.buffering_size, dropped);
    match Writer::start(queue.settings(), sink, entries) {
        Ok(writer) => Ok((queue, writer)),
        Err(StartError::Thread(source)) => Err(Error::Thread(source)),
    }
}

// === impl Recorder ===

impl Recorder {
    /// Will somebody write down the head of a request? If so the entry point keeps it: [`Record::seen`].
    #[must_use]
    pub fn wants_seen(&self) -> bool {
        self.access_log.is_some()
    }

    /// Will all its headers be looked at, too? [`Seen::headers`](exchange::record::Seen::headers).
    #[must_use]
    pub fn wants_headers(&self) -> bool {
        self.access_log.as_ref().is_some_and(Queue::wants_headers)
    }

    /// Notes the headers that are labels, as the rules read them.
    pub fn note_labels(&self, record: &Record, headers: &HeaderMap) {
        if let Some(labels) = &self.header_labels {
            record.header_labels.set(labels.number(headers));
        }
    }

    /// Counts an exchange and queues its line. Called once, when the response's body has ended or was dropped.
    pub fn finish(&self, record: &Record, now: Instant) {
        let elapsed = now.saturating_duration_since(record.started);
        let status = record.status.get().map_or(CLIENT_CLOSED, |status| status.as_u16());
        self.shard.borrow_mut().finish(record, status, elapsed);
        if let Some(access_log) = &self.access_log {
            access_log.finish(record, status, elapsed);
        }
    }

    /// Counts and logs a request that could not be read, so that there is no record of it.
    /// Traefik: such requests leave no trace.
    pub fn refused(&self, connection: &Connection, kind: Kind) {
        self.shard.borrow_mut().refused(connection, kind);
        if let Some(access_log) = &self.access_log {
            access_log.refused(connection, kind);
        }
    }

    pub fn connection_opened(&self, entry_point: &str) {
        self.shard.borrow().connection_opened(entry_point);
    }

    pub fn connection_closed(&self, entry_point: &str) {
        self.shard.borrow().connection_closed(entry_point);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

// === as text ===

/// A moment as the API and logs write it: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let mut text = String::with_capacity(20);
    Moment::utc(at).write_rfc3339(&mut text);
    text
}

/// An error with all that led to it, on one line: `failed to read `x`: permission denied`.
#[must_use]
pub fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            // Some libraries already say their source in their own text.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            next = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Error, chain};

    #[test]
    fn a_chain_says_every_level_once() {
        let inner = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        let error = Error::OpenAccessLog { path: "/x".to_owned(), source: inner };
        assert_eq!(chain(&error).to_string(), "failed to open the access log `/x`: permission denied");
    }
}
