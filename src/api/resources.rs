//! What the API shows, from the report of the last compile: lists, single objects, everything at once.
//!
//! The report writes each object; here they are found, and made rows of a list.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde_json::{Map, Value};
use snapshot::Report;
use snapshot::report::Entry;

use crate::desk::Reply;
use crate::listing::{Key, Row, list};
use crate::query::Query;

/// Kinds of objects that the API lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HttpRouters,
    HttpServices,
    HttpMiddlewares,
    TcpRouters,
    TcpServices,
    TcpMiddlewares,
    UdpRouters,
    UdpServices,
}

/// Objects of one kind: how many, how many with warnings, how many disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    total: usize,
    warnings: usize,
    errors: usize,
}

/// Keys that lists have and `rawdata` has not.
const LIST_ONLY: [&str; 4] = ["name", "provider", "type", "priorityStr"];

// === impl Kind ===

impl Kind {
    /// The kind below `/api/<protocol>/<plural>`.
    pub(crate) fn of(protocol: &str, plural: &str) -> Option<Self> {
        Some(match (protocol, plural) {
            ("http", "routers") => Self::HttpRouters,
            ("http", "services") => Self::HttpServices,
            ("http", "middlewares") => Self::HttpMiddlewares,
            ("tcp", "routers") => Self::TcpRouters,
            ("tcp", "services") => Self::TcpServices,
            ("tcp", "middlewares") => Self::TcpMiddlewares,
            ("udp", "routers") => Self::UdpRouters,
            ("udp", "services") => Self::UdpServices,
            _ => return None,
        })
    }

    /// As messages call one.
    fn noun(self) -> &'static str {
        match self {
            Self::HttpRouters | Self::TcpRouters | Self::UdpRouters => "router",
            Self::HttpServices | Self::TcpServices | Self::UdpServices => "service",
            Self::HttpMiddlewares | Self::TcpMiddlewares => "middleware",
        }
    }

    /// The key in `rawdata`.
    fn raw_key(self) -> &'static str {
        match self {
            Self::HttpRouters => "routers",
            Self::HttpServices => "services",
            Self::HttpMiddlewares => "middlewares",
            Self::TcpRouters => "tcpRouters",
            Self::TcpServices => "tcpServices",
            Self::TcpMiddlewares => "tcpMiddlewares",
            Self::UdpRouters => "udpRouters",
            Self::UdpServices => "udpServices",
        }
    }

    fn rows(self, report: &Report) -> Vec<Row<'_>> {
        match self {
            Self::HttpRouters => {
                report.routers.iter().map(|(name, entry)| http_router(name, entry)).collect()
            }
            Self::HttpServices => report.services.keys().map(|name| http_service(name, report)).collect(),
            Self::HttpMiddlewares => plain(&report.middlewares, Entry::to_json),
            Self::TcpRouters => {
                report.tcp_routers.iter().map(|(name, entry)| tcp_router(name, entry)).collect()
            }
            Self::TcpServices => {
                report.tcp_services.iter().map(|(name, entry)| tcp_service(name, entry)).collect()
            }
            Self::TcpMiddlewares => plain(&report.tcp_middlewares, Entry::to_json),
            Self::UdpRouters => {
                report.udp_routers.iter().map(|(name, entry)| udp_router(name, entry)).collect()
            }
            Self::UdpServices => {
                report.udp_services.iter().map(|(name, entry)| udp_service(name, entry)).collect()
            }
        }
    }

    fn object(self, report: &Report, name: &str) -> Option<Value> {
        Some(match self {
            Self::HttpRouters => report.routers.get(name)?.to_json(name),
            Self::HttpServices => report.services.get(name)?.to_json(name),
            Self::HttpMiddlewares => report.middlewares.get(name)?.to_json(name),
            Self::TcpRouters => report.tcp_routers.get(name)?.to_json(name),
            Self::TcpServices => report.tcp_services.get(name)?.to_json(name),
            Self::TcpMiddlewares => report.tcp_middlewares.get(name)?.to_json(name),
            Self::UdpRouters => report.udp_routers.get(name)?.to_json(name),
            Self::UdpServices => report.udp_services.get(name)?.to_json(name),
        })
    }

    pub(crate) fn list(self, report: &Report, query: &Query) -> Reply {
        list(self.rows(report), query)
    }

    pub(crate) fn get(self, report: &Report, name: &str) -> Reply {
        match self.object(report, name) {
            Some(object) => Reply::json(&object),
            None => Reply::error(StatusCode::NOT_FOUND, &format!("{} not found: {name}", self.noun())),
        }
    }

    pub(crate) fn counts(self, report: &Report) -> Counts {
        let mut counts = Counts::default();
        for row in self.rows(report) {
            counts.total += 1;
            counts.warnings += usize::from(row.status == "warning");
            counts.errors += usize::from(row.status == "disabled");
        }
        counts
    }
}

