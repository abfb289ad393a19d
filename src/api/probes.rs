//! `ping@internal`: `/ping` as Traefik has it, and `/livez`, `/readyz`, `/startupz`.
//!
//! Answered on the worker: whoever asks whether it lives wants to hear it from there.

use std::sync::Arc;

use exchange::headers::TEXT_PLAIN;
use exchange::{Answer, Body, Handler, Request, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use crate::config;
use crate::readiness::{Readiness, Unready};

/// Answers probes.
#[derive(Debug)]
pub struct Probes {
    readiness: Arc<Readiness>,
    terminating: StatusCode,
    legacy: bool,
}

impl Probes {
    #[must_use]
    pub fn new(config: &config::Ping, readiness: Arc<Readiness>) -> Self {
        let terminating = StatusCode::from_u16(config.terminating_status_code);
        Self {
            readiness,
            terminating: terminating.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            legacy: config.legacy,
        }
    }

    fn answer(&self, path: &str) -> Response {
        match path {
            "/livez" if self.readiness.is_alive() => text(StatusCode::OK, "OK"),
            "/livez" => text(StatusCode::SERVICE_UNAVAILABLE, "a worker does not answer"),
            "/readyz" | "/startupz" => match self.readiness.check() {
                Ok(()) => text(StatusCode::OK, "OK"),
                Err(unready) => text(StatusCode::SERVICE_UNAVAILABLE, unready.sentence()),
            },
            // Traefik: the service pings whatever path leads to it.
            _ => self.ping(),
        }
    }

    fn ping(&self) -> Response {
        // Traefik: 200 before there is any configuration, as with `legacy`.
        let status = match self.readiness.check() {
            Ok(()) => StatusCode::OK,
            Err(Unready::Draining) => self.terminating,
            Err(Unready::Binding | Unready::Starting) if self.legacy => StatusCode::OK,
            Err(Unready::Binding | Unready::Starting) => StatusCode::SERVICE_UNAVAILABLE,
        };
        text(status, status.canonical_reason().unwrap_or_default())
    }
}

impl Handler for Probes {
    fn handle(&self, req: Request) -> Answer<'_> {
        // As Traefik's, it does not look at the method.
        Box::pin(std::future::ready(self.answer(req.path())))
    }
}

fn text(status: StatusCode, text: &'static str) -> Response {
    let mut res = Response::new(status, Body::from_static(text));
    res.headers_mut().insert(CONTENT_TYPE, TEXT_PLAIN);
    res.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    res
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn probes(legacy: bool, readiness: &Arc<Readiness>) -> Probes {
        let config = config::Ping { legacy, terminating_status_code: 410, ..config::Ping::default() };
        Probes::new(&config, Arc::clone(readiness))
    }

    /// Statuses of `/ping`, `/ping` with `legacy`, `/readyz`, `/livez`.
    #[track_caller]
    fn check(readiness: &Arc<Readiness>, wanted: [u16; 4]) {
        let (ours, legacy) = (probes(false, readiness), probes(true, readiness));
        let got =
            [ours.answer("/ping"), legacy.answer("/ping"), ours.answer("/readyz"), ours.answer("/livez")];
        assert_eq!(got.map(|res| res.status().as_u16()), wanted);
    }

    #[test]
    fn ready_means_bound_complete_and_not_draining() {
        let readiness = Arc::new(Readiness::default());
        check(&readiness, [503, 200, 503, 200]);
        readiness.listeners_are_bound();
        check(&readiness, [503, 200, 503, 200]);
        readiness.configuration_is_complete();
        check(&readiness, [200, 200, 200, 200]);
        readiness.drain();
        check(&readiness, [410, 410, 503, 200]);
    }

    #[test]
    fn a_worker_that_is_stuck_is_no_life() {
        let readiness = Arc::new(Readiness::default());
        readiness.listeners_are_bound();
        readiness.configuration_is_complete();
        readiness.watch_workers(|| Duration::from_secs(6));
        check(&readiness, [200, 200, 200, 503]);
    }

    #[test]
    fn any_other_path_pings() {
        let readiness = Arc::new(Readiness::default());
        assert_eq!(probes(true, &readiness).answer("/health").status(), StatusCode::OK);
    }
}
