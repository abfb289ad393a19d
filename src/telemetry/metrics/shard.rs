//! A worker's own part of the metrics. The worker writes without waiting for anybody; the scrape reads.
//!
//! New series are handed over under a lock that the worker only ever tries: while a scrape holds it they wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use exchange::record::{Protocol, Record, RouteName};
use exchange::{Connection, Kind};

use crate::metrics::Settings;
use crate::metrics::series::{Counter, Key, Labels, Owner, Series, Tally, method_number};

/// The half that the worker owns.
pub(crate) struct Shard {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    series: HashMap<Key, Arc<Series>, ahash::RandomState>,
    /// By the number of the header labels' values as well; empty without such labels.
    tallies: HashMap<(Key, u16), Arc<Tally>, ahash::RandomState>,
    /// Numbers for load balancers below composite services.
    services: HashMap<Arc<str>, u32, ahash::RandomState>,
    next_service: u32,
    /// Versions and ciphers met so far; their place is their number in keys, less one.
    tls: Vec<(&'static str, &'static str)>,
    refusals: Vec<Arc<Refusal>>,
    /// Made, and not yet handed over.
    fresh: Vec<Fresh>,
}

/// The half that the scrape reads.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) published: Mutex<Published>,
    /// Open connections by entry point.
    pub(crate) connections: Box<[Counter]>,
    /// Some series have been retired: the worker is to forget them.
    pub(crate) sweep: AtomicBool,
}

/// What there is to read.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) series: Vec<Arc<Series>>,
    pub(crate) tallies: Vec<Arc<Tally>>,
    pub(crate) refusals: Vec<Arc<Refusal>>,
}

/// Exchanges that we answered ourselves.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) entry_point: usize,
    pub(crate) reason: &'static str,
    pub(crate) count: Counter,
}

enum Fresh {
    Series(Arc<Series>),
    Tally(Arc<Tally>),
    Refusal(Arc<Refusal>),
}

/// An exchange at its end, as it is counted for each owner.
struct Ended<'a> {
    record: &'a Record,
    elapsed: Duration,
    bucket: usize,
    labels: Labels,
    /// The number of version and cipher.
    tls: u8,
}

/// More versions and ciphers than a key has room for would share the last number.
const MOST_TLS: usize = 30;
/// Load balancers by name that one shard numbers before it begins again.
const MOST_SERVICES: usize = 65_536;

// === impl Shard ===

impl Shard {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let connections = settings.entry_points.iter().map(|_| Counter::default()).collect();
        Self {
            settings,
            shared: Arc::new(Shared { connections, ..Shared::default() }),
            series: HashMap::default(),
            tallies: HashMap::default(),
            services: HashMap::default(),
            next_service: 0,
            tls: Vec::new(),
            refusals: Vec::new(),
            fresh: Vec::new(),
        }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn connection_opened(&self, entry_point: &str) {
        if let Some(open) = self.connections(entry_point) {
            open.add(1);
        }
    }

    pub(crate) fn connection_closed(&self, entry_point: &str) {
        if let Some(open) = self.connections(entry_point) {
            open.subtract(1);
        }
    }

    fn connections(&self, entry_point: &str) -> Option<&Counter> {
        self.shared.connections.get(self.settings.entry_point(entry_point)?)
    }

    /// Counts an exchange that never became one.
    pub(crate) fn refused(&mut self, connection: &Connection, kind: Kind) {
        if let Some(entry_point) = self.settings.entry_point(&connection.entry_point) {
            self.count_refusal(entry_point, kind.reason());
            self.hand_over();
        }
    }

    /// Counts an exchange at its end.
    pub(crate) fn finish(&mut self, record: &Record, code: u16, elapsed: Duration) {
        if self.shared.sweep.load(Ordering::Relaxed) {
            self.forget_retired();
        }
        let Some(entry_point) = self.settings.entry_point(&record.connection.entry_point) else {
            return;
        };
        if let Some(reason) = record.reason.get() {
            self.count_refusal(entry_point, reason);
        }
        let route = record.route.borrow();
        if self.settings.series && route.as_deref().is_none_or(|route| self.settings.counts(route)) {
            let (labels, tls) = self.labels(record, code);
            let ended = Ended { record, elapsed, bucket: self.settings.bucket(elapsed), labels, tls };
            if self.settings.entry_point_labels {
                let owner = u32::try_from(entry_point).unwrap_or(u32::MAX);
                self.count(&ended, 0, owner, |settings| {
                    Owner::EntryPoint(settings.entry_points.get(entry_point).cloned().unwrap_or_default())
                });
            }
            if let Some(route) = route.as_ref()
                && (self.settings.router_labels || self.settings.service_labels)
            {
                self.count_route(&ended, route);
            }
        }
        self.hand_over();
    }

    /// Counts for the router, and for the service: in one series where the service is the one the router names.
    fn count_route(&mut self, ended: &Ended<'_>, route: &Arc<RouteName>) {
        let asked = ended.record.service.borrow();
        let below = asked.as_ref().filter(|asked| ***asked != *route.service);
        let reached = below.is_none() && ended.record.endpoint.borrow().is_some();
        let kind = if reached { 2 } else { 1 };
        self.count(ended, kind, route.id, |_| Owner::Route { name: Arc::clone(route), reached });
        if let Some(below) = below
            && self.settings.service_labels
        {
            let number = self.service_number(below);
            self.count(ended, 3, number, |_| Owner::Service(Arc::clone(below)));
        }
    }

