//! One counted thing in one worker: all exchanges that share an owner and the labels which an exchange brings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use exchange::record::{Protocol, RouteName};
use http::Method;

/// Whose exchanges are counted.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    EntryPoint(Arc<str>),
    /// `reached`: the exchange got as far as the service that the router names.
    Route {
        name: Arc<RouteName>,
        reached: bool,
    },
    /// A load balancer below the service that a router names.
    Service(Arc<str>),
}

/// What an exchange is counted under besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels {
    /// Place in [`METHODS`].
    pub(crate) method: u8,
    pub(crate) protocol: &'static str,
    /// The status, or `grpc-status`.
    pub(crate) code: u16,
    /// Version and cipher.
    pub(crate) tls: Option<(&'static str, &'static str)>,
}

/// The same as one number, to look a series up by. The owner's number is 32 bits, its kind two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(u64);

/// Counters of one worker, which it alone writes: a load and a store, without a locked instruction.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) owner: Owner,
    pub(crate) labels: Labels,
    /// Exchanges by duration; the last one has no upper bound. Their sum is the number of exchanges.
    pub(crate) buckets: Box<[Counter]>,
    pub(crate) nanos: Counter,
    pub(crate) request_bytes: Counter,
    pub(crate) response_bytes: Counter,
    pub(crate) retries: Counter,
    /// Its owner is gone: the worker forgets it.
    pub(crate) is_retired: AtomicBool,
}

/// Requests of one worker that share the values of `headerLabels`, too.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) owner: Owner,
    pub(crate) labels: Labels,
    /// The number of the values.
    pub(crate) headers: u16,
    pub(crate) count: Counter,
    pub(crate) is_retired: AtomicBool,
}

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// The methods that are labels. Traefik: any other method is `EXTENSION_METHOD`, to bound their number.
pub(crate) const METHODS: [&str; 11] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PRI",
    "EXTENSION_METHOD",
];

// === impl Owner ===

impl Owner {
    /// The service that it counts for.
    pub(crate) fn service(&self) -> Option<&Arc<str>> {
        match self {
            Self::Route { name, reached: true } => Some(&name.service),
            Self::Service(name) => Some(name),
            Self::EntryPoint(_) | Self::Route { reached: false, .. } => None,
        }
    }
}

// === impl Counter ===

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, amount: u64) {
        self.0.store(self.get().saturating_sub(amount), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Series ===

impl Series {
    pub(crate) fn new(owner: Owner, labels: Labels, bounds: usize) -> Self {
        Self {
            owner,
            labels,
            buckets: (0..=bounds).map(|_| Counter::default()).collect(),
            nanos: Counter::default(),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            retries: Counter::default(),
            is_retired: AtomicBool::new(false),
        }
    }

    /// Counts one exchange; `bucket` is the first bound that its duration does not exceed.
    pub(crate) fn count(&self, bucket: usize, elapsed: Duration, request: u64, response: u64, retries: u32) {
        if let Some(counter) = self.buckets.get(bucket) {
            counter.add(1);
        }
        self.nanos.add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
        self.request_bytes.add(request);
        self.response_bytes.add(response);
        if retries > 0 {
            self.retries.add(u64::from(retries));
        }
    }
}

// === impl Key ===

impl Key {
    /// `tls` is a small number for version and cipher, 0 for none.
    pub(crate) fn new(kind: u8, owner: u32, labels: Labels, tls: u8) -> Self {
        Self(
            u64::from(owner) << 32
                | u64::from(kind) << 28
                | u64::from(labels.method) << 24
                | u64::from(protocol_number(labels.protocol)) << 20
                | u64::from(tls & 31) << 15
                | u64::from(labels.code & 0x3ff),
        )
    }
}

/// Place of a method in [`METHODS`].
pub(crate) fn method_number(method: &Method) -> u8 {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::DELETE => 4,
        Method::CONNECT => 5,
        Method::OPTIONS => 6,
        Method::TRACE => 7,
        Method::PATCH => 8,
        _ if method.as_str() == "PRI" => 9,
        _ => 10,
    }
}

fn protocol_number(protocol: &str) -> u8 {
    [Protocol::Http, Protocol::Grpc, Protocol::GrpcWeb, Protocol::Sse, Protocol::Websocket]
        .iter()
        .position(|known| known.as_str() == protocol)
        .map_or(7, |place| u8::try_from(place).unwrap_or(7))
}
