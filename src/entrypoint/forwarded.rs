//! `X-Forwarded-*`: believed from trusted peers, replaced for all others.
//! Traefik, "forwarded headers" of an entry point.

use std::net::IpAddr;
use std::sync::OnceLock;

use exchange::headers::{
    X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PROTO, X_FORWARDED_SERVER, X_REAL_IP,
};
use exchange::present::{Notable, Present};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::settings::Forwarded;

/// Without the leading `x-`, in which `-` and `_` count as the same.
const MANAGED: [&str; 13] = [
    "forwarded-for",
    "forwarded-host",
    "forwarded-port",
    "forwarded-proto",
    // Traefik 3.7.9 lets these two pass from anybody.
    "forwarded-scheme",
    "scheme",
    "forwarded-server",
    "forwarded-uri",
    "forwarded-method",
    "forwarded-prefix",
    "forwarded-tls-client-cert",
    "forwarded-tls-client-cert-info",
    "real-ip",
];

const X_FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-scheme");
const X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");

const HTTP: HeaderValue = HeaderValue::from_static("http");
const HTTPS: HeaderValue = HeaderValue::from_static("https");
const WS: HeaderValue = HeaderValue::from_static("ws");
const WSS: HeaderValue = HeaderValue::from_static("wss");

/// What is known of the request besides its headers.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) peer: &'a HeaderValue,
    pub(crate) is_trusted: bool,
    pub(crate) is_tls: bool,
    pub(crate) is_websocket: bool,
    /// Port of `Host`, else 443 or 80.
    pub(crate) port: &'a HeaderValue,
    /// Say the scheme in `X-Forwarded-Scheme` and `X-Scheme` too.
    pub(crate) add_scheme: bool,
}

/// Removes what cannot be believed and fills in what is missing.
pub(crate) fn apply(headers: &mut HeaderMap, present: Present, facts: &Facts<'_>) {
    let is_new = !present.has(Notable::Extension);
    if is_new {
        // There is nothing to believe or to remove.
    } else if !facts.is_trusted {
        remove_managed(headers);
    } else if headers.contains_key(X_FORWARDED_FOR) {
        join_lines(headers);
    }
    let host = headers.get(HOST).cloned();
    let mut set = |name: HeaderName, value: HeaderValue| {
        if is_new || headers.get(&name).is_none_or(HeaderValue::is_empty) {
            headers.insert(name, value);
        }
    };
    let proto = match (facts.is_tls, facts.is_websocket) {
        (false, false) => HTTP,
        (true, false) => HTTPS,
        (false, true) => WS,
        (true, true) => WSS,
    };
    set(X_REAL_IP, facts.peer.clone());
    set(X_FORWARDED_PROTO, proto);
    set(X_FORWARDED_PORT, facts.port.clone());
    if let Some(host) = host {
        set(X_FORWARDED_HOST, host);
    }
    if facts.add_scheme
        && let Some(proto) = headers.get(X_FORWARDED_PROTO).cloned()
    {
        headers.insert(X_FORWARDED_SCHEME, proto.clone());
        headers.insert(X_SCHEME, proto);
    }
    headers.insert(X_FORWARDED_SERVER, hostname());
}

/// The client: the last address of `X-Forwarded-For` that is not itself trusted, or else the first.
pub(crate) fn client(headers: &HeaderMap, trust: &Forwarded, peer: IpAddr) -> IpAddr {
    let mut client = peer;
    for value in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        for address in value.to_str().unwrap_or_default().rsplit(',') {
            match address.trim().parse() {
                Ok(ip) => client = ip,
                Err(_) => return client,
            }
            if !trust.insecure && !trust.trusts(client) {
                return client;
            }
        }
    }
    client
}

/// `X-Forwarded-Port` for a port, or for the scheme's.
pub(crate) fn port_value(port: Option<u16>, is_tls: bool) -> HeaderValue {
    match port {
        Some(port) => HeaderValue::from(port),
        None if is_tls => HeaderValue::from_static("443"),
        None => HeaderValue::from_static("80"),
    }
}

fn remove_managed(headers: &mut HeaderMap) {
    // Most requests have no such header, and finding that out costs two bytes a name.
    let managed: Vec<HeaderName> = headers.keys().filter(|name| is_managed(name.as_str())).cloned().collect();
    for name in managed {
        headers.remove(name);
    }
}