    /// Counts for one owner, by its kind and number.
    fn count(&mut self, ended: &Ended<'_>, kind: u8, number: u32, owner: impl Fn(&Settings) -> Owner) {
        let Ended { record, labels, .. } = *ended;
        if self.settings.header_labels.is_some() {
            // Whatever the version and cipher: this count does not show them.
            let key = Key::new(kind, number, labels, 0);
            self.tally(key, labels, record.header_labels.get(), &owner).count.add(1);
        }
        self.series(Key::new(kind, number, labels, ended.tls), labels, owner).count(
            ended.bucket,
            ended.elapsed,
            record.request_size.get(),
            record.response_size.get(),
            record.retries.get(),
        );
    }

    fn labels(&mut self, record: &Record, code: u16) -> (Labels, u8) {
        let kind = record.kind.get();
        let tls = record.connection.tls.as_ref().map(|tls| (tls.version, tls.cipher));
        let number = tls.map_or(0, |tls| self.tls_number(tls));
        let code = match kind {
            // Traefik: a status that is missing or unknown is 2, gRPC's own "unknown".
            Protocol::Grpc | Protocol::GrpcWeb => {
                record.grpc_status.get().filter(|code| *code <= 16).unwrap_or(2)
            }
            Protocol::Http | Protocol::Sse | Protocol::Websocket => code,
        };
        (Labels { method: method_number(&record.method), protocol: kind.as_str(), code, tls }, number)
    }

    fn series(&mut self, key: Key, labels: Labels, owner: impl FnOnce(&Settings) -> Owner) -> &Series {
        match self.series.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let made = Arc::new(Series::new(owner(&self.settings), labels, self.settings.bounds.len()));
                self.fresh.push(Fresh::Series(Arc::clone(&made)));
                place.insert(made)
            }
        }
    }

    fn tally(
        &mut self,
        key: Key,
        labels: Labels,
        headers: u16,
        owner: impl FnOnce(&Settings) -> Owner,
    ) -> &Tally {
        match self.tallies.entry((key, headers)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let owner = owner(&self.settings);
                let (count, is_retired) = (Counter::default(), AtomicBool::new(false));
                let made = Arc::new(Tally { owner, labels, headers, count, is_retired });
                self.fresh.push(Fresh::Tally(Arc::clone(&made)));
                place.insert(made)
            }
        }
    }

    fn tls_number(&mut self, tls: (&'static str, &'static str)) -> u8 {
        let place = self.tls.iter().position(|known| *known == tls).unwrap_or_else(|| {
            if self.tls.len() < MOST_TLS {
                self.tls.push(tls);
            }
            self.tls.len() - 1
        });
        u8::try_from(place + 1).unwrap_or(u8::MAX)
    }

    fn service_number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.services.get(name) {
            return *number;
        }
        if self.services.len() >= MOST_SERVICES {
            self.services.clear();
        }
        self.next_service = self.next_service.wrapping_add(1);
        self.services.insert(Arc::clone(name), self.next_service);
        self.next_service
    }

    fn count_refusal(&mut self, entry_point: usize, reason: &'static str) {
        let known =
            self.refusals.iter().find(|known| known.entry_point == entry_point && known.reason == reason);
        if let Some(known) = known {
            known.count.add(1);
            return;
        }
        let made = Arc::new(Refusal { entry_point, reason, count: Counter::default() });
        made.count.add(1);
        self.refusals.push(Arc::clone(&made));
        self.fresh.push(Fresh::Refusal(made));
    }

    fn hand_over(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let mut published = match self.shared.published.try_lock() {
            Ok(published) => published,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        for fresh in self.fresh.drain(..) {
            match fresh {
                Fresh::Series(series) => published.series.push(series),
                Fresh::Tally(tally) => published.tallies.push(tally),
                Fresh::Refusal(refusal) => published.refusals.push(refusal),
            }
        }
    }

    fn forget_retired(&mut self) {
        self.shared.sweep.store(false, Ordering::Relaxed);
        self.series.retain(|_, series| !series.is_retired.load(Ordering::Relaxed));
        self.tallies.retain(|_, tally| !tally.is_retired.load(Ordering::Relaxed));
        self.services.clear();
    }
}

// === impl Shared ===

impl Shared {
    /// Takes series that `is_dead` says out of the scrape and out of the worker.
    pub(crate) fn retire(&self, is_dead: &dyn Fn(&Owner) -> bool) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let before = published.series.len() + published.tallies.len();
        let stays = |owner: &Owner, is_retired: &AtomicBool| {
            let dead = is_dead(owner);
            if dead {
                is_retired.store(true, Ordering::Relaxed);
            }
            !dead
        };
        published.series.retain(|series| stays(&series.owner, &series.is_retired));
        published.tallies.retain(|tally| stays(&tally.owner, &tally.is_retired));
        if published.series.len() + published.tallies.len() < before {
            self.sweep.store(true, Ordering::Relaxed);
        }
    }
}
