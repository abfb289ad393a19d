//! Traefik's common format, byte for byte, and `genericCLF`, which stops after the user agent.
//!
//! `ClientHost - ClientUsername [time] "METHOD PATH PROTO" status size "referer" "user-agent" count "router" "url" Nms`

use std::io::Write;

use http::HeaderValue;

use crate::access_log::entry::Entry;
use crate::access_log::fields::{Field, Kept, REDACTED};
use crate::access_log::writer::Times;
use crate::config::Mode;

/// Appends one line with its end.
pub(super) fn write(out: &mut Vec<u8>, entry: &Entry, kept: &Kept, times: &mut Times, is_generic: bool) {
    write_client(out, entry, kept);
    write_time(out, entry, kept, times);
    write_request(out, entry, kept);
    number(out, entry.status.into(), kept.has(Field::DownstreamStatus));
    number(out, entry.response_size, kept.has(Field::DownstreamContentSize));
    let request = entry.request.as_ref();
    header(out, request.and_then(|head| head.referer.as_ref()), kept.referer);
    header(out, request.and_then(|head| head.user_agent.as_ref()), kept.user_agent);
    if !is_generic {
        number(out, entry.count, kept.has(Field::RequestCount));
        quoted(
            out,
            entry.route.as_ref().filter(|_| kept.has(Field::RouterName)).map(|route| route.router.as_bytes()),
        );
        quoted(
            out,
            entry.origin.as_ref().filter(|_| kept.has(Field::ServiceUrl)).map(|origin| origin.url.as_bytes()),
        );
        let millis = if kept.has(Field::Duration) { entry.elapsed.as_millis() } else { 0 };
        let _ = write!(out, "{millis}ms ");
    }
    out.pop();
    out.push(b'\n');
}

fn write_client(out: &mut Vec<u8>, entry: &Entry, kept: &Kept) {
    if !kept.has(Field::ClientHost) {
        out.push(b'-');
    } else if let Some(forwarded) = entry.forwarded_for() {
        out.extend_from_slice(forwarded);
    } else {
        let _ = write!(out, "{}", entry.peer.ip());
    }
    out.extend_from_slice(b" - ");
    match entry.user.as_deref().filter(|user| kept.has(Field::ClientUsername) && !user.is_empty()) {
        Some(user) => push_name(out, user),
        None => out.push(b'-'),
    }
}

/// Traefik: writes the name as it is, line ends and all, so that a client can add lines of its own.
fn push_name(out: &mut Vec<u8>, user: &str) {
    for byte in user.bytes() {
        if byte.is_ascii_control() {
            let _ = write!(out, "\\x{byte:02x}");
        } else {
            out.push(byte);
        }
    }
}

fn write_time(out: &mut Vec<u8>, entry: &Entry, kept: &Kept, times: &mut Times) {
    out.extend_from_slice(b" [");
    if kept.has(Field::StartUtc) {
        out.extend_from_slice(times.common(entry.started, false).as_bytes());
    } else if kept.has(Field::StartLocal) {
        out.extend_from_slice(times.common(entry.started, true).as_bytes());
    } else {
        out.push(b'-');
    }
    out.extend_from_slice(b"] \"");
}

fn write_request(out: &mut Vec<u8>, entry: &Entry, kept: &Kept) {
    let part = |field, text: Option<&str>, out: &mut Vec<u8>| {
        let text = text.filter(|text| kept.has(field) && !text.is_empty()).unwrap_or("-");
        out.extend_from_slice(text.as_bytes());
    };
    let request = entry.request.as_ref();
    part(Field::RequestMethod, request.map(|head| head.method.as_str()), out);
    out.push(b' ');
    part(Field::RequestPath, request.map(|head| head.path(kept.query)), out);
    out.push(b' ');
    part(Field::RequestProtocol, request.map(|head| head.protocol()), out);
    out.extend_from_slice(b"\" ");
}

/// A number and a space.
fn number(out: &mut Vec<u8>, value: u64, is_kept: bool) {
    let _ = if is_kept { write!(out, "{value} ") } else { write!(out, "- ") };
}

fn header(out: &mut Vec<u8>, value: Option<&HeaderValue>, mode: Mode) {
    match mode {
        Mode::Keep => quoted(out, value.map(HeaderValue::as_bytes)),
        Mode::Redact => quoted(out, value.map(|_| REDACTED.as_bytes())),
        Mode::Drop => quoted(out, None),
    }
}

/// A text in quotes and a space. Quotes inside are not escaped, as in Traefik.
fn quoted(out: &mut Vec<u8>, text: Option<&[u8]>) {
    out.push(b'"');
    out.extend_from_slice(text.filter(|text| !text.is_empty()).unwrap_or(b"-"));
    out.extend_from_slice(b"\" ");
}
