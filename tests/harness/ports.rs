//! Free ports on loopback, none given out twice by this process.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the kernel takes ports of outgoing connections: nobody takes one between asking for
/// it here and the gateway's bind, as could happen with a port that the kernel chose and we gave back.
const FIRST: u16 = 11_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on, for a gateway to bind. Backends bind port 0 and keep it.
pub(crate) fn free_port() -> u16 {
    // Two runs beside each other begin at different places.
    let offset = std::process::id().wrapping_mul(977) % u32::from(COUNT);
    let offset = u16::try_from(offset).unwrap();
    for _ in 0..COUNT {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (offset + next % COUNT) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}
