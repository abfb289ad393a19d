//! What can go wrong with an exchange, and the only place where that becomes a status of our own.
//! Statuses and bodies are Traefik's (services page, "error statuses"), except where it says otherwise below.

use std::error::Error as StdError;

use http::StatusCode;

use crate::{Body, Response};

/// A failed exchange. `Display` says this level only; `source` holds the rest.
#[derive(Debug, thiserror::Error)]
#[error("{}", kind.sentence())]
pub struct Error {
    pub kind: Kind,
    pub side: Side,
    pub retry: Retry,
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Downstream,
    Upstream,
    Internal,
}

/// Whether another try may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Nothing of it was processed, because the connection it was sent on had been closed by then.
    IfReused,
    /// Nothing was sent.
    Safe,
}

/// What went wrong. [`Kind::reason`] is the word that the access log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No router matched.
    NoRouter,
    /// No router matched, and not every provider has delivered yet.
    Starting,
    /// The router that matched is broken.
    RouterDisabled,
    /// The service has no endpoint, or none that may be used.
    NoEndpoint,
    /// The TLS options negotiated are not those of the router.
    Misdirected,
    /// The request cannot be made canonical.
    Malformed,
    /// A header was refused by the entry point.
    HeaderRefused,
    /// An escape that the entry point does not allow.
    EncodedCharacter,
    UriTooLong,
    HeadersTooLarge,
    /// `CONNECT`, which no service here takes.
    ConnectRefused,
    /// The client was too slow with its request.
    RequestTimeout,
    ClientClosed,
    NameNotResolved,
    DialTimeout,
    DialRefused,
    /// The TLS handshake with the endpoint failed.
    UpstreamTls,
    /// The endpoint closed the connection before it answered.
    UpstreamClosed,
    /// The endpoint's answer is not HTTP, or breaks its rules.
    UpstreamMalformed,
    ResponseTimeout,
    /// A bounded part of the gateway is full.
    Overloaded,
    /// Ours: a bug.
    Internal,
}

// === impl Kind ===

impl Kind {
    /// The word for logs and for `Reason` in the JSON access log.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoRouter => "no_router",
            Self::Starting => "starting",
            Self::RouterDisabled => "router_disabled",
            Self::NoEndpoint => "no_endpoint",
            Self::Misdirected => "misdirected",
            Self::Malformed => "malformed",
            Self::HeaderRefused => "header_refused",
            Self::EncodedCharacter => "encoded_character",
            Self::UriTooLong => "uri_too_long",
            Self::HeadersTooLarge => "headers_too_large",
            Self::ConnectRefused => "connect_refused",
            Self::RequestTimeout => "request_timeout",
            Self::ClientClosed => "client_closed",
            Self::NameNotResolved => "name_not_resolved",
            Self::DialTimeout => "dial_timeout",
            Self::DialRefused => "dial_refused",
            Self::UpstreamTls => "upstream_tls",
            Self::UpstreamClosed => "upstream_closed",
            Self::UpstreamMalformed => "upstream_malformed",
            Self::ResponseTimeout => "response_timeout",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::NoRouter => "no router matches",
            Self::Starting => "the first configuration is not in yet",
            Self::RouterDisabled => "the router is disabled by a configuration error",
            Self::NoEndpoint => "the service has no available endpoint",
            Self::Misdirected => "the connection's TLS options are not the router's",
            Self::Malformed => "the request is malformed",
            Self::HeaderRefused => "a header is refused by the entry point",
            Self::EncodedCharacter => "the path holds an escape that is not allowed",
            Self::UriTooLong => "the request target is too long",
            Self::HeadersTooLarge => "the headers are too large or too many",
            Self::ConnectRefused => "CONNECT is not served",
            Self::RequestTimeout => "the client was too slow",
            Self::ClientClosed => "the client closed the connection",
            Self::NameNotResolved => "failed to resolve the endpoint's name",
            Self::DialTimeout => "dialling the endpoint took too long",
            Self::DialRefused => "failed to connect to the endpoint",
            Self::UpstreamTls => "the TLS handshake with the endpoint failed",
            Self::UpstreamClosed => "the endpoint closed the connection",
            Self::UpstreamMalformed => "the endpoint's answer is malformed",
            Self::ResponseTimeout => "the endpoint did not answer in time",
            Self::Overloaded => "the gateway is overloaded",
            Self::Internal => "internal error",
        }
    }

    /// The status the client gets.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoRouter => StatusCode::NOT_FOUND,
            // Traefik: a disabled router falls through to 404; an upstream TLS failure is 500.
            Self::Starting | Self::RouterDisabled | Self::NoEndpoint | Self::Overloaded => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Malformed | Self::HeaderRefused | Self::EncodedCharacter => StatusCode::BAD_REQUEST,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::ConnectRefused => StatusCode::NOT_IMPLEMENTED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::ClientClosed => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Self::NameNotResolved
            | Self::DialRefused
            | Self::UpstreamTls
            | Self::UpstreamClosed
            | Self::UpstreamMalformed => StatusCode::BAD_GATEWAY,
            Self::DialTimeout | Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn response(self) -> Response {
        match self {
            Self::NoRouter => Response::text_error(self.status(), "404 page not found\n"),
            Self::NoEndpoint => Response::text_error(self.status(), "no available server\n"),
            Self::Starting | Self::RouterDisabled => {
                Response::text_error(self.status(), "Service Unavailable\n")
            }
            Self::Misdirected => Response::text_error(self.status(), "Misdirected Request\n"),
            Self::HeaderRefused => Response::text_error(self.status(), "Bad Request\n"),
            Self::Malformed | Self::EncodedCharacter => Response::new(self.status(), Body::Empty),
            Self::ClientClosed => Response::new(self.status(), Body::from_static("Client Closed Request")),
            Self::UriTooLong
            | Self::HeadersTooLarge
            | Self::ConnectRefused
            | Self::RequestTimeout
            | Self::NameNotResolved
            | Self::DialTimeout
            | Self::DialRefused
            | Self::UpstreamTls
            | Self::UpstreamClosed
            | Self::UpstreamMalformed
            | Self::ResponseTimeout
            | Self::Overloaded
            | Self::Internal => {
                let text = self.status().canonical_reason().unwrap_or_default();
                Response::new(self.status(), Body::from_static(text))
            }
        }
    }
}

// === impl Error ===

impl Error {
    #[must_use]
    pub fn downstream(kind: Kind) -> Self {
        Self { kind, side: Side::Downstream, retry: Retry::Never, source: None }
    }

    #[must_use]
    pub fn upstream(kind: Kind, retry: Retry) -> Self {
        Self { kind, side: Side::Upstream, retry, source: None }
    }

    #[must_use]
    pub fn internal(kind: Kind) -> Self {
        Self { kind, side: Side::Internal, retry: Retry::Never, source: None }
    }

    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The response that stands for this failure and carries it along.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut res = self.kind.response();
        res.failure = Some(Box::new(self));
        res
    }
}
