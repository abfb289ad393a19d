//! Custom headers: set or deleted, on the request and on the response.

use std::collections::BTreeMap;

use document::Problem;
use exchange::{Request, canonical};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

/// `None` deletes.
type Change = (HeaderName, Option<HeaderValue>);

pub(super) struct RequestHeaders {
    changes: Box<[Change]>,
    host: Option<Host>,
    /// `X-Forwarded-For` shall not reach the service at all.
    no_forwarded_for: bool,
}

pub(super) struct ResponseHeaders(Box<[Change]>);

/// A host to put in place of the client's.
struct Host {
    raw: HeaderValue,
    canonical: Box<str>,
}

// === impl RequestHeaders ===

impl RequestHeaders {
    pub(super) fn build(map: &BTreeMap<String, String>) -> Result<Self, Problem> {
        const FIELD: &str = "customRequestHeaders";
        let host =
            |(name, value): &(&String, &String)| name.eq_ignore_ascii_case("host") && !value.is_empty();
        let host = match map.iter().find(host) {
            Some((_, text)) => Some(Host {
                canonical: canonical::host(text)
                    .map_err(|error| Problem::field(format!("{FIELD}.Host"), error))?
                    .0
                    .into(),
                raw: super::value(FIELD, text)?,
            }),
            None => None,
        };
        let changes = changes(FIELD, map)?;
        Ok(Self {
            changes: changes.into_iter().filter(|(name, _)| *name != HOST).collect(),
            host,
            // Traefik: only in this spelling. In another one the header is deleted and the proxy adds the peer.
            no_forwarded_for: map.get("X-Forwarded-For").is_some_and(String::is_empty),
        })
    }

    pub(super) fn apply(&self, req: &mut Request) {
        apply(&self.changes, req.headers_mut());
        if let Some(host) = &self.host {
            req.headers_mut().insert(HOST, host.raw.clone());
            req.host = (&*host.canonical).into();
        }
        if self.no_forwarded_for {
            req.append_forwarded_for = false;
        }
    }

    pub(super) fn describe(&self) -> Option<String> {
        let host = self.host.iter().map(|_| HOST.as_str());
        list(host.chain(self.changes.iter().map(|(name, _)| name.as_str())))
    }
}

// === impl ResponseHeaders ===

impl ResponseHeaders {
    pub(super) fn build(map: &BTreeMap<String, String>) -> Result<Self, Problem> {
        changes("customResponseHeaders", map).map(|changes| Self(changes.into()))
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        apply(&self.0, headers);
    }

    pub(super) fn describe(&self) -> Option<String> {
        list(self.0.iter().map(|(name, _)| name.as_str()))
    }
}

fn changes(field: &str, map: &BTreeMap<String, String>) -> Result<Vec<Change>, Problem> {
    let mut changes = Vec::with_capacity(map.len());
    for (name, text) in map {
        let path = format!("{field}.{name}");
        let name: HeaderName =
            name.parse().map_err(|_invalid| Problem::field(&path, format!("`{name}` is no header name")))?;
        // They say how the message is framed, which is not the configuration's to say; Go ignores them too.
        if ![CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            changes.push((name, super::optional(&path, text)?));
        }
    }
    Ok(changes)
}

fn apply(changes: &[Change], headers: &mut HeaderMap) {
    for (name, value) in changes {
        match value {
            Some(value) => {
                headers.insert(name.clone(), value.clone());
            }
            None => {
                headers.remove(name);
            }
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
