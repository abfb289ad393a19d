//! Names of endpoints → addresses.
//!
//! A name is looked up on the control runtime and its answer kept in a cell that workers read: for the answer's
//! TTL (between 1 and 60 s), and after that for as long as nothing better is known.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use arc_swap::ArcSwapOption;
use hickory_resolver::TokioResolver;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

/// Bounds of the time an answer counts as fresh.
const TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long a failed lookup is not repeated.
const FAILURE: Duration = Duration::from_secs(1);
/// Lookups under way at once; more wait.
const LOOKUPS: usize = 64;
/// The most addresses of one name that are kept.
const ADDRESSES: usize = 64;
/// How long a worker waits for the first answer to a name.
const DEADLINE: Duration = Duration::from_secs(10);

/// Looks names up. One for the process; cloning shares it.
#[derive(Clone)]
pub struct Resolver {
    inner: Arc<Inner>,
}

struct Inner {
    control: Handle,
    lookups: Arc<Semaphore>,
    hickory: Option<TokioResolver>,
    names: Mutex<AHashMap<(String, u16), Weak<Name>>>,
}

/// A name with a port, and the last answer to it.
pub struct Name {
    host: String,
    port: u16,
    answer: ArcSwapOption<Answer>,
    /// Is a lookup under way?
    busy: Mutex<bool>,
    changed: Notify,
    resolver: Resolver,
}

struct Answer {
    addresses: Vec<SocketAddr>,
    fresh_until: Instant,
}

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
#[error("failed to resolve `{host}`")]
pub struct Error {
    host: String,
}

// === impl Resolver ===

impl Resolver {
    /// Reads the system's resolver configuration; without one, the C library is asked.
    #[must_use]
    pub fn new(control: Handle) -> Self {
        let hickory = TokioResolver::builder_tokio().and_then(|builder| builder.build()).ok();
        Self {
            inner: Arc::new(Inner {
                control,
                lookups: Arc::new(Semaphore::new(LOOKUPS)),
                hickory,
                names: Mutex::default(),
            }),
        }
    }

    /// The cell of a name; the same one for everybody who asks for it while somebody holds it.
    #[must_use]
    pub fn name(&self, host: &str, port: u16) -> Arc<Name> {
        let mut names = self.inner.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.to_ascii_lowercase(), port);
        if let Some(name) = names.get(&key).and_then(Weak::upgrade) {
            return name;
        }
        names.retain(|_, name| name.strong_count() > 0);
        let name = Arc::new(Name {
            host: key.0.clone(),
            port,
            answer: ArcSwapOption::empty(),
            busy: Mutex::new(false),
            changed: Notify::new(),
            resolver: self.clone(),
        });
        names.insert(key, Arc::downgrade(&name));
        name
    }

    async fn lookup(&self, host: &str, port: u16) -> Option<Answer> {
        let _permit = self.inner.lookups.acquire().await.ok()?;
        let (addresses, ttl) = match &self.inner.hickory {
            Some(hickory) => {
                let found = hickory.lookup_ip(host).await.ok()?;
                let ttl = found.as_lookup().valid_until().saturating_duration_since(Instant::now());
                (found.iter().collect::<Vec<IpAddr>>(), ttl)
            }
            None => {
                let found = tokio::net::lookup_host((host, port)).await.ok()?;
                (found.map(|address| address.ip()).collect::<Vec<_>>(), TTL.0)
            }
        };
        let addresses: Vec<SocketAddr> =
            interleaved(addresses).into_iter().take(ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect();
        (!addresses.is_empty())
            .then(|| Answer { addresses, fresh_until: Instant::now() + ttl.clamp(TTL.0, TTL.1) })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

// === impl Name ===

impl Name {
    /// All addresses, IPv6 and IPv4 in turn. Waits only where there has never been an answer.
    ///
    /// # Errors
    /// When there is no answer and none comes in time.
    pub async fn addresses(self: &Arc<Self>) -> Result<Vec<SocketAddr>, Error> {
        let failed = || Error { host: self.host.clone() };
        let changed = self.changed.notified();
        if let Some(answer) = &*self.answer.load() {
            if answer.fresh_until <= Instant::now() {
                self.refresh();
            }
            if !answer.addresses.is_empty() {
                return Ok(answer.addresses.clone());
            }
            if answer.fresh_until > Instant::now() {
                return Err(failed());
            }
        }
        self.refresh();
        // A lookup that has ended before we began to wait left its answer behind.
        let _late = tokio::time::timeout(DEADLINE, changed).await;
        match &*self.answer.load() {
            Some(answer) if !answer.addresses.is_empty() => Ok(answer.addresses.clone()),
            _ => Err(failed()),
        }
    }

    /// Is the address in the last answer, or is there none?
    pub(crate) fn has(&self, address: SocketAddr) -> bool {
        self.answer
            .load()
            .as_ref()
            .is_none_or(|answer| answer.addresses.is_empty() || answer.addresses.contains(&address))
    }

    /// Starts a lookup when the last answer is not fresh any more.
    pub(crate) fn refresh_when_stale(self: &Arc<Self>) {
        if self.answer.load().as_ref().is_none_or(|answer| answer.fresh_until <= Instant::now()) {
            self.refresh();
        }
    }

    /// Starts a lookup on the control runtime, unless one is under way.
    fn refresh(self: &Arc<Self>) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if *busy {
            return;
        }
        *busy = true;
        // The task ends by itself: every lookup has a timeout. However it ends, the name is settled.
        let mut looking = Looking { name: Arc::clone(self), answer: None };
        let _owned_by_the_name = self.resolver.inner.control.spawn(async move {
            let answer = looking.name.resolver.lookup(&looking.name.host, looking.name.port).await;
            looking.found(answer);
        });
    }

    fn settle(&self, answer: Option<Answer>) {
        let answer = answer.unwrap_or_else(|| {
            // The last good answer stays.
            let kept = self.answer.load().as_ref().map(|last| last.addresses.clone()).unwrap_or_default();
            Answer { addresses: kept, fresh_until: Instant::now() + FAILURE }
        });
        self.answer.store(Some(Arc::new(answer)));
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.changed.notify_waiters();
    }
}

/// A lookup under way.
struct Looking {
    name: Arc<Name>,
    answer: Option<Answer>,
}

impl Looking {
    fn found(&mut self, answer: Option<Answer>) {
        self.answer = answer;
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.name.settle(self.answer.take());
    }
}

/// Both families in turn, beginning with the one that the resolver puts first (RFC 8305, section 4).
fn interleaved(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let Some(first) = addresses.first().map(IpAddr::is_ipv6) else {
        return addresses;
    };
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|ip| ip.is_ipv6() == first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [preferred.next(), others.next()];
        if pair.iter().all(Option::is_none) {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests;
