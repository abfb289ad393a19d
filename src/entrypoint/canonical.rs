//! The steps that make a received head canonical; each refuses what it cannot.

use std::rc::Rc;

use exchange::Kind;
use exchange::canonical::Refused;
use exchange::present::{Notable, Present};
use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use service::hop_by_hop;

use crate::forwarded::port_value;
use crate::handle::Serving;
use crate::settings::Settings;

/// A host that was made canonical, with what follows from it.
#[derive(Debug)]
pub(crate) struct Authority {
    /// As it came.
    raw: Box<[u8]>,
    pub(crate) host: Rc<str>,
    /// For `X-Forwarded-Port`.
    pub(crate) port: HeaderValue,
}

/// Settles whom the request is for: `:authority`, the authority of an absolute target, or `Host`; afterwards
/// `Host` says it and nothing else does (RFC 9112 3.2.2, RFC 9113 8.3.1).
pub(crate) fn authority(head: &mut Parts, cx: &Serving) -> Result<Rc<Authority>, Kind> {
    if head.method == Method::CONNECT {
        return Err(Kind::ConnectRefused);
    }
    let is_http2 = head.version == Version::HTTP_2;
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next().cloned();
    if hosts.next().is_some() {
        return Err(Kind::Malformed);
    }
    if let Some(target) = head.uri.authority() {
        let value = HeaderValue::from_str(target.as_str()).map_err(|_invalid| Kind::Malformed)?;
        if is_http2
            && host.as_ref().is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        {
            return Err(Kind::Malformed);
        }
        let authority = cached(cx, &value)?;
        head.headers.insert(HOST, value);
        return Ok(authority);
    }
    match host {
        Some(host) => cached(cx, &host),
        None if head.version == Version::HTTP_11 => Err(Kind::Malformed),
        None => cached(cx, &HeaderValue::from_static("")),
    }
}

fn cached(cx: &Serving, value: &HeaderValue) -> Result<Rc<Authority>, Kind> {
    let mut last = cx.authority.borrow_mut();
    if let Some(authority) = last.as_ref().filter(|last| *last.raw == *value.as_bytes()) {
        return Ok(Rc::clone(authority));
    }
    let text = value.to_str().map_err(|_not_ascii| Kind::Malformed)?;
    let (host, port) = exchange::canonical::host(text).map_err(|_refused: Refused| Kind::Malformed)?;
    let authority = Rc::new(Authority {
        raw: value.as_bytes().into(),
        host: Rc::from(host),
        port: port_value(port, cx.connection.tls.is_some()),
    });
    *last = Some(Rc::clone(&authority));
    Ok(authority)
}

/// One way to say where a body ends. hyper has refused lengths of HTTP/1 that contradict each other, and closes
/// after a message that has both a length and a transfer coding; of HTTP/2 only the first length was looked at.
pub(crate) fn framing(head: &Parts, present: Present) -> Result<(), Kind> {
    if !present.has_any(&[Notable::ContentLength, Notable::TransferEncoding]) {
        return Ok(());
    }
    hop_by_hop::framing(&head.headers, head.version)
}

/// The limits that are not left to hyper: over HTTP/1 its buffer may take in twice as much, and has a smallest size; h2
/// would refuse without a trace.
///
/// What counts is what Go counts: names, values, and the request line, with what stands between them; over HTTP/2 a
/// fixed part for each field (RFC 9113 6.5.2), and room for ten of these.
pub(crate) fn size(head: &Parts, settings: &Settings) -> Result<(), Kind> {
    let is_http2 = head.version == Version::HTTP_2;
    let (each, room) = if is_http2 { (32, 320) } else { (4, 0) };
    let line = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize =
        head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + each).sum();
    if head.headers.len() > settings.max_header_fields
        || line + fields > settings.max_header_bytes.saturating_add(room)
    {
        return Err(Kind::HeadersTooLarge);
    }
    Ok(())
}

/// HTTP/2 clients may spread cookies over several lines; HTTP/1 has one (RFC 9113 8.2.3).
pub(crate) fn cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// Leaves an origin-form target with a canonical path and query.
pub(crate) fn target(head: &mut Parts, settings: &Settings) -> Result<(), Kind> {
    let path = head.uri.path();
    if path == "*" && head.method != Method::OPTIONS || !path.starts_with('/') && path != "*" {
        return Err(Kind::Malformed);
    }
    let canonical = exchange::canonical::target(path, head.uri.query(), settings.admission.target)
        .map_err(|_refused| Kind::Malformed)?;
    if let Some(target) = canonical {
        head.uri = Uri::try_from(target).map_err(|_invalid| Kind::Malformed)?;
    } else if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        let target = head.uri.path_and_query().cloned().ok_or(Kind::Malformed)?;
        head.uri = Uri::from(target);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