/// `/api/rawdata`: every object by its full name.
pub(crate) fn raw(report: &Report) -> Reply {
    const ORDER: [Kind; 8] = [
        Kind::HttpRouters,
        Kind::HttpMiddlewares,
        Kind::HttpServices,
        Kind::TcpRouters,
        Kind::TcpMiddlewares,
        Kind::TcpServices,
        Kind::UdpRouters,
        Kind::UdpServices,
    ];
    let mut all = Map::new();
    for kind in ORDER {
        let objects: Map<String, Value> = kind
            .rows(report)
            .iter()
            .map(|row| {
                let mut object = (row.json)();
                if let Value::Object(fields) = &mut object {
                    fields.retain(|key, _| !LIST_ONLY.contains(&key.as_str()));
                }
                (row.name.to_owned(), object)
            })
            .collect();
        if !objects.is_empty() {
            all.insert(kind.raw_key().to_owned(), Value::Object(objects));
        }
    }
    Reply::json(&Value::Object(all))
}

// === rows ===

fn row<'a>(name: &'a str, status: snapshot::Status, json: impl Fn() -> Value + 'a) -> Row<'a> {
    let provider = name.rsplit_once('@').map_or("", |(_, provider)| provider);
    Row {
        name,
        status: status.as_str(),
        texts: vec![name],
        service: None,
        middlewares: &[],
        keys: vec![("provider", Key::text(provider)), ("status", Key::text(status.as_str()))],
        json: Box::new(json),
    }
}

fn plain<C>(entries: &snapshot::report::Entries<C>, json: fn(&Entry<C>, &str) -> Value) -> Vec<Row<'_>> {
    entries.iter().map(|(name, entry)| row(name, entry.status, move || json(entry, name))).collect()
}

fn http_router<'a>(name: &'a Arc<str>, entry: &'a Entry<dynamic::http::Router>) -> Row<'a> {
    let mut row = row(name, entry.status, move || entry.to_json(name));
    if let Some(config) = &entry.element.config {
        row.routed(&config.service, &config.middlewares, config.entry_points.len());
        row.ruled(&config.rule, entry.priority.unwrap_or(config.priority));
    }
    row
}

fn tcp_router<'a>(name: &'a Arc<str>, entry: &'a Entry<dynamic::layer4::tcp::Router>) -> Row<'a> {
    let mut row = row(name, entry.status, move || entry.to_json(name));
    if let Some(config) = &entry.element.config {
        row.routed(&config.service, &config.middlewares, config.entry_points.len());
        row.ruled(&config.rule, entry.priority.unwrap_or(config.priority));
    }
    row
}

fn udp_router<'a>(name: &'a Arc<str>, entry: &'a Entry<dynamic::layer4::udp::Router>) -> Row<'a> {
    let mut row = row(name, entry.status, move || entry.to_json(name));
    if let Some(config) = &entry.element.config {
        row.routed(&config.service, &[], config.entry_points.len());
    }
    row
}

fn http_service<'a>(name: &'a Arc<str>, report: &'a Report) -> Row<'a> {
    let entry = report.services.get(name);
    let status = entry.map_or(snapshot::Status::Enabled, |entry| entry.status());
    let mut row = row(name, status, move || entry.map(|entry| entry.to_json(name)).unwrap_or_default());
    let config = entry.and_then(|entry| entry.entry.as_ref()?.element.config.as_ref());
    let balancer = config.and_then(|config| config.load_balancer.as_ref());
    row.keys.push(("servers", Key::count(balancer.map_or(0, |balancer| balancer.servers.len()))));
    row
}

fn tcp_service<'a>(name: &'a Arc<str>, entry: &'a Entry<dynamic::layer4::tcp::Service>) -> Row<'a> {
    let mut row = row(name, entry.status, move || entry.to_json(name));
    let balancer = entry.element.config.as_ref().and_then(|config| config.load_balancer.as_ref());
    row.keys.push(("servers", Key::count(balancer.map_or(0, |balancer| balancer.servers.len()))));
    row
}

fn udp_service<'a>(name: &'a Arc<str>, entry: &'a Entry<dynamic::layer4::udp::Service>) -> Row<'a> {
    let mut row = row(name, entry.status, move || entry.to_json(name));
    let balancer = entry.element.config.as_ref().and_then(|config| config.load_balancer.as_ref());
    row.keys.push(("servers", Key::count(balancer.map_or(0, |balancer| balancer.servers.len()))));
    row
}

impl<'a> Row<'a> {
    fn routed(&mut self, service: &'a str, middlewares: &'a [String], entry_points: usize) {
        self.service = Some(service);
        self.middlewares = middlewares;
        self.keys.extend([("service", Key::text(service)), ("entryPoints", Key::count(entry_points))]);
    }

    fn ruled(&mut self, rule: &'a str, priority: i64) {
        self.texts.push(rule);
        self.keys.extend([("rule", Key::text(rule)), ("priority", Key::Number(priority))]);
    }
}

/// Now, by the Unix clock.
pub(crate) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
