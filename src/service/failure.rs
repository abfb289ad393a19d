//! What a failure of hyper's client means, and whether the request may be sent once more.

use std::error::Error as _;
use std::io;

use exchange::error::Retry;
use exchange::{Error, Kind, Record};
use h2::Reason;

/// What the failure of an exchange with an endpoint means.
pub(crate) fn classify(error: hyper::Error, record: &Record) -> Error {
    if let Some(kind) = record.request_failure.get() {
        // The request's body ended early: the client was too slow, broke off, or broke the rules.
        return Error::downstream(kind).because(error);
    }
    if error.is_user() {
        return Error::downstream(Kind::ClientClosed).because(error);
    }
    let (kind, retry) = if error.is_parse() || error.is_parse_status() {
        (Kind::UpstreamMalformed, Retry::Never)
    } else {
        cause(&error)
    };
    Error::upstream(kind, retry).because(error)
}

fn cause(error: &hyper::Error) -> (Kind, Retry) {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return of_http2(error);
        }
        // An alert, or a record that cannot be read: the sockets themselves never say so. HTTP/2 keeps no more of
        // the error than this.
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return (Kind::UpstreamTls, Retry::IfReused);
        }
        next = cause.source();
    }
    (Kind::UpstreamClosed, Retry::IfReused)
}

fn of_http2(error: &h2::Error) -> (Kind, Retry) {
    match error.reason() {
        // Found on this side: what the endpoint sent breaks the rules.
        Some(reason) if error.is_library() && reason != Reason::NO_ERROR => {
            (Kind::UpstreamMalformed, Retry::Never)
        }
        // RFC 9113 8.7: only this one says that nothing was processed.
        Some(reason) if error.is_reset() && reason != Reason::REFUSED_STREAM => {
            (Kind::UpstreamClosed, Retry::Never)
        }
        Some(_) | None => (Kind::UpstreamClosed, Retry::IfReused),
    }
}
