//! Which TLS options a connection is accepted with: by the server name it asks for, from the hosts of all routers.
//! Traefik, "Which TLS options apply to a connection".

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

/// Server name → name of TLS options, for one entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SniOptions {
    names: AHashMap<Box<str>, Arc<str>>,
    /// For names that no router has, and for connections that ask for none.
    rest: Arc<str>,
    /// Is there a router for TLS connections that names no host?
    has_catch_all: bool,
}

/// What one router for TLS connections asks for.
pub(crate) struct Wanted {
    /// As the rule names them; none for a rule that names none.
    pub(crate) hosts: Vec<Box<str>>,
    pub(crate) options: Arc<str>,
    /// Unknown or broken options: the router's hosts are refused.
    pub(crate) is_refused: bool,
}

/// What a router gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    AsWanted,
    /// The default options, since its rule names no host.
    Hostless,
    /// The default options, since this host is wanted with others too.
    Conflict(Box<str>),
}

/// Stands for every name that no router has.
const ANY: &str = "*";

// === impl SniOptions ===

impl Default for SniOptions {
    fn default() -> Self {
        Self { names: AHashMap::new(), rest: tls::config::DEFAULT.into(), has_catch_all: false }
    }
}

impl SniOptions {
    /// The name of the options for a connection that asks for `sni`, lower-case.
    #[must_use]
    pub fn get(&self, sni: Option<&str>) -> &Arc<str> {
        sni.and_then(|sni| self.named(sni)).unwrap_or(&self.rest)
    }

    /// Does a router name this host, exactly or by a wildcard?
    #[must_use]
    pub fn names(&self, sni: &str) -> bool {
        self.named(sni).is_some()
    }

    /// Is there a router for TLS connections that names no host?
    #[must_use]
    pub fn has_catch_all(&self) -> bool {
        self.has_catch_all
    }

    fn put(&mut self, host: &str, options: &Arc<str>) {
        if host == ANY {
            self.rest = Arc::clone(options);
        } else {
            self.names.insert(host.into(), Arc::clone(options));
        }
    }

    fn named(&self, sni: &str) -> Option<&Arc<str>> {
        let sni = sni.strip_suffix('.').unwrap_or(sni);
        if let Some(options) = self.names.get(sni) {
            return Some(options);
        }
        let (_, parent) = sni.split_once('.')?;
        let mut wildcard = String::with_capacity(parent.len() + 2);
        wildcard.push_str("*.");
        wildcard.push_str(parent);
        self.names.get(wildcard.as_str())
    }
}

/// Gives each host one set of options. Where routers of a host want different ones, all of them get the default
/// ones, and so do their other hosts, or else one connection would be good for some of a router's hosts only.
pub(crate) fn grant(routers: &[Wanted]) -> (SniOptions, Vec<Granted>) {
    let mut granted: Vec<Granted> = routers
        .iter()
        .map(|router| {
            let is_default = &*router.options == tls::config::DEFAULT;
            if router.hosts.is_empty() && !is_default && !router.is_refused {
                Granted::Hostless
            } else {
                Granted::AsWanted
            }
        })
        .collect();
    // Each round takes the default options for at least one router more.
    while settle(routers, &mut granted) {}
    let mut options = SniOptions::default();
    for (router, granted) in routers.iter().zip(&granted).filter(|(router, _)| !router.is_refused) {
        let name = effective(router, granted);
        for host in hosts_of(router) {
            options.put(host, &name);
        }
    }
    // Last, so that nothing opens what must stay shut.
    for router in routers.iter().filter(|router| router.is_refused) {
        for host in &router.hosts {
            options.put(host, &router.options);
        }
    }
    options.has_catch_all = routers.iter().any(|router| hosts_of(router).any(|host| host == ANY));
    (options, granted)
}

/// The options a router's connections are accepted with.
pub(crate) fn effective(router: &Wanted, granted: &Granted) -> Arc<str> {
    match granted {
        Granted::AsWanted => Arc::clone(&router.options),
        Granted::Hostless | Granted::Conflict(_) => tls::config::DEFAULT.into(),
    }
}

/// Looks for hosts with more than one set of options. Did anything change?
fn settle(routers: &[Wanted], granted: &mut [Granted]) -> bool {
    let mut first: AHashMap<&str, Arc<str>> = AHashMap::new();
    let mut disputed: AHashSet<&str> = AHashSet::new();
    for (router, granted) in routers.iter().zip(&*granted).filter(|(router, _)| !router.is_refused) {
        let name = effective(router, granted);
        for host in hosts_of(router) {
            if first.entry(host).or_insert_with(|| Arc::clone(&name)) != &name {
                disputed.insert(host);
            }
        }
    }
    let mut changed = false;
    for (router, granted) in routers.iter().zip(granted).filter(|(router, _)| !router.is_refused) {
        if *granted == Granted::AsWanted
            && let Some(host) = hosts_of(router).find(|host| disputed.contains(host))
        {
            changed |= &*router.options != tls::config::DEFAULT;
            *granted = Granted::Conflict(host.into());
        }
    }
    changed
}

fn hosts_of(router: &Wanted) -> impl Iterator<Item = &str> {
    let any = router.hosts.is_empty().then_some(ANY);
    router.hosts.iter().map(|host| &**host).chain(any)
}

#[cfg(test)]
mod tests;
