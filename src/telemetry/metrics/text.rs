//! A scrape: all shards summed, written as Prometheus' text format 0.0.4.
//!
//! Families come in the order of their names, labels too, as Traefik's registry writes them.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::metrics::level::{ENTRY_POINT, Level, Name, ROUTER, SERVICE};
use crate::metrics::process::Process;
use crate::metrics::series::{METHODS, Owner, Series, Tally};
use crate::metrics::shard::Shared;
use crate::metrics::{HeaderLabels, Metrics, Observed, Settings};

/// Values of the labels that tell an owner, in the order of their names.
type Names = Vec<Arc<str>>;

/// One figure of a sum.
type Value = fn(&Sum) -> u64;

/// What is counted at each level.
#[derive(Default)]
struct Levels<'a> {
    entry_points: Sums<'a>,
    routers: Sums<'a>,
    services: Sums<'a>,
}

/// What a line is about: names, method, protocol and status.
type Row = (Names, u8, &'static str, u16);

/// Everything counted at one level.
#[derive(Default)]
struct Sums<'a> {
    exchanges: BTreeMap<Row, Sum>,
    /// By the values of the header labels as well, where there are any.
    requests: BTreeMap<(Row, Vec<&'a str>), u64>,
    tls: BTreeMap<(Names, &'static str, &'static str), u64>,
}

#[derive(Default)]
struct Sum {
    buckets: Vec<u64>,
    nanos: u64,
    request_bytes: u64,
    response_bytes: u64,
}

/// Families as they are written.
#[derive(Default)]
struct Families(BTreeMap<&'static str, String>);

/// One family being written.
struct Family<'a> {
    name: &'static str,
    out: &'a mut String,
}

pub(super) fn render(metrics: &Metrics, observed: &Observed) -> String {
    let mut families = Families::default();
    let shards = metrics.shards();
    write_exchanges(&mut families, &metrics.settings, &shards);
    write_refusals(&mut families, &metrics.settings, &shards);
    write_state(&mut families, metrics);
    write_observed(&mut families, observed, metrics.settings.service_labels);
    if let Some(process) = Process::read() {
        write_process(&mut families, &process);
    }
    families.0.into_values().collect()
}

// === sums ===

fn write_exchanges(families: &mut Families, settings: &Settings, shards: &[Arc<Shared>]) {
    let mut levels = Levels::default();
    let mut retries: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for shard in shards {
        // Cloned, so that the worker finds the lock free again soon.
        let (all, tallies) = {
            let published = shard.published.lock().unwrap_or_else(PoisonError::into_inner);
            (published.series.clone(), published.tallies.clone())
        };
        for series in &all {
            levels.each(&series.owner, |sums, names| sums.add(names, series));
            if let Some(service) = series.owner.service() {
                *retries.entry(Arc::clone(service)).or_default() += series.retries.get();
            }
        }
        let Some(labels) = &settings.header_labels else { continue };
        for tally in &tallies {
            let values = labels.values(tally.headers);
            levels.each(&tally.owner, |sums, names| sums.add_requests(names, tally, values.clone()));
        }
    }
    for (wanted, level, sums) in [
        (settings.entry_point_labels, &ENTRY_POINT, &levels.entry_points),
        (settings.router_labels, &ROUTER, &levels.routers),
        (settings.service_labels, &SERVICE, &levels.services),
    ] {
        if wanted {
            sums.write(families, level, settings);
        }
    }
    retries.retain(|_, count| *count > 0);
    if settings.service_labels && !retries.is_empty() {
        let name = ("traefik_service_retries_total", "How many request retries happened on a service.");
        let mut family = families.begin(name, "counter");
        for (service, count) in retries {
            family.sample("", &[("service", &service)], count);
        }
    }
}

impl<'a> Levels<'a> {
    /// Every level at which something of this owner counts.
    fn each(&mut self, owner: &Owner, mut add: impl FnMut(&mut Sums<'a>, Names)) {
        match owner {
            Owner::EntryPoint(name) => add(&mut self.entry_points, vec![Arc::clone(name)]),
            Owner::Route { name, .. } => {
                add(&mut self.routers, vec![Arc::clone(&name.router), Arc::clone(&name.service)]);
            }
            Owner::Service(_) => {}
        }
        if let Some(service) = owner.service() {
            add(&mut self.services, vec![Arc::clone(service)]);
        }
    }
}

impl<'a> Sums<'a> {
    fn add(&mut self, names: Names, series: &Series) {
        let labels = series.labels;
        let buckets: Vec<u64> = series.buckets.iter().map(|bucket| bucket.get()).collect();
        if let Some((version, cipher)) = labels.tls {
            *self.tls.entry((names.clone(), version, cipher)).or_default() += buckets.iter().sum::<u64>();
        }
        let sum = self.exchanges.entry((names, labels.method, labels.protocol, labels.code)).or_default();
        sum.buckets.resize(buckets.len().max(sum.buckets.len()), 0);
        for (total, count) in sum.buckets.iter_mut().zip(buckets) {
            *total += count;
        }
        sum.nanos = sum.nanos.wrapping_add(series.nanos.get());
        sum.request_bytes = sum.request_bytes.wrapping_add(series.request_bytes.get());
        sum.response_bytes = sum.response_bytes.wrapping_add(series.response_bytes.get());
    }

    fn add_requests(&mut self, names: Names, tally: &Tally, values: Vec<&'a str>) {
        let labels = tally.labels;
        let row = (names, labels.method, labels.protocol, labels.code);
        *self.requests.entry((row, values)).or_default() += tally.count.get();
    }

    fn write(&self, families: &mut Families, level: &Level, settings: &Settings) {
        if self.exchanges.is_empty() {
            return;
        }
        self.write_requests(families, level, settings.header_labels.as_deref());
        let plain: [(Name, Value); 2] = [
            (level.request_bytes, |sum| sum.request_bytes),
            (level.response_bytes, |sum| sum.response_bytes),
        ];
        for (name, value) in plain {
            let mut family = families.begin(name, "counter");
            self.each(level, |labels, sum| family.sample("", labels, value(sum)));
        }
        let mut family = families.begin(level.duration, "histogram");
        self.each(level, |labels, sum| family.histogram(labels, sum, &settings.bounds));
        if !self.tls.is_empty() {
            let mut family = families.begin(level.tls, "counter");
            for ((names, version, cipher), count) in &self.tls {
                let mut labels = owner_labels(level, names);
                labels.extend([("tls_cipher", *cipher), ("tls_version", *version)]);
                family.sample("", &labels, count);
            }
        }
    }

    fn write_requests(&self, families: &mut Families, level: &Level, labels: Option<&HeaderLabels>) {
        let mut family = families.begin(level.requests, "counter");
        let Some(by) = labels else {
            return self
                .each(level, |labels, sum| family.sample("", labels, sum.buckets.iter().sum::<u64>()));
        };
        for ((row, values), count) in &self.requests {
            let headers: Vec<_> = by.names().zip(values.iter().copied()).collect();
            with_labels(level, row, &headers, |labels| family.sample("", labels, count));
        }
    }

    fn each(&self, level: &Level, mut write: impl FnMut(&[(&str, &str)], &Sum)) {
        for (row, sum) in &self.exchanges {
            with_labels(level, row, &[], |labels| write(labels, sum));
        }
    }
}

/// The labels of a row and some more, in the order of their names.
fn with_labels(
    level: &Level,
    (names, method, protocol, code): &Row,
    more: &[(&str, &str)],
    write: impl FnOnce(&[(&str, &str)]),
) {
    let code = code.to_string();
    let method = METHODS.get(usize::from(*method)).copied().unwrap_or("EXTENSION_METHOD");
    let mut labels: Vec<(&str, &str)> = owner_labels(level, names);
    labels.extend([("code", code.as_str()), ("method", method), ("protocol", *protocol)]);
    labels.extend_from_slice(more);
    labels.sort_unstable_by_key(|(name, _)| *name);
    write(&labels);
}

fn owner_labels<'a>(level: &Level, names: &'a Names) -> Vec<(&'static str, &'a str)> {
    level.labels.iter().copied().zip(names.iter().map(|name| &**name)).collect()
}

// === the rest ===

fn write_refusals(families: &mut Families, settings: &Settings, shards: &[Arc<Shared>]) {
    let mut sums: BTreeMap<(&str, &'static str), u64> = BTreeMap::new();
    for shard in shards {
        let published = shard.published.lock().unwrap_or_else(PoisonError::into_inner);
        for refusal in &published.refusals {
            let entry_point = settings.entry_points.get(refusal.entry_point).map_or("", |name| &**name);
            *sums.entry((entry_point, refusal.reason)).or_default() += refusal.count.get();
        }
    }
    if sums.is_empty() {
        return;
    }
    let name =
        ("portcullis_entrypoint_refusals_total", "How many requests the gateway answered itself, by reason.");
    let mut family = families.begin(name, "counter");
    for ((entry_point, reason), count) in sums {
        family.sample("", &[("entrypoint", entry_point), ("reason", reason)], count);
    }
}

fn write_state(families: &mut Families, metrics: &Metrics) {
    let plain: [(Name, &str, u64); 4] = [
        (
            ("traefik_config_reloads_total", "Config reloads"),
            "counter",
            metrics.reloads.load(Ordering::Relaxed),
        ),
        (
            ("traefik_config_last_reload_success", "Last config reload success"),
            "gauge",
            metrics.last_reload.load(Ordering::Relaxed),
        ),
        (
            (
                "portcullis_access_log_dropped_total",
                "How many access log lines were dropped because the queue was full.",
            ),
            "counter",
            metrics.dropped_lines.load(Ordering::Relaxed),
        ),
        (
            (
                "portcullis_shutdown_aborted_connections_total",
                "How many connections were still open, idle or not, when a drain ended.",
            ),
            "counter",
            metrics.aborted.load(Ordering::Relaxed),
        ),
    ];
    for (name, kind, value) in plain {
        families.begin(name, kind).sample("", &[], value);
    }
    let name = ("traefik_open_connections", "How many open connections exist, by entryPoint and protocol");
    let mut family = families.begin(name, "gauge");
    for (entry_point, count) in metrics.open_connections() {
        family.sample("", &[("entrypoint", &entry_point), ("protocol", "TCP")], count);
    }
}

fn write_observed(families: &mut Families, observed: &Observed, service_labels: bool) {
    if !observed.certificates.is_empty() {
        let name = ("traefik_tls_certs_not_after", "Certificate expiration timestamp");
        let mut family = families.begin(name, "gauge");
        for certificate in &observed.certificates {
            let mut names = certificate.names.clone();
            names.sort_unstable();
            let labels = [
                ("cn", &*certificate.common_name),
                ("sans", &names.join(",")),
                ("serial", &certificate.serial),
            ];
            family.sample("", &labels, certificate.not_after);
        }
    }
    if service_labels && !observed.servers.is_empty() {
        let name = ("traefik_service_server_up", "service server is up, described by gauge value of 0 or 1.");
        let mut family = families.begin(name, "gauge");
        for server in &observed.servers {
            family.sample("", &[("service", &server.service), ("url", &server.url)], u8::from(server.is_up));
        }
    }
}

fn write_process(families: &mut Families, process: &Process) {
    let integers: [(Name, u64); 5] = [
        (("process_open_fds", "Number of open file descriptors."), process.open_files),
        (("process_max_fds", "Maximum number of open file descriptors."), process.most_files),
        (("process_virtual_memory_bytes", "Virtual memory size in bytes."), process.virtual_bytes),
        (("process_resident_memory_bytes", "Resident memory size in bytes."), process.resident_bytes),
        (("process_threads", "Number of threads of the process."), process.threads),
    ];
    for (name, value) in integers {
        families.begin(name, "gauge").sample("", &[], value);
    }
    let cpu = ("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
    families.begin(cpu, "counter").sample("", &[], process.cpu_seconds);
    let started = ("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
    families.begin(started, "gauge").sample("", &[], process.started);
}

// === impl Families ===

impl Families {
    fn begin(&mut self, (name, help): Name, kind: &str) -> Family<'_> {
        let out = self.0.entry(name).or_default();
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { name, out }
    }
}

impl Family<'_> {
    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        for (place, (name, text)) in labels.iter().enumerate() {
            self.out.push(if place == 0 { '{' } else { ',' });
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_escaped(self.out, text);
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }

    fn histogram(&mut self, labels: &[(&str, &str)], sum: &Sum, bounds: &[f64]) {
        let mut total = 0;
        for (place, count) in sum.buckets.iter().enumerate() {
            total += count;
            let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            self.sample("_bucket", &labels, total);
        }
        // Exact to a nanosecond up to 104 days in one series, and to a part in 2^53 beyond.
        self.sample("_sum", labels, sum.nanos as f64 / 1e9);
        self.sample("_count", labels, total);
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}
