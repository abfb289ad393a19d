//! For whom a request counts: `ipStrategy` and `sourceCriterion`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use document::Problem;
use exchange::Request;
use exchange::headers::X_FORWARDED_FOR;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::networks::Networks;
use crate::unset;

/// Which address is the client's. Without any option: that of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IpStrategy {
    /// Take this address of `X-Forwarded-For`, counted from the right.
    #[serde(skip_serializing_if = "unset")]
    pub depth: i64,
    /// Take the first address of `X-Forwarded-For` from the right that is none of these. `depth` goes first.
    #[serde(rename = "excludedIPs", skip_serializing_if = "unset")]
    pub excluded_ips: Vec<String>,
    /// Count only so many leading bits of an IPv6 address, 1 to 128. Not used with `excludedIPs`.
    #[serde(skip_serializing_if = "unset")]
    pub ipv6_subnet: Option<i64>,
}

/// What makes two requests come from the same source. At most one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SourceCriterion {
    #[serde(skip_serializing_if = "unset")]
    pub ip_strategy: Option<IpStrategy>,
    /// The value of this header; all requests without it are one source.
    #[serde(skip_serializing_if = "unset")]
    pub request_header_name: String,
    /// The host that is asked for.
    #[serde(skip_serializing_if = "unset")]
    pub request_host: bool,
}

/// An [`IpStrategy`] that is ready.
#[derive(Debug)]
pub(crate) enum AddressSource {
    Peer { subnet: Option<u8> },
    Depth { depth: usize, subnet: Option<u8> },
    Excluded(Networks),
}

/// The address that a strategy found.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Ip(IpAddr),
    /// What is no address, as the header had it; empty when there was none.
    Text(String),
}

/// A [`SourceCriterion`] that is ready.
#[derive(Debug)]
pub(crate) enum Criterion {
    Address(AddressSource),
    Header(HeaderName),
    Host,
}

/// A source, as something to hash.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source<'a> {
    Address(Address),
    Bytes(&'a [u8]),
}

// === impl IpStrategy ===

impl IpStrategy {
    pub(crate) fn build(&self) -> Result<AddressSource, Problem> {
        let subnet = self.ipv6_subnet.map(prefix_length).transpose()?;
        if let Some(depth) = usize::try_from(self.depth).ok().filter(|depth| *depth > 0) {
            return Ok(AddressSource::Depth { depth, subnet });
        }
        if self.excluded_ips.is_empty() {
            return Ok(AddressSource::Peer { subnet });
        }
        Networks::parse("excludedIPs", &self.excluded_ips).map(AddressSource::Excluded)
    }
}

fn prefix_length(bits: i64) -> Result<u8, Problem> {
    u8::try_from(bits)
        .ok()
        .filter(|bits| (1..=128).contains(bits))
        .ok_or_else(|| Problem::field("ipv6Subnet", format!("{bits} is not between 1 and 128")))
}

// === impl SourceCriterion ===

impl SourceCriterion {
    /// Is none of the three set?
    pub(crate) fn is_unset(&self) -> bool {
        self.ip_strategy.is_none() && self.request_header_name.is_empty() && !self.request_host
    }

    pub(crate) fn build(&self) -> Result<Criterion, Problem> {
        let set = [self.ip_strategy.is_some(), !self.request_header_name.is_empty(), self.request_host];
        if set.iter().filter(|set| **set).count() > 1 {
            return Err(Problem::error(
                "invalid_value",
                "`ipStrategy`, `requestHeaderName` and `requestHost` exclude each other",
            ));
        }
        if self.request_host {
            return Ok(Criterion::Host);
        }
        if !self.request_header_name.is_empty() {
            return self.request_header_name.parse().map(Criterion::Header).map_err(|_invalid| {
                let message = format!("`{}` is no header name", self.request_header_name);
                Problem::field("requestHeaderName", message)
            });
        }
        let strategy = self.ip_strategy.clone().unwrap_or_default();
        strategy.build().map(Criterion::Address).map_err(|problem| problem.under("ipStrategy"))
    }
}

// === impl AddressSource ===

impl AddressSource {
    /// The client's address, as far as this strategy can tell.
    pub(crate) fn find(&self, req: &Request) -> Address {
        match self {
            Self::Peer { subnet } => Address::Ip(masked(req.connection.peer.ip().to_canonical(), *subnet)),
            Self::Depth { depth, subnet } => {
                match Address::parse(nth_from_right(&forwarded_for(req), *depth)) {
                    Address::Ip(address) => Address::Ip(masked(address, *subnet)),
                    text @ Address::Text(_) => text,
                }
            }
            Self::Excluded(networks) => first_not_in(networks, &forwarded_for(req)),
        }
    }

    /// The same, but IPv6 addresses count by this prefix unless the configuration says otherwise.
    pub(crate) fn with_default_subnet(self, default: u8) -> Self {
        match self {
            Self::Peer { subnet } => Self::Peer { subnet: subnet.or(Some(default)) },
            Self::Depth { depth, subnet } => Self::Depth { depth, subnet: subnet.or(Some(default)) },
            excluded @ Self::Excluded(_) => excluded,
        }
    }
}

