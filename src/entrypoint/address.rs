//! `[host]:port[/tcp|/udp]`: where an entry point listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A parsed `address`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: Host,
    /// 0: any free one.
    pub port: u16,
    pub protocol: Protocol,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Every address of both families.
    Any,
    Ip(IpAddr),
    /// Resolved when the socket is bound.
    Name(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("unknown protocol `{0}`: an address ends in `/tcp`, `/udp` or neither")]
    Protocol(String),
    #[error("`{0}` has no port: write it as `{0}:80`")]
    NoPort(String),
    #[error("`{0}` has no port: write `:{0}` if that is the port")]
    OnlyNumber(String),
    #[error("`{0}` is not a port: it is a number up to 65535")]
    Port(String),
    #[error("`{0}` is not a host: write an IPv6 address in brackets, as in `[::1]:80`")]
    Host(String),
}

// === impl Address ===

impl Address {
    /// The sockets' addresses to try in turn: the first that can be bound is the one. Both families in one socket
    /// if the kernel has IPv6. A name gives none: it must be resolved first.
    pub fn candidates(&self) -> Vec<SocketAddr> {
        match &self.host {
            Host::Any => vec![
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, self.port)),
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port)),
            ],
            Host::Ip(ip) => vec![SocketAddr::new(*ip, self.port)],
            Host::Name(_) => Vec::new(),
        }
    }

    pub fn is_udp(&self) -> bool {
        self.protocol == Protocol::Udp
    }

    /// Both cannot be bound at the same time.
    pub fn collides_with(&self, other: &Self) -> bool {
        let same_host = self.host == other.host || self.host == Host::Any || other.host == Host::Any;
        self.protocol == other.protocol && self.port == other.port && self.port != 0 && same_host
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (text, protocol) = match text.rsplit_once('/') {
            Some((rest, protocol)) if protocol.eq_ignore_ascii_case("tcp") => (rest, Protocol::Tcp),
            Some((rest, protocol)) if protocol.eq_ignore_ascii_case("udp") => (rest, Protocol::Udp),
            Some((_, protocol)) => return Err(AddressError::Protocol(protocol.to_owned())),
            None => (text, Protocol::Tcp),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| {
            let is_number = text.parse::<u16>().is_ok();
            if is_number {
                AddressError::OnlyNumber(text.to_owned())
            } else {
                AddressError::NoPort(text.to_owned())
            }
        })?;
        let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = if is_number { port.parse().ok() } else { None }
            .ok_or_else(|| AddressError::Port(port.to_owned()))?;
        Ok(Self { host: host.parse()?, port, protocol })
    }
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Host(text.to_owned());
        if text.is_empty() {
            return Ok(Self::Any);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
            return inner.parse::<Ipv6Addr>().map(|ip| Self::Ip(ip.into())).map_err(|_| wrong());
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if is_name { Ok(Self::Name(text.to_owned())) } else { Err(wrong()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, ":{}", self.port)?,
            Host::Ip(ip) => write!(f, "{}", SocketAddr::new(*ip, self.port))?,
            Host::Name(name) => write!(f, "{name}:{}", self.port)?,
        }
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str, candidates: &[&str]) {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), shown);
        let found: Vec<String> = address.candidates().iter().map(ToString::to_string).collect();
        assert_eq!(found, candidates, "{text}");
    }

    fn refuses(text: &str, message: &str) {
        assert_eq!(text.parse::<Address>().unwrap_err().to_string(), message);
    }

    #[test]
    fn reads_addresses() {
        check(":80", ":80", &["[::]:80", "0.0.0.0:80"]);
        check(":443/TCP", ":443", &["[::]:443", "0.0.0.0:443"]);
        check("127.0.0.1:0", "127.0.0.1:0", &["127.0.0.1:0"]);
        check("[::1]:53/udp", "[::1]:53/udp", &["[::1]:53"]);
        check("localhost:8080", "localhost:8080", &[]);
    }

    #[test]
    fn refuses_the_rest_with_a_reason() {
        refuses("", "the address is empty");
        refuses("80", "`80` has no port: write `:80` if that is the port");
        refuses(":http", "`http` is not a port: it is a number up to 65535");
        refuses(":70000", "`70000` is not a port: it is a number up to 65535");
        refuses(":80/sctp", "unknown protocol `sctp`: an address ends in `/tcp`, `/udp` or neither");
        refuses("::1:80", "`::1` is not a host: write an IPv6 address in brackets, as in `[::1]:80`");
        refuses("[::1:80", "`[::1` is not a host: write an IPv6 address in brackets, as in `[::1]:80`");
    }

    #[test]
    fn any_address_collides_with_each() {
        let collide = |a: &str, b: &str| a.parse::<Address>().unwrap().collides_with(&b.parse().unwrap());
        assert!(collide(":80", "127.0.0.1:80"));
        assert!(!collide(":80", ":80/udp"));
        assert!(!collide("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!collide(":0", ":0"));
    }
}
