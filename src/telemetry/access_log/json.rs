//! The JSON format: Traefik's field names, in their order; `Reason` says why the gateway answered itself.

use std::io::Write;

use http::{HeaderName, HeaderValue};

use crate::access_log::entry::Entry;
use crate::access_log::fields::{Field, Kept, REDACTED};
use crate::access_log::writer::Times;
use crate::config::Mode;

/// An object being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    kept: &'a Kept,
}

/// Appends one line with its end.
pub(super) fn write(out: &mut Vec<u8>, entry: &Entry, kept: &Kept, times: &mut Times) {
    out.push(b'{');
    let mut object = Object { out, kept };
    write_client(&mut object, entry);
    write_answer(&mut object, entry);
    if let Some(reason) = entry.reason {
        object.text(Field::Reason, reason);
    }
    write_request(&mut object, entry);
    write_way(&mut object, entry);
    if kept.has(Field::StartLocal) {
        object.text(Field::StartLocal, times.nano(entry.started, true));
    }
    if kept.has(Field::StartUtc) {
        object.text(Field::StartUtc, times.nano(entry.started, false));
    }
    if let Some((version, cipher)) = entry.tls {
        object.text(Field::TlsCipher, cipher);
        object.text(Field::TlsVersion, version);
    }
    let headers = entry.headers.as_deref();
    object.headers("downstream_", headers.map_or(&[], |headers| &headers.downstream));
    object.text(Field::EntryPointName, &entry.entry_point);
    object.plain("level", "info");
    object.plain("msg", "");
    object.headers("origin_", headers.map_or(&[], |headers| &headers.origin));
    match headers {
        Some(headers) => object.headers("request_", &headers.request),
        None => {
            let head = entry.request.as_ref();
            object.header("request_Referer", head.and_then(|head| head.referer.as_ref()), kept.referer);
            let agent = head.and_then(|head| head.user_agent.as_ref());
            object.header("request_User-Agent", agent, kept.user_agent);
        }
    }
    object.plain("time", times.rfc3339(entry.started + entry.elapsed));
    // The last comma.
    out.pop();
    out.extend_from_slice(b"}\n");
}

fn write_client(object: &mut Object<'_>, entry: &Entry) {
    object.display(Field::ClientAddr, entry.peer);
    match entry.forwarded_for() {
        Some(forwarded) => object.text(Field::ClientHost, &String::from_utf8_lossy(forwarded)),
        None => object.display(Field::ClientHost, entry.peer.ip()),
    }
    object.display(Field::ClientPort, entry.peer.port());
    object.text(Field::ClientUsername, entry.user.as_deref().filter(|user| !user.is_empty()).unwrap_or("-"));
}

fn write_answer(object: &mut Object<'_>, entry: &Entry) {
    let (origin_status, origin_size, origin_duration) = entry
        .origin
        .as_ref()
        .map_or((0, 0, 0), |origin| (origin.status, origin.size, origin.duration.as_nanos()));
    object.number(Field::DownstreamContentSize, entry.response_size);
    object.number(Field::DownstreamStatus, entry.status);
    object.number(Field::Duration, entry.elapsed.as_nanos());
    if entry.response_size != 0 && origin_size != entry.response_size && entry.origin.is_some() {
        object.number(Field::GzipRatio, origin_size as f64 / entry.response_size as f64);
    }
    object.number(Field::OriginContentSize, origin_size);
    object.number(Field::OriginDuration, origin_duration);
    object.number(Field::OriginStatus, origin_status);
    object.number(Field::Overhead, entry.elapsed.as_nanos().saturating_sub(origin_duration));
}

fn write_request(object: &mut Object<'_>, entry: &Entry) {
    let request = entry.request.as_ref();
    let host =
        request.and_then(|head| head.host.as_ref()).map(|host| String::from_utf8_lossy(host.as_bytes()));
    let host = host.as_deref().filter(|host| !host.is_empty());
    if let Some(host) = host {
        object.text(Field::RequestAddr, host);
    }
    object.number(Field::RequestContentSize, entry.request_size);
    object.number(Field::RequestCount, entry.count);
    if let Some(host) = host {
        object.text(Field::RequestHost, split_port(host).0);
    }
    if let Some(head) = request {
        object.text(Field::RequestMethod, head.method.as_str());
        object.text(Field::RequestPath, head.path(object.kept.query));
    }
    if let Some(host) = host {
        object.text(Field::RequestPort, split_port(host).1);
    }
    if let Some(head) = request {
        object.text(Field::RequestProtocol, head.protocol());
    }
    object.text(Field::RequestScheme, if entry.tls.is_some() { "https" } else { "http" });
    object.number(Field::RetryAttempts, entry.retries);
}

fn write_way(object: &mut Object<'_>, entry: &Entry) {
    if let Some(route) = &entry.route {
        object.text(Field::RouterName, &route.router);
    }
    if let Some(origin) = &entry.origin {
        object.text(Field::ServiceAddr, origin.address());
        object.text(Field::ServiceName, &origin.service);
        object.text(Field::ServiceUrl, &origin.url);
    }
}

/// Go's `net.SplitHostPort`, with `-` where there is no port.
fn split_port(host: &str) -> (&str, &str) {
    if let Some((name, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        return (name, port);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && !name.starts_with('[') => (name, port),
        _ => (host, "-"),
    }
}

/// `x-real-ip` as Go calls it: `X-Real-Ip`.
fn title_case(name: &HeaderName) -> String {
    let mut is_first = true;
    let letter = |letter: char| {
        let shown = if is_first { letter.to_ascii_uppercase() } else { letter };
        is_first = letter == '-';
        shown
    };
    name.as_str().chars().map(letter).collect()
}

// === impl Object ===

impl Object<'_> {
    fn number(&mut self, field: Field, value: impl std::fmt::Display) {
        if self.kept.has(field) {
            let _ = write!(self.out, "\"{}\":{value},", field.name());
        }
    }

    /// A value whose text needs no escapes.
    fn display(&mut self, field: Field, value: impl std::fmt::Display) {
        if self.kept.has(field) {
            let _ = write!(self.out, "\"{}\":\"{value}\",", field.name());
        }
    }

    fn text(&mut self, field: Field, value: &str) {
        if self.kept.has(field) {
            self.plain(field.name(), value);
        }
    }

    fn plain(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, "\"{name}\":");
        // Into memory, and a text: it cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, value);
        self.out.push(b',');
    }

    /// Headers in the order of their names, each once, with its lines joined.
    fn headers(&mut self, prefix: &str, headers: &[(HeaderName, HeaderValue)]) {
        let mut sorted: Vec<&(HeaderName, HeaderValue)> = headers.iter().collect();
        sorted.sort_by_key(|(name, _)| name.as_str());
        for lines in sorted.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((name, value)) = lines.first() else { continue };
            let field = format!("{prefix}{}", title_case(name));
            if value == REDACTED {
                self.plain(&field, REDACTED);
                continue;
            }
            let texts: Vec<_> =
                lines.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes())).collect();
            self.plain(&field, &texts.join(","));
        }
    }

    fn header(&mut self, name: &str, value: Option<&HeaderValue>, mode: Mode) {
        match (value, mode) {
            (Some(value), Mode::Keep) => self.plain(name, &String::from_utf8_lossy(value.as_bytes())),
            (Some(_), Mode::Redact) => self.plain(name, REDACTED),
            (Some(_), Mode::Drop) | (None, _) => {}
        }
    }
}