/// Only the first line: the entry point has joined several into one.
fn forwarded_for(req: &Request) -> Cow<'_, str> {
    match req.headers().get(X_FORWARDED_FOR) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()),
        None => Cow::Borrowed(""),
    }
}

fn nth_from_right(list: &str, n: usize) -> &str {
    list.rsplit(',').nth(n - 1).map_or("", str::trim)
}

/// A malformed item counts as "not in the list".
fn first_not_in(networks: &Networks, list: &str) -> Address {
    list.rsplit(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(Address::parse)
        .find(|address| !matches!(address, Address::Ip(ip) if networks.contains(*ip)))
        .unwrap_or(Address::Text(String::new()))
}

fn masked(address: IpAddr, subnet: Option<u8>) -> IpAddr {
    match (address, subnet) {
        (IpAddr::V6(address), Some(bits)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        (address, _) => address,
    }
}

// === impl Address ===

impl Address {
    fn parse(text: &str) -> Self {
        match text.parse::<IpAddr>() {
            Ok(address) => Self::Ip(address.to_canonical()),
            Err(_) => Self::Text(text.to_owned()),
        }
    }
}

// === impl Criterion ===

impl Criterion {
    pub(crate) fn find<'a>(&self, req: &'a Request) -> Source<'a> {
        match self {
            Self::Address(source) => Source::Address(source.find(req)),
            Self::Header(name) => {
                Source::Bytes(req.headers().get(name).map_or(&[], |value| value.as_bytes()))
            }
            // Traefik: the raw `Host`, so that its letter case, its port or a final dot gives a fresh source.
            Self::Host => Source::Bytes(req.host.strip_suffix('.').unwrap_or(&req.host).as_bytes()),
        }
    }

    /// A word for what it tells sources apart by.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Address(_) => "client address".to_owned(),
            Self::Header(name) => format!("header `{name}`"),
            Self::Host => "host".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{request, with_header};

    fn strategy(json: &str) -> Result<AddressSource, Problem> {
        serde_json::from_str::<IpStrategy>(json).unwrap().build()
    }

    fn check(json: &str, forwarded_for: &str, wanted: &str) {
        let req = with_header(request("/"), "x-forwarded-for", forwarded_for);
        assert_eq!(strategy(json).unwrap().find(&req), Address::parse(wanted), "{json} {forwarded_for}");
    }

    #[test]
    fn without_options_it_is_the_peer() {
        check("{}", "9.9.9.9", "127.0.0.1");
        check(r#"{"depth": 0}"#, "9.9.9.9", "127.0.0.1");
    }

    #[test]
    fn depth_counts_from_the_right() {
        let two = "1.1.1.1, 2.2.2.2";
        check(r#"{"depth": 1}"#, two, "2.2.2.2");
        check(r#"{"depth": 2}"#, two, "1.1.1.1");
        check(r#"{"depth": 3}"#, two, "");
        check(r#"{"depth": 1, "excludedIPs": ["2.2.2.2"]}"#, two, "2.2.2.2");
        check(r#"{"depth": 1}"#, "junk", "junk");
    }

    #[test]
    fn excluded_addresses_are_passed_over() {
        let excluded = r#"{"excludedIPs": ["2.2.2.0/24", "3.3.3.3"]}"#;
        check(excluded, "9.9.9.9, 1.1.1.1, 2.2.2.2, 3.3.3.3", "1.1.1.1");
        check(excluded, "2.2.2.2, 3.3.3.3", "");
        check(excluded, "1.1.1.1, , 2.2.2.2", "1.1.1.1");
        check(excluded, "1.1.1.1, junk", "junk");
        check(excluded, "", "");
    }

    #[test]
    fn ipv6_is_masked_and_ipv4_is_not() {
        check(r#"{"depth": 1, "ipv6Subnet": 64}"#, "2001:db8:1:0:5::6", "2001:db8:1::");
        check(r#"{"depth": 1, "ipv6Subnet": 64}"#, "1.2.3.4", "1.2.3.4");
        check(r#"{"depth": 1, "ipv6Subnet": 128}"#, "2001:db8::6", "2001:db8::6");
        check(r#"{"excludedIPs": ["1.1.1.1"], "ipv6Subnet": 64}"#, "2001:db8::6", "2001:db8::6");
    }

    #[test]
    fn a_subnet_out_of_range_is_a_mistake() {
        for bits in [0, -1, 129] {
            let problem = strategy(&format!(r#"{{"ipv6Subnet": {bits}}}"#)).unwrap_err();
            assert_eq!(problem.path, "ipv6Subnet");
        }
    }

    #[test]
    fn criteria_exclude_each_other() {
        for json in [
            r#"{"requestHost": true, "requestHeaderName": "X"}"#,
            r#"{"requestHost": true, "ipStrategy": {}}"#,
        ] {
            assert!(serde_json::from_str::<SourceCriterion>(json).unwrap().build().is_err(), "{json}");
        }
    }

    #[test]
    fn a_host_is_one_source_however_it_is_written() {
        let host = |text: &str| {
            let mut req = request("/");
            req.host = text.into();
            format!("{:?}", Criterion::Host.find(&req))
        };
        assert_eq!(host("a.test."), host("a.test"));
        assert_ne!(host("a.test"), host("b.test"));
    }
}
