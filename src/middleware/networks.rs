//! A set of addresses: single ones and CIDR blocks.

use std::net::IpAddr;

use document::Problem;
use ipnet::{IpNet, Ipv4Net};

/// Addresses and blocks. IPv4-mapped IPv6 counts as IPv4, on both sides.
#[derive(Debug)]
pub(crate) struct Networks(Box<[IpNet]>);

// === impl Networks ===

impl Networks {
    /// Reads a list as `sourceRange` and `excludedIPs` have it; `field` is its key.
    pub(crate) fn parse(field: &str, list: &[String]) -> Result<Self, Problem> {
        list.iter()
            .enumerate()
            .map(|(index, text)| {
                parse(text).ok_or_else(|| {
                    Problem::field(
                        format!("{field}[{index}]"),
                        format!("`{text}` is no IP address and no CIDR block"),
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn parse(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    let network = text.parse::<IpNet>().ok()?;
    let IpAddr::V4(address) = network.addr().to_canonical() else {
        return Some(network);
    };
    // A mapped block that is wider than all of IPv4 stays what it is.
    match (network, network.prefix_len().checked_sub(96)) {
        (IpNet::V6(_), Some(length)) => Ipv4Net::new(address, length).ok().map(IpNet::V4),
        (IpNet::V6(_) | IpNet::V4(_), _) => Some(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &[&str], address: &str, wanted: bool) {
        let list: Vec<String> = list.iter().map(|&text| text.to_owned()).collect();
        let networks = Networks::parse("sourceRange", &list).unwrap();
        assert_eq!(networks.contains(address.parse().unwrap()), wanted, "{list:?} {address}");
    }

    #[test]
    fn knows_addresses_and_blocks() {
        check(&["10.0.0.1"], "10.0.0.1", true);
        check(&["10.0.0.1"], "10.0.0.2", false);
        check(&["10.0.0.77/24"], "10.0.0.2", true);
        check(&["127.0.7.0/24", "10.0.0.1"], "127.0.7.200", true);
        check(&["2001:db8::/32"], "2001:db8::1", true);
        check(&["::/0"], "10.0.0.1", false);
        check(&["0.0.0.0/0"], "::1", false);
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        check(&["::ffff:127.0.0.1/128"], "127.0.0.1", true);
        check(&["::ffff:127.0.0.0/104"], "127.9.9.9", true);
        check(&["::ffff:127.0.0.1"], "127.0.0.1", true);
        check(&["127.0.0.1"], "::ffff:127.0.0.1", true);
    }

    #[test]
    fn names_what_is_none() {
        let problem = Networks::parse("sourceRange", &["10.0.0.1".to_owned(), "10.0.0.0/33".to_owned()]);
        assert_eq!(problem.unwrap_err().path, "sourceRange[1]");
    }
}