fn is_managed(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("x-").or_else(|| name.strip_prefix("x_")) else {
        return false;
    };
    MANAGED.iter().any(|managed| {
        rest.len() == managed.len()
            && rest.bytes().zip(managed.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
    })
}

fn join_lines(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b", "[..])) {
        headers.insert(X_FORWARDED_FOR, joined);
    }
}

/// This machine's name, read once.
fn hostname() -> HeaderValue {
    // Kept for good, so that a copy of it counts no references.
    static NAME: OnceLock<&str> = OnceLock::new();
    HeaderValue::from_static(NAME.get_or_init(|| {
        let name = rustix::system::uname();
        let name = name.nodename().to_str().ok().filter(|name| HeaderValue::from_str(name).is_ok());
        name.unwrap_or("portcullis").to_owned().leak()
    }))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::{HeaderMap, HeaderName, HeaderValue};

    use exchange::present::Present;

    use super::{Facts, apply, client};
    use crate::settings::Forwarded;

    static PEER: HeaderValue = HeaderValue::from_static("10.0.0.9");
    static PORT: HeaderValue = HeaderValue::from_static("80");

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn facts(is_trusted: bool, add_scheme: bool) -> Facts<'static> {
        Facts { peer: &PEER, is_trusted, is_tls: false, is_websocket: false, port: &PORT, add_scheme }
    }

    fn applied(lines: &[(&'static str, &'static str)], is_trusted: bool) -> HeaderMap {
        let mut map = headers(lines);
        let present = Present::of(&map);
        apply(&mut map, present, &facts(is_trusted, false));
        map
    }

    #[test]
    fn the_scheme_is_added_where_that_is_asked_for() {
        let schemes = |lines: &[(&'static str, &'static str)], is_trusted| {
            let mut map = headers(lines);
            let present = Present::of(&map);
            apply(&mut map, present, &facts(is_trusted, true));
            ["x-forwarded-scheme", "x-scheme"].map(|name| map[name].to_str().unwrap().to_owned())
        };
        assert_eq!(schemes(&[("x-scheme", "gopher")], false), ["http", "http"]);
        assert_eq!(schemes(&[("x-forwarded-proto", "https")], true), ["https", "https"]);
        assert!(!applied(&[("x-scheme", "gopher")], false).contains_key("x-scheme"));
    }

    #[test]
    fn strangers_cannot_say_where_a_request_comes_from() {
        let got = applied(
            &[
                ("x-forwarded-for", "1.1.1.1"),
                ("x_real_ip", "2.2.2.2"),
                ("x-forwarded_proto", "https"),
                ("x-own", "1"),
            ],
            false,
        );
        assert!(!got.contains_key("x-forwarded-for") && !got.contains_key("x_real_ip"));
        assert!(!got.contains_key("x-forwarded_proto"));
        assert_eq!(
            (&got["x-real-ip"], &got["x-forwarded-proto"], &got["x-own"]),
            (&PEER, &HeaderValue::from_static("http"), &HeaderValue::from_static("1"))
        );
    }

    #[test]
    fn trusted_peers_are_believed_and_lines_joined() {
        let got = applied(
            &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2"), ("x-forwarded-proto", "https")],
            true,
        );
        assert_eq!(
            (&got["x-forwarded-for"], &got["x-forwarded-proto"]),
            (&HeaderValue::from_static("1.1.1.1, 2.2.2.2"), &HeaderValue::from_static("https"))
        );
    }

    #[test]
    fn the_client_is_the_last_untrusted_address() {
        let peer: IpAddr = "10.0.0.9".parse().unwrap();
        let trust = Forwarded { trusted: vec!["10.0.0.0/8".parse().unwrap()], ..Forwarded::default() };
        let check = |value: &'static str, wanted: &str| {
            let got = client(&headers(&[("x-forwarded-for", value)]), &trust, peer);
            assert_eq!(got, wanted.parse::<IpAddr>().unwrap(), "{value}");
        };
        check("6.6.6.6, 1.1.1.1, 10.0.0.3", "1.1.1.1");
        check("10.0.0.1, 10.0.0.2", "10.0.0.1");
        check("rubbish", "10.0.0.9");
    }
}
