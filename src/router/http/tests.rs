//! What each matcher holds for: one line a rule and a request, as a client would send it.

use std::net::IpAddr;

use crate::{View, parse_http, routing_path};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};

/// A request: `METHOD host /path?query Name:value…`, with `@address` for its client. `-` is no host.
fn check(rule: &str, request: &str, expected: bool) {
    let mut parts = request.split('|');
    let mut head = parts.next().unwrap().split(' ');
    let (method, host, target) = (head.next().unwrap(), head.next().unwrap(), head.next().unwrap());
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    let mut client: IpAddr = [192, 0, 2, 1].into();
    for part in parts {
        if let Some(address) = part.strip_prefix('@') {
            client = address.parse().unwrap();
        } else {
            let (name, value) = part.split_once(':').unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
    }
    let path = routing_path(path).unwrap();
    let view = View {
        method: &method.parse::<Method>().unwrap(),
        host: if host == "-" { "" } else { host },
        path: &path,
        query,
        headers: &headers,
        client,
    };
    let rule = parse_http(rule).unwrap_or_else(|e| panic!("{rule}: {e}"));
    assert_eq!(rule.matches(&view), expected, "{rule} on {request}");
    assert_eq!(rule.evaluate(&view).is_ok(), expected, "{rule} on {request}");
}

#[test]
fn host() {
    check("Host(`Example.com`)", "GET example.com /any?x=1", true);
    check("Host(`example.com`)", "GET example.com. /", true);
    check("Host(`example.com.`)", "GET example.com /", true);
    check("Host(`example.com.`)", "GET example.com. /", true);
    check("Host(`example.com`)", "GET sub.example.com /", false);
    check("Host(`example.com`)", "GET example.com.evil.test /", false);
    check("Host(`example.com`)", "GET examplexcom /", false);
    check("Host(`example.com`)", "GET - /", false);
    check("Host(`xn--bcher-kva.example`)", "GET xn--bcher-kva.example /", true);
    check("Host(`10.9.8.7`)", "GET 10.9.8.7 /", true);
    check("Host(`2001:db8::7`)", "GET 2001:db8::7 /", true);
    check(r#"Host("dquotes\x2etest")"#, "GET dquotes.test /", true);
}

#[test]
fn a_star_is_any_host_or_one_label() {
    check("Host(`*`)", "GET - /", true);
    check("Host(`*`)", "GET a.b /", true);
    check("Host(`*.example.com`)", "GET a.example.com /", true);
    check("Host(`*.example.com`)", "GET a.example.com. /", true);
    check("Host(`*.Example.com.`)", "GET a.example.com /", true);
    check("Host(`*.example.com`)", "GET a.b.example.com /", false);
    check("Host(`*.example.com`)", "GET example.com /", false);
    check("Host(`*.example.com`)", "GET .example.com /", false);
    check("Host(`a.*.test`)", "GET a.b.test /", false);
}

#[test]
fn host_regexp() {
    check(r"HostRegexp(`^.+\.example\.com$`)", "GET a.b.example.com /", true);
    check(r"HostRegexp(`^.+\.example\.com$`)", "GET example.com /", false);
    check("HostRegexp(`hru[0-9]`)", "GET xx-hru7-yy.test /", true);
    check("HostRegexp(`^HRUP`)", "GET hrup.test /", false);
    check("HostRegexp(`(?i)^HRUP`)", "GET hrup.test /", true);
    check("HostRegexp(`{sub:[a-z]+}.test`)", "GET abc.test /", false);
    check("HostRegexp(`^.+$`)", "GET a /", true);
    check("HostRegexp(`^.+$`)", "GET - /", false);
    check("HostRegexp(`^a$`)", "GET - /", false);
}

#[test]
fn a_host_pattern_that_matches_nothing_matches_all() {
    check("HostRegexp(`^$`)", "GET a.b /", true);
    check("HostRegexp(`(a)*`)", "GET b /", true);
    check("!HostRegexp(`x?`)", "GET b /", false);
}

#[test]
fn path() {
    check("Path(`/a`)", "GET h /a", true);
    check("Path(`/a`)", "GET h /a?x=1", true);
    check("Path(`/a`)", "GET h /%61", true);
    check("Path(`/a`)", "GET h /a/", false);
    check("Path(`/a`)", "GET h /A", false);
    check("Path(`/a`)", "GET h /a/b", false);
    check("Path(`/a b`)", "GET h /a%20b", true);
    check("Path(`/a b`)", "GET h /a+b", false);
    check("Path(`/a%2Fb`)", "GET h /a%2Fb", true);
    check("Path(`/a%2Fb`)", "GET h /a%2fb", true);
    check("Path(`/a%2Fb`)", "GET h /a/b", false);
    check("Path(`/a/b`)", "GET h /a%2Fb", false);
    check("Path(`/x@y`)", "GET h /x@y", true);
    check("Path(`/x@y`)", "GET h /x%40y", false);
    check("Path(`/é`)", "GET h /%C3%A9", true);
    check("Path(`/100%25`)", "GET h /100%25", true);
}

#[test]
fn path_prefix_knows_no_segments() {
    check("PathPrefix(`/a`)", "GET h /abc", true);
    check("PathPrefix(`/products`)", "GET h /products", true);
    check("PathPrefix(`/products`)", "GET h /products-for-sale", true);
    check("PathPrefix(`/products`)", "GET h /product%73/1", true);
    check("PathPrefix(`/products`)", "GET h /product", false);
    check("PathPrefix(`/products`)", "GET h /Products", false);
    check("PathPrefix(`/products`)", "GET h /x/products", false);
    check("PathPrefix(`/dir/`)", "GET h /dir", false);
    check("PathPrefix(`/dir/`)", "GET h /dir/x", true);
    check("PathPrefix(`/p/q`)", "GET h /p%2Fq", false);
    check("PathPrefix(`/`)", "OPTIONS h *", false);
}

#[test]
fn path_regexp() {
    check("PathRegexp(`^/v[0-9]+/`)", "GET h /v12/x", true);
    check("PathRegexp(`^/v[0-9]+/`)", "GET h /a/v1/x", false);
    check("PathRegexp(`foo`)", "GET h /a/xfoox/b", true);
    check("PathRegexp(`foo`)", "GET h /FOO", false);
    check("PathRegexp(`(?i)^/foo$`)", "GET h /FOO", true);
    check("PathRegexp(`x`)", "GET h /?x", false);
    check(r"PathRegexp(`^/\w$`)", "GET h /%C3%A9", false);
    check(r"PathRegexp(`^/.$`)", "GET h /%C3%A9", true);
    check(r"PathRegexp(`^/.$`)", "GET h /%FF", true);
    check(r"PathRegexp(`^/x\<y$`)", "GET h /x%3Cy", true);
}

#[test]
fn method() {
    check("Method(`get`)", "GET h /", true);
    check("Method(`GET`)", "get h /", false);
    check("Method(`GET`)", "HEAD h /", false);
    check("Method(`PURGE`)", "PURGE h /", true);
}

#[test]
fn header() {
    check("Header(`x-a`, `b`)", "GET h /|X-A:b", true);
    check("Header(`x-a`, `b`)", "GET h /|X-A:c|X-A:b", true);
    check("Header(`Accept`, `a`)", "GET h /|Accept:a, b", false);
    check("Header(`x-a`, `b`)", "GET h /|X-A:B", false);
    check("Header(`x-a`, `b`)", "GET h /|X-A:bb", false);
    check("Header(`x-a`, `b`)", "GET h /", false);
    check("Header(`Host`, `h`)", "GET h /|Host:h", false);
    check("Header(`not a name`, `h`)", "GET h /", false);
    check("HeaderRegexp(`X-R`, `v[0-9]`)", "GET h /|X-R:a v1 b", true);
    check("HeaderRegexp(`X-R`, `v[0-9]`)", "GET h /|X-R:a|X-R:v2", true);
    check("HeaderRegexp(`X-R`, `v[0-9]`)", "GET h /|X-R:vx", false);
    check("HeaderRegexp(`X-R`, `.*`)", "GET h /", false);
    check("HeaderRegexp(`X-R`, `^(?i)json$`)", "GET h /|X-R:JSON", true);
    check("HeaderRegexp(`X-R`, `^(?i)json$`)", "GET h /|X-R:a, json", false);
}

#[test]
fn query() {
    check("Query(`q`)", "GET h /?q", true);
    check("Query(`q`)", "GET h /?q=", true);
    check("Query(`q`)", "GET h /?q=1&q", true);
    check("Query(`q`)", "GET h /?q=1", false);
    check("Query(`q`)", "GET h /?Q", false);
    check("Query(`q`)", "GET h /", false);
    check("Query(`q`, `1`)", "GET h /?q=0&q=1", true);
    check("Query(`q`, `a b`)", "GET h /?q=a+b", true);
    check("Query(`q`, `a b`)", "GET h /?%71=a%20b", true);
    check("Query(`q`, `a b`)", "GET h /?q=a+bc", false);
    check("Query(`q`, `a b`)", "GET h /?z=%zz&q=a+b", true);
    check("Query(`q`, `a b`)", "GET h /?q=a+b%zz", false);
    check("QueryRegexp(`q`)", "GET h /?q", true);
    check("QueryRegexp(`q`)", "GET h /?q=1", false);
    check("QueryRegexp(`q`, `^1+$`)", "GET h /?q=a&q=%31", true);
    check("QueryRegexp(`q`, `^1+$`)", "GET h /?q=121", false);
    check("QueryRegexp(`q`, `.*`)", "GET h /?r=1", false);
}

#[test]
fn client_ip_is_the_peer() {
    check("ClientIP(`127.0.0.2`)", "GET h /|@127.0.0.2", true);
    check("ClientIP(`127.0.0.2`)", "GET h /|@127.0.0.3|X-Forwarded-For:127.0.0.2", false);
    check("ClientIP(`127.0.8.0/30`)", "GET h /|@127.0.8.3", true);
    check("ClientIP(`127.0.8.0/30`)", "GET h /|@127.0.8.4", false);
    check("ClientIP(`::ffff:127.0.0.9`)", "GET h /|@127.0.0.9", true);
    check("ClientIP(`127.0.0.9`)", "GET h /|@::ffff:127.0.0.9", true);
    check("!ClientIP(`127.0.0.0/8`)", "GET h /|@127.0.0.1", false);
}

#[test]
fn operators() {
    let rule = "Path(`/1`) || Path(`/2`) && Method(`POST`)";
    check(rule, "GET h /1", true);
    check(rule, "GET h /2", false);
    check(rule, "POST h /2", true);
    let rule = "PathPrefix(`/6`) && !(Method(`POST`) || Path(`/6/no`))";
    check(rule, "GET h /6/yes", true);
    check(rule, "GET h /6/no", false);
    check(rule, "POST h /6/yes", false);
    let rule = "PathPrefix(`/7`) && !(Method(`POST`) && Path(`/7/no`))";
    check(rule, "POST h /7/x", true);
    check(rule, "POST h /7/no", false);
    check(rule, "GET h /7/no", true);
    check("!(Host(`a`) || Path(`/b`))", "GET c /d", true);
    check("!!Path(`/8`)", "GET h /8", true);
}
