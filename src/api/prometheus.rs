//! `prometheus@internal`: what a scrape gets.

use std::sync::Arc;

use exchange::{Answer, Body, Handler, Request, Response};
use http::{HeaderValue, Method, StatusCode};
use snapshot::{Published, Report};
use telemetry::metrics::{Certificate, Metrics, Observed, Server};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::desk::{Desk, Reply};

/// Answers scrapes.
pub struct Prometheus {
    metrics: Arc<Metrics>,
    published: Arc<Published>,
    reports: watch::Receiver<Arc<Report>>,
    desk: Desk,
}

const TEXT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");

impl Prometheus {
    #[must_use]
    pub fn new(
        metrics: Arc<Metrics>,
        published: Arc<Published>,
        reports: watch::Receiver<Arc<Report>>,
        control: Handle,
    ) -> Self {
        Self { metrics, published, reports, desk: Desk::new(control) }
    }
}

impl Handler for Prometheus {
    fn handle(&self, req: Request) -> Answer<'_> {
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            return Box::pin(std::future::ready(Response::new(StatusCode::METHOD_NOT_ALLOWED, Body::Empty)));
        }
        let (metrics, published) = (Arc::clone(&self.metrics), Arc::clone(&self.published));
        let report = Arc::clone(&self.reports.borrow());
        Box::pin(self.desk.ask(move || {
            let text = metrics.render(&observe(&published, &report));
            Reply { status: StatusCode::OK, content_type: TEXT, body: text.into(), next_page: None }
        }))
    }
}

fn observe(published: &Published, report: &Report) -> Observed {
    let certificates = published.load().certificates.list();
    let certificates = certificates.into_iter().map(|certificate| Certificate {
        common_name: certificate.common_name,
        serial: certificate.serial_number,
        names: certificate.sans,
        not_after: certificate.not_after_unix,
    });
    let servers = report.services.iter().filter_map(|(name, entry)| {
        let balancer = entry.service.as_ref()?.load_balancer()?;
        Some(balancer.statuses().into_iter().map(|endpoint| Server {
            service: Arc::clone(name),
            url: endpoint.url,
            is_up: endpoint.up,
        }))
    });
    Observed { certificates: certificates.collect(), servers: servers.flatten().collect() }
}
