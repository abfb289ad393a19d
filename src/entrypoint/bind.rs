//! Sockets: bound once, before any worker starts, and owned by the process until it drains.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Connections the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 4096;
/// Traefik's fixed value.
const KEEP_ALIVE: Duration = Duration::from_secs(180);

/// An entry point's sockets, one for each worker.
#[derive(Debug)]
pub struct Sockets {
    listeners: Mutex<Vec<TcpListener>>,
    address: SocketAddr,
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `None`: all addresses of both families.
    pub host: Option<std::net::IpAddr>,
    pub port: u16,
    /// Other processes may share the port.
    pub reuse_port: bool,
    /// All workers accept from one socket, for few, long connections.
    pub shared: bool,
}

impl Sockets {
    /// Binds one socket for each worker. Unless the port may be shared, it is first bound alone, to prove it free.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(listen: Listen, workers: usize) -> io::Result<Self> {
        let address = address(listen);
        if listen.shared {
            let first = socket(address, listen.reuse_port)?;
            let address = first.local_addr()?;
            let copies = (1..workers).map(|_| first.try_clone()).collect::<io::Result<Vec<_>>>()?;
            let listeners = Mutex::new(std::iter::once(first).chain(copies).collect());
            return Ok(Self { listeners, address });
        }
        let address = if listen.reuse_port || address.port() == 0 {
            address
        } else {
            drop(socket(address, false)?);
            address
        };
        let first = socket(address, true)?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..workers {
            listeners.push(socket(address, true)?);
        }
        Ok(Self { listeners: Mutex::new(listeners), address })
    }

    /// A socket that was bound for us, from which all workers accept.
    ///
    /// # Errors
    /// When it is no socket that listens for TCP connections.
    pub fn adopt(listener: TcpListener, workers: usize) -> io::Result<Self> {
        let socket = SockRef::from(&listener);
        if !socket.is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no listening socket"));
        }
        socket.set_nonblocking(true)?;
        socket.set_tcp_keepalive(&keep_alive())?;
        let address = listener.local_addr()?;
        let copies = (1..workers).map(|_| listener.try_clone()).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { listeners: Mutex::new(std::iter::once(listener).chain(copies).collect()), address })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of one worker. Nothing, once they are closed.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn of_worker(&self, worker: usize) -> io::Result<Option<TcpListener>> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.get(worker).map(TcpListener::try_clone).transpose()
    }

    /// Gives the sockets up; the kernel does so when the workers have too.
    pub fn close(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn address(listen: Listen) -> SocketAddr {
    match listen.host {
        Some(host) => SocketAddr::new(host, listen.port),
        None if has_ipv6() => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), listen.port),
        None => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), listen.port),
    }
}

fn keep_alive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE)
}

fn has_ipv6() -> bool {
    let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) else {
        return false;
    };
    socket.bind(&SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0).into()).is_ok()
}

fn socket(address: SocketAddr, reuse_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it.
    socket.set_tcp_keepalive(&keep_alive())?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::{Listen, Sockets};

    const ANY: Listen = Listen { host: None, port: 0, reuse_port: false, shared: false };

    #[test]
    fn a_taken_port_is_an_error() {
        let first = Sockets::bind(ANY, 2).unwrap();
        let again = Listen { port: first.address().port(), ..ANY };
        assert!(Sockets::bind(again, 1).is_err());
    }

    #[test]
    fn each_worker_has_a_socket_until_they_are_closed() {
        let sockets = Sockets::bind(ANY, 2).unwrap();
        assert!(sockets.of_worker(1).unwrap().is_some());
        assert!(sockets.of_worker(2).unwrap().is_none());
        sockets.close();
        assert!(sockets.of_worker(0).unwrap().is_none());
    }
}
