//! The network in `ClientIP`: one address or a range of them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// An address or a CIDR as a network. An IPv4 network written as IPv6 is the IPv4 one.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    match network {
        IpNet::V6(v6) => Some(mapped(v6).map_or(network, IpNet::V4)),
        IpNet::V4(_) => Some(network),
    }
}

fn mapped(network: ipnet::Ipv6Net) -> Option<Ipv4Net> {
    let address: Ipv4Addr = network.network().to_ipv4_mapped()?;
    Ipv4Net::new(address, network.prefix_len().checked_sub(96)?).ok()
}

pub(crate) fn contains(network: &IpNet, client: IpAddr) -> bool {
    network.contains(&client.to_canonical())
}

/// As a rule writes it: a network of one address without its length.
pub(crate) fn text(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    fn check(network: &str, client: &str, expected: bool) {
        let parsed = super::parse(network).unwrap();
        assert_eq!(super::contains(&parsed, client.parse().unwrap()), expected, "{network} {client}");
        assert_eq!(super::parse(&super::text(&parsed)).unwrap(), parsed);
    }

    #[test]
    fn an_address_is_itself() {
        check("127.0.0.2", "127.0.0.2", true);
        check("127.0.0.2", "127.0.0.3", false);
        check("2001:db8::1", "2001:0db8::1", true);
    }

    #[test]
    fn a_range_holds_its_addresses() {
        check("127.0.8.0/30", "127.0.8.3", true);
        check("127.0.8.0/30", "127.0.8.4", false);
        check("10.1.2.3/8", "10.200.0.1", true);
        check("2001:db8::/32", "2001:db8:1::", true);
        check("::/0", "1.2.3.4", false);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        check("::ffff:127.0.0.9", "127.0.0.9", true);
        check("127.0.0.9", "::ffff:127.0.0.9", true);
        check("::ffff:10.0.0.0/104", "10.9.9.9", true);
        check("::ffff:10.0.0.0/104", "11.9.9.9", false);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["300.1.1.1", "10.0.0.0/33", "example.com", "fe80::1%eth0", "1.2.3.4:80", "", "010.0.0.1"]
        {
            assert!(super::parse(text).is_none(), "{text}");
        }
    }
}
