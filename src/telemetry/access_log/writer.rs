//! The thread that turns entries into lines and writes them.
//!
//! After each burst it rests for a moment, during which workers leave entries without waking anybody: at most
//! two hundred wake-ups a second, whatever the traffic. So a line is written within [`REST`].

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};

use crate::access_log::entry::Entry;
use crate::access_log::{Settings, common, json};
use crate::clock::{self, Moment};
use crate::config::AccessLogFormat;
use crate::file::Sink;

/// The writer, from outside.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
    /// Ends with the last sender of entries.
    _thread: JoinHandle<()>,
}

enum Order {
    Reopen,
    Flush(oneshot::Sender<()>),
}

/// Why the writer could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("failed to start the access log's thread")]
    Thread(#[source] std::io::Error),
}

struct Work {
    settings: Arc<Settings>,
    entries: mpsc::Receiver<Entry>,
    orders: mpsc::Receiver<Order>,
    sink: Sink,
    buffer: Vec<u8>,
    times: Times,
    /// The last write failed: said once, not for every line.
    is_failing: bool,
}

/// Timestamps as text. Lines of the same second share most of one.
#[derive(Debug, Default)]
pub(super) struct Times {
    common: Cached,
    common_local: Cached,
    rfc3339: Cached,
    /// Second and offset then.
    offset: Option<(i64, i32)>,
    nano: String,
}

#[derive(Debug, Default)]
struct Cached {
    second: Option<i64>,
    text: String,
}

const REST: Duration = Duration::from_millis(5);
/// Text that is gathered before it is written.
const BURST: usize = 256 * 1024;

// === impl Writer ===

impl Writer {
    pub(crate) fn start(
        settings: Arc<Settings>,
        sink: Sink,
        entries: mpsc::Receiver<Entry>,
    ) -> Result<Self, StartError> {
        let (orders, receiver) = mpsc::channel(4);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let mut work = Work {
            settings,
            entries,
            orders: receiver,
            sink,
            buffer: Vec::new(),
            times: Times::default(),
            is_failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || runtime.block_on(work.run()))
            .map_err(StartError::Thread)?;
        Ok(Self { orders, _thread: thread })
    }

    /// Opens the file again, soon. An order that finds no room follows others that have the same effect.
    pub(crate) fn reopen(&self) {
        let _ = self.orders.try_send(Order::Reopen);
    }

    /// Waits until what was queued before is written.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

// === impl Work ===

impl Work {
    async fn run(&mut self) {
        loop {
            tokio::select! {
                entry = self.entries.recv() => match entry {
                    Some(entry) => self.format(&entry),
                    None => break,
                },
                Some(order) = self.orders.recv() => {
                    self.drain();
                    self.obey(order);
                    continue;
                }
            }
            self.drain();
            tokio::time::sleep(REST).await;
        }
        self.write();
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Reopen => {
                if let Err(error) = self.sink.reopen() {
                    tracing::error!(error = %crate::chain(&error), "failed to reopen the access log");
                }
            }
            Order::Flush(done) => {
                let _ = done.send(());
            }
        }
    }

    /// Writes what is there now.
    fn drain(&mut self) {
        while let Ok(entry) = self.entries.try_recv() {
            self.format(&entry);
            if self.buffer.len() >= BURST {
                self.write();
            }
        }
        self.write();
    }

    fn format(&mut self, entry: &Entry) {
        let (out, kept, times) = (&mut self.buffer, &self.settings.kept, &mut self.times);
        match self.settings.format {
            AccessLogFormat::Common => common::write(out, entry, kept, times, false),
            AccessLogFormat::GenericClf => common::write(out, entry, kept, times, true),
            AccessLogFormat::Json => json::write(out, entry, kept, times),
        }
    }

    fn write(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let written = self.sink.write_all(&self.buffer).and_then(|()| self.sink.flush());
        self.buffer.clear();
        match written {
            Err(error) if !self.is_failing => {
                tracing::error!(error = %crate::chain(&error), "failed to write the access log");
                self.is_failing = true;
            }
            Err(_same) => {}
            Ok(()) => self.is_failing = false,
        }
    }
}

// === impl Times ===

impl Times {
    pub(super) fn common(&mut self, at: SystemTime, is_local: bool) -> &str {
        let moment = self.moment(at, is_local);
        let cached = if is_local { &mut self.common_local } else { &mut self.common };
        cached.get(moment, Moment::write_common)
    }

    pub(super) fn rfc3339(&mut self, at: SystemTime) -> &str {
        let moment = self.moment(at, true);
        self.rfc3339.get(moment, Moment::write_rfc3339)
    }

    pub(super) fn nano(&mut self, at: SystemTime, is_local: bool) -> &str {
        let moment = self.moment(at, is_local);
        self.nano.clear();
        moment.write_rfc3339_nano(&mut self.nano);
        &self.nano
    }

    fn moment(&mut self, at: SystemTime, is_local: bool) -> Moment {
        let moment = Moment::utc(at);
        if !is_local {
            return moment;
        }
        match self.offset {
            Some((second, offset)) if second == moment.seconds => moment.with_offset(offset),
            _ => {
                let offset = clock::local_offset(moment.seconds);
                self.offset = Some((moment.seconds, offset));
                moment.with_offset(offset)
            }
        }
    }
}

impl Cached {
    fn get(&mut self, moment: Moment, write: fn(Moment, &mut String)) -> &str {
        if self.second != Some(moment.seconds) {
            self.text.clear();
            write(moment, &mut self.text);
            self.second = Some(moment.seconds);
        }
        &self.text
    }
}
