//! Keeps what did not change: a new translation of the same objects gives the same pointers.

use std::sync::Arc;

use dynamic::layer4::{Tcp, Tls, Udp};
use dynamic::{Configuration, Element, Map, Source};

/// Replaces each element of `new` by its like in `old`.
pub(crate) fn keep(new: &mut Configuration, old: &Configuration) {
    map(&mut new.http.routers, &old.http.routers);
    map(&mut new.http.services, &old.http.services);
    map(&mut new.http.middlewares, &old.http.middlewares);
    map(&mut new.http.servers_transports, &old.http.servers_transports);
    let (Tcp { routers, services, middlewares, servers_transports }, tcp) = (&mut new.tcp, &old.tcp);
    map(routers, &tcp.routers);
    map(services, &tcp.services);
    map(middlewares, &tcp.middlewares);
    map(servers_transports, &tcp.servers_transports);
    let (Udp { routers, services }, udp) = (&mut new.udp, &old.udp);
    map(routers, &udp.routers);
    map(services, &udp.services);
    let (Tls { certificates, options, stores }, tls) = (&mut new.tls, &old.tls);
    map(options, &tls.options);
    map(stores, &tls.stores);
    for certificate in certificates {
        let like = tls.certificates.iter().find(|old| is_like(certificate, old));
        if let Some(like) = like {
            *certificate = Arc::clone(like);
        }
    }
}

fn map<T: PartialEq>(new: &mut Map<T>, old: &Map<T>) {
    for (name, element) in new {
        if let Some(like) = old.get(name).filter(|old| is_like(element, old)) {
            *element = Arc::clone(like);
        }
    }
}

/// Equal, and written in the same text, so that places still hold.
fn is_like<T: PartialEq>(new: &Element<T>, old: &Element<T>) -> bool {
    is_same_text(&new.source, &old.source) && new == old
}

/// A text is read into places in one way only.
fn is_same_text(new: &Source, old: &Source) -> bool {
    match (&new.text, &old.text) {
        (Some(new), Some(old)) => Arc::ptr_eq(new, old),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
