//! What the gateway says about itself: levels, the two formats, the file.
//!
//! - [`line`] an event as text · [`rotation`] the file, set aside when it is large
//!
//! Events are few (nothing above `debug` for each request), so a line is written at once, under a lock.

mod line;
mod rotation;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::clock::{self, Moment};
use crate::config::{self, Level};
use crate::log::line::Style;
use crate::log::rotation::Rotated;

/// The log, to be told of signals.
#[derive(Clone, Debug)]
pub struct Log {
    output: Arc<Mutex<Output>>,
}

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the log file `{path}`")]
pub struct OpenError {
    path: String,
    source: io::Error,
}

#[derive(Debug)]
enum Output {
    Stdout,
    File(Rotated),
}

/// Formats events and writes them.
struct Lines {
    style: Style,
    output: Arc<Mutex<Output>>,
}

/// Target of what is said once at start, whatever the level: what of the configuration has no effect.
/// Traefik: its default level, `ERROR`, hides such warnings.
pub const NOTICE: &str = "portcullis::notice";

/// Libraries whose own events are for those who debug them.
const QUIET: [&str; 11] = [
    "h2",
    "hyper",
    "hickory_proto",
    "hickory_resolver",
    "kube",
    "mio",
    "ractor",
    "rustls",
    "tokio",
    "tokio_util",
    "tower",
];

/// Makes the log the process's own. What wrote before goes on as it did: the first one stays.
///
/// # Errors
/// When the file cannot be opened.
pub fn start(config: &config::Log) -> Result<Log, OpenError> {
    let output = if config.file_path.is_empty() {
        Output::Stdout
    } else {
        let failed = |source| OpenError { path: config.file_path.clone(), source };
        Output::File(Rotated::open(config).map_err(failed)?)
    };
    let style = match config.format {
        config::LogFormat::Json => Style::Json,
        // Traefik: colours also where nobody sees them, unless `noColor` is set.
        config::LogFormat::Common => Style::Common {
            coloured: !config.no_color && matches!(output, Output::Stdout) && io::stdout().is_terminal(),
        },
    };
    let output = Arc::new(Mutex::new(output));
    let lines = Lines { style, output: Arc::clone(&output) };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(config.level)));
    // An error says that there is a subscriber already, as in tests.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Log { output })
}

fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Trace => LevelFilter::TRACE,
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
        // Nothing is said at these levels: the program ends with a message of its own.
        Level::Fatal | Level::Panic => LevelFilter::OFF,
    };
    let quiet = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { level.min(LevelFilter::WARN) };
    let quiet = QUIET.map(|target| (target, quiet));
    let all = Targets::new().with_default(level).with_targets(quiet);
    all.with_target(NOTICE, level.max(LevelFilter::WARN))
}

// === impl Log ===

impl Log {
    /// Opens the file again, for programs that move it away.
    /// Traefik: the log only rotates by size.
    pub fn reopen(&self) {
        let reopened = match &mut *self.output.lock().unwrap_or_else(PoisonError::into_inner) {
            Output::Stdout => Ok(()),
            Output::File(file) => file.reopen(),
        };
        if let Err(error) = reopened {
            tracing::error!(error = %crate::chain(&error), "failed to reopen the log");
        }
    }
}

// === impl Lines ===

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = Moment::utc(SystemTime::now());
        let now = now.with_offset(clock::local_offset(now.seconds));
        let line = line::format(event, self.style, now);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nobody left to tell of a failure.
        let _ = match &mut *output {
            Output::Stdout => io::stdout().write_all(line.as_bytes()),
            Output::File(file) => file.write_all(line.as_bytes(), now.seconds),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(level: Level, target: &str, at: tracing::Level) -> bool {
        filter(level).would_enable(target, &at)
    }

    #[test]
    fn levels_are_those_of_traefik() {
        assert!(writes(Level::Info, "entrypoint", tracing::Level::INFO));
        assert!(!writes(Level::Info, "entrypoint", tracing::Level::DEBUG));
        assert!(!writes(Level::Fatal, "entrypoint", tracing::Level::ERROR));
    }

    #[test]
    fn notices_are_written_at_every_level() {
        for level in [Level::Trace, Level::Error, Level::Panic] {
            assert!(writes(level, NOTICE, tracing::Level::WARN), "{level:?}");
        }
    }

    #[test]
    fn libraries_are_quiet_unless_all_is_asked_for() {
        assert!(!writes(Level::Debug, "hyper::proto", tracing::Level::DEBUG));
        assert!(writes(Level::Debug, "hyper::proto", tracing::Level::WARN));
        assert!(writes(Level::Trace, "hyper::proto", tracing::Level::DEBUG));
        assert!(!writes(Level::Error, "hyper::proto", tracing::Level::WARN));
    }

    #[test]
    fn writes_events_to_the_file_and_opens_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/gateway.log");
        let config = config::Log { file_path: path.to_str().unwrap().to_owned(), ..config::Log::default() };
        let output = Arc::new(Mutex::new(Output::File(Rotated::open(&config).unwrap())));
        let lines = Lines { style: Style::Common { coloured: false }, output: Arc::clone(&output) };
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(service = "s@file", "one");
            std::fs::rename(&path, folder.path().join("moved")).unwrap();
            Log { output }.reopen();
            tracing::warn!("two");
        });
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert!(read(folder.path().join("moved")).ends_with(" WRN one serviceName=s@file\n"));
        assert!(read(path).ends_with(" WRN two\n"));
    }
}
