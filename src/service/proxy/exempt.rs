//! `NO_PROXY`: what is dialled directly.
//!
//! A list with commas: `*`; an address or a network; a host, which means its subdomains too, or only them when it
//! begins with a dot or `*.`. Hosts and addresses may have a port. What is local never goes through a proxy.

use std::net::IpAddr;

use ipnet::IpNet;

/// What `NO_PROXY` says.
#[derive(Debug, Default)]
pub(super) struct Exempt {
    everything: bool,
    networks: Vec<IpNet>,
    addresses: Vec<(IpAddr, Port)>,
    domains: Vec<Domain>,
}

/// Empty means every port.
type Port = String;

#[derive(Debug)]
struct Domain {
    /// With a dot in front.
    suffix: String,
    port: Port,
    /// Does it mean the domain itself, too?
    itself: bool,
}

impl Exempt {
    pub(super) fn parse(list: &str) -> Self {
        let mut exempt = Self::default();
        for entry in list.split(',') {
            exempt.add(&entry.trim().to_ascii_lowercase());
        }
        exempt
    }

    fn add(&mut self, entry: &str) {
        if entry == "*" {
            self.everything = true;
            return;
        }
        if let Ok(network) = entry.parse::<IpNet>() {
            self.networks.push(network);
            return;
        }
        let (host, port) = split(entry).unwrap_or((entry, ""));
        if let Ok(ip) = host.parse::<IpAddr>() {
            self.addresses.push((ip.to_canonical(), port.to_owned()));
            return;
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        if host.is_empty() {
            return;
        }
        let itself = !host.starts_with('.');
        let suffix = if itself { format!(".{host}") } else { host.to_owned() };
        self.domains.push(Domain { suffix, port: port.to_owned(), itself });
    }

    /// Is an endpoint dialled directly? `host`: without brackets.
    pub(super) fn has(&self, host: &str, port: u16) -> bool {
        let host = host.trim().to_ascii_lowercase();
        if self.everything || host == "localhost" {
            return true;
        }
        let port = port.to_string();
        let is_port = |wanted: &str| wanted.is_empty() || wanted == port;
        if let Ok(ip) = host.parse::<IpAddr>() {
            let ip = ip.to_canonical();
            return ip.is_loopback()
                || self.networks.iter().any(|network| network.contains(&ip))
                || self.addresses.iter().any(|(exempt, port)| *exempt == ip && is_port(port));
        }
        self.domains.iter().any(|domain| {
            let itself = domain.itself && domain.suffix.strip_prefix('.') == Some(&*host);
            (itself || host.ends_with(&domain.suffix)) && is_port(&domain.port)
        })
    }
}

/// Host and port, where there is one: `host:80`, `[::1]:80`.
fn split(entry: &str) -> Option<(&str, &str)> {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, port) = rest.split_once("]:")?;
        return Some((host, port));
    }
    entry.split_once(':').filter(|(_, port)| !port.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::Exempt;

    fn check(list: &str, endpoints: &[(&str, u16, bool)]) {
        let exempt = Exempt::parse(list);
        for &(host, port, wanted) in endpoints {
            assert_eq!(exempt.has(host, port), wanted, "{host}:{port} with `{list}`");
        }
    }

    #[test]
    fn what_is_local_is_always_exempt() {
        check("", &[("localhost", 80, true), ("127.0.0.1", 80, true), ("127.8.9.1", 80, true)]);
        check("", &[("::1", 80, true), ("::ffff:127.0.0.1", 80, true)]);
        check("", &[("10.0.0.1", 80, false), ("localhost.example", 80, false), ("shop.example", 80, false)]);
    }

    #[test]
    fn a_domain_means_its_subdomains() {
        check("example.com", &[("example.com", 80, true), ("a.b.Example.com", 80, true)]);
        check("example.com", &[("notexample.com", 80, false), ("example.com.evil", 80, false)]);
    }

    #[test]
    fn a_dot_or_star_in_front_means_only_those() {
        for list in [".example.com", "*.example.com", " , *.EXAMPLE.com"] {
            check(list, &[("a.example.com", 80, true), ("example.com", 80, false)]);
        }
    }

    #[test]
    fn a_port_narrows_it() {
        check("example.com:8080", &[("a.example.com", 8080, true), ("example.com", 80, false)]);
        check("10.0.0.1:8080", &[("10.0.0.1", 8080, true), ("10.0.0.1", 80, false)]);
        check("[fd00::1]:8080", &[("fd00::1", 8080, true), ("fd00::1", 80, false)]);
        check("example.com:", &[("example.com", 80, true)]);
    }

    #[test]
    fn addresses_and_networks() {
        check("10.0.0.1,fd00::1", &[("10.0.0.1", 1, true), ("fd00::1", 1, true), ("10.0.0.2", 1, false)]);
        check("10.1.2.3/8", &[("10.200.0.1", 80, true), ("11.0.0.1", 80, false), ("ten.example", 80, false)]);
        check("fd00::/8", &[("fd12::5", 80, true), ("fe80::1", 80, false)]);
    }

    #[test]
    fn a_star_means_everything() {
        check("a.example,*", &[("b.example", 80, true), ("10.0.0.1", 80, true)]);
    }
}
