//! A request in words, from the command line or from a query of the API → the question to a snapshot.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use snapshot::explain::Question;

use crate::install::Install;

/// A request as people write it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) url: &'a str,
    /// Empty: `GET`.
    pub(super) method: &'a str,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) sni: Option<&'a str>,
    pub(super) entry_point: Option<&'a str>,
}

/// The question, or why it is none. `headers` are lines like `Name: value`.
pub(super) fn question<'a>(
    asked: Asked<'_>,
    headers: impl Iterator<Item = &'a str>,
    install: &Install,
) -> Result<Question, String> {
    let mut question = Question::of_url(asked.url)?;
    // Whoever reads the configuration may guess at its passwords anyway.
    question.compares_passwords = true;
    if !asked.method.is_empty() {
        let method = Method::from_bytes(asked.method.as_bytes());
        question.method = method.map_err(|_invalid| format!("`{}` is no method", asked.method))?;
    }
    for line in headers {
        let (name, value) = header_of(line)?;
        // The Host header is what routing reads, as with curl.
        if name == header::HOST {
            question.host = value.to_str().map_err(|_invalid| format!("`{line}` is no host"))?.to_owned();
        } else {
            question.headers.append(name, value);
        }
    }
    if let Some(client) = asked.client_ip {
        question.client = client;
    }
    let uri: Option<Uri> = asked.url.parse().ok();
    // The name in the handshake is the URL's, whatever the Host header says afterwards.
    question.sni = asked.sni.map(str::to_owned).or_else(|| server_name(uri.as_ref()?));
    let by_port = || by_port(install, uri.as_ref()?);
    question.entry_point = asked.entry_point.map(str::to_owned).or_else(by_port);
    Ok(question)
}

fn header_of(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| format!("`{line}` is no header: write `Name: value`"))?;
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_invalid| format!("`{name}` is no header"))?;
    let value =
        HeaderValue::from_str(value.trim()).map_err(|_invalid| format!("`{line}` has no valid value"))?;
    Ok((name, value))
}

/// The host of a URL as a handshake names it; empty for an address, which is not named.
fn server_name(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    Some(if is_address { String::new() } else { host.trim_end_matches('.').to_owned() })
}

/// The entry point that listens on the URL's port, if there is one.
fn by_port(install: &Install, uri: &Uri) -> Option<String> {
    let implied = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(implied);
    let listens = |config: &entrypoint::config::Config| {
        config.address().is_ok_and(|address| address.port == port && !address.is_udp())
    };
    install.entry_points.iter().find(|(_, config)| listens(config)).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use document::Format;

    use super::*;

    fn ask(url: &str, headers: &[&str]) -> Result<Question, String> {
        let text = "entryPoints: {web: {address: ':80'}, secure: {address: ':8443'}}\n";
        let (install, _) = crate::install::read_text("test.yml", text, Format::Yaml);
        question(Asked { url, ..Asked::default() }, headers.iter().copied(), &install.unwrap())
    }

    #[test]
    fn the_port_says_where_a_request_enters() {
        let entry_point = |url: &str| ask(url, &[]).unwrap().entry_point;
        assert_eq!(entry_point("http://a/").as_deref(), Some("web"));
        assert_eq!(entry_point("https://a:8443/").as_deref(), Some("secure"));
        assert_eq!(entry_point("https://a/"), None);
    }

    #[test]
    fn the_host_header_wins_over_the_urls_host_but_not_in_the_handshake() {
        let asked = ask("https://127.0.0.1:8443/x?y", &["Host: shop.test", "X-A: 1", "x-a:2"]).unwrap();
        assert_eq!((asked.host.as_str(), asked.sni.as_deref()), ("shop.test", Some("")));
        assert_eq!(asked.headers.get_all("x-a").iter().count(), 2);
        assert_eq!(ask("https://a.test./", &["Host: b"]).unwrap().sni.as_deref(), Some("a.test"));
    }

    #[test]
    fn what_is_no_request_is_refused_by_name() {
        let refused = |url: &str, headers: &[&str]| ask(url, headers).unwrap_err();
        assert!(refused("shop.test/x", &[]).contains("shop.test/x"));
        assert_eq!(refused("http://a/", &["nonsense"]), "`nonsense` is no header: write `Name: value`");
        assert_eq!(refused("http://a/", &["a b: c"]), "`a b` is no header");
    }
}
