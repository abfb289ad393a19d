//! Signals: SIGTERM and SIGINT end the process, SIGHUP reads files again, SIGUSR1 opens log files again.

use std::io;

use telemetry::Telemetry;
use telemetry::log::Log;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// Does what signals ask for, until one asks for the end.
    pub(crate) async fn until_stop(
        &mut self,
        telemetry: &Telemetry,
        log: &Log,
        providers: &[actors::provider::Arguments],
    ) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    tracing::info!("reading files again");
                    for provider in providers {
                        provider.reread.notify_one();
                    }
                }
                _ = self.user.recv() => {
                    telemetry.reopen();
                    log.reopen();
                }
            }
        }
    }
}
