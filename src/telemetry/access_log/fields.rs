//! The fields of a line, by Traefik's names, and which of them are kept.

use std::collections::BTreeMap;

use document::name::nearest;
use document::problem::Problem;
use http::header::{
    AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION, SET_COOKIE, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{self, AccessLogFormat, Mode};

/// One field. `Reason` is ours; the others are Traefik's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    ClientAddr,
    ClientHost,
    ClientPort,
    ClientUsername,
    DownstreamContentSize,
    DownstreamStatus,
    Duration,
    GzipRatio,
    OriginContentSize,
    OriginDuration,
    OriginStatus,
    Overhead,
    Reason,
    RequestAddr,
    RequestContentSize,
    RequestCount,
    RequestHost,
    RequestMethod,
    RequestPath,
    RequestPort,
    RequestProtocol,
    RequestScheme,
    RetryAttempts,
    RouterName,
    ServiceAddr,
    ServiceName,
    ServiceUrl,
    StartLocal,
    StartUtc,
    TlsCipher,
    TlsVersion,
    EntryPointName,
}

/// Which fields and headers a line has.
#[derive(Debug)]
pub(super) struct Kept {
    /// One bit for each field, by its place in the enum.
    fields: u64,
    pub(super) query: bool,
    pub(super) referer: Mode,
    pub(super) user_agent: Mode,
    /// `None`: no other header is kept.
    pub(super) headers: Option<HeaderModes>,
}

/// What becomes of each header.
#[derive(Debug)]
pub(super) struct HeaderModes {
    default: Mode,
    names: Vec<(HeaderName, Mode)>,
}

/// What stands for a header that is redacted.
pub(super) const REDACTED: &str = "REDACTED";

const ALL: [Field; 32] = [
    Field::ClientAddr,
    Field::ClientHost,
    Field::ClientPort,
    Field::ClientUsername,
    Field::DownstreamContentSize,
    Field::DownstreamStatus,
    Field::Duration,
    Field::GzipRatio,
    Field::OriginContentSize,
    Field::OriginDuration,
    Field::OriginStatus,
    Field::Overhead,
    Field::Reason,
    Field::RequestAddr,
    Field::RequestContentSize,
    Field::RequestCount,
    Field::RequestHost,
    Field::RequestMethod,
    Field::RequestPath,
    Field::RequestPort,
    Field::RequestProtocol,
    Field::RequestScheme,
    Field::RetryAttempts,
    Field::RouterName,
    Field::ServiceAddr,
    Field::ServiceName,
    Field::ServiceUrl,
    Field::StartLocal,
    Field::StartUtc,
    Field::TlsCipher,
    Field::TlsVersion,
    Field::EntryPointName,
];

/// Fields of Traefik that are not written yet, and those that its documentation names and it never writes.
const OTHERS: [&str; 12] = [
    "KubernetesIngressName",
    "KubernetesIngressNamespace",
    "KubernetesServiceName",
    "KubernetesServicePort",
    "TLSClientSubject",
    "TraceId",
    "SpanId",
    "trace_id",
    "span_id",
    "RequestLine",
    "OriginStatusLine",
    "DownstreamStatusLine",
];

/// Names that no line has. Traefik: passes over them.
pub(super) fn check(config: &config::Fields) -> Vec<Problem> {
    let known = || ALL.iter().map(|field| field.name()).chain(OTHERS);
    let is_unknown = |name: &&String| !known().any(|known| known.eq_ignore_ascii_case(name));
    let fields = config.names.keys().filter(is_unknown).map(|name| {
        Problem::warning("unknown_field", format_args!("the access log has no field `{name}`"))
            .with_path(format!("fields.names.{name}"))
            .did_you_mean(nearest(name, known()))
    });
    let headers = config.headers.iter().flat_map(|headers| headers.names.keys());
    let headers = headers.filter(|name| name.trim().parse::<HeaderName>().is_err()).map(|name| {
        Problem::warning("unknown_field", format_args!("`{name}` is no header name"))
            .with_path(format!("fields.headers.names.{name}"))
    });
    fields.chain(headers).collect()
}

// === impl Field ===

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClientAddr => "ClientAddr",
            Self::ClientHost => "ClientHost",
            Self::ClientPort => "ClientPort",
            Self::ClientUsername => "ClientUsername",
            Self::DownstreamContentSize => "DownstreamContentSize",
            Self::DownstreamStatus => "DownstreamStatus",
            Self::Duration => "Duration",
            Self::GzipRatio => "GzipRatio",
            Self::OriginContentSize => "OriginContentSize",
            Self::OriginDuration => "OriginDuration",
            Self::OriginStatus => "OriginStatus",
            Self::Overhead => "Overhead",
            Self::Reason => "Reason",
            Self::RequestAddr => "RequestAddr",
            Self::RequestContentSize => "RequestContentSize",
            Self::RequestCount => "RequestCount",
            Self::RequestHost => "RequestHost",
            Self::RequestMethod => "RequestMethod",
            Self::RequestPath => "RequestPath",
            Self::RequestPort => "RequestPort",
            Self::RequestProtocol => "RequestProtocol",
            Self::RequestScheme => "RequestScheme",
            Self::RetryAttempts => "RetryAttempts",
            Self::RouterName => "RouterName",
            Self::ServiceAddr => "ServiceAddr",
            Self::ServiceName => "ServiceName",
            Self::ServiceUrl => "ServiceURL",
            Self::StartLocal => "StartLocal",
            Self::StartUtc => "StartUTC",
            Self::TlsCipher => "TLSCipher",
            Self::TlsVersion => "TLSVersion",
            Self::EntryPointName => "entryPointName",
        }
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn new(config: Option<&config::Fields>, format: AccessLogFormat) -> Self {
        let unset = config::Fields::default();
        let config = config.unwrap_or(&unset);
        let default = config.default_mode.unwrap_or(Mode::Keep);
        let is_kept = |field: &Field| find(&config.names, field.name()).unwrap_or(default) != Mode::Drop;
        let unset = config::Headers::default();
        let headers = config.headers.as_ref().unwrap_or(&unset);
        let header = |name| find(&headers.names, name).or(headers.default_mode).unwrap_or(Mode::Drop);
        Self {
            fields: ALL
                .iter()
                .filter(|field| is_kept(field))
                .fold(0, |bits, field| bits | 1 << *field as u32),
            query: config.query_parameters.as_ref().and_then(|query| query.default_mode) != Some(Mode::Drop),
            referer: header("Referer"),
            user_agent: header("User-Agent"),
            // The text formats have room for the two only.
            headers: Some(HeaderModes::new(headers))
                .filter(|modes| format == AccessLogFormat::Json && modes.keep_others()),
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.fields & (1 << field as u32) != 0
    }
}

// === impl HeaderModes ===

impl HeaderModes {
    fn new(config: &config::Headers) -> Self {
        // What is no name of a header is the name of none.
        let names = config.names.iter().filter_map(|(name, mode)| Some((name.trim().parse().ok()?, *mode)));
        Self { default: config.default_mode.unwrap_or(Mode::Drop), names: names.collect() }
    }

    fn of(&self, name: &HeaderName) -> Mode {
        let named = self.names.iter().find(|(known, _)| known == name).map(|(_, mode)| *mode);
        // Traefik: writes these too where the default is to keep; here they are kept only by their own name.
        let is_secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name);
        let default = if is_secret && self.default == Mode::Keep { Mode::Redact } else { self.default };
        named.unwrap_or(default)
    }

    /// Do they keep any but those that the text formats show?
    fn keep_others(&self) -> bool {
        let others = self.names.iter().filter(|(name, _)| name != "referer" && name != "user-agent");
        let mut modes = others.map(|(_, mode)| *mode).chain([self.default]);
        modes.any(|mode| mode != Mode::Drop)
    }

    /// The headers to write. Those of framing are none in Go, nor is `Host`.
    pub(super) fn kept(&self, headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        let keep = |(name, value): (&HeaderName, &HeaderValue)| match self.of(name) {
            Mode::Drop => None,
            Mode::Keep => Some((name.clone(), value.clone())),
            Mode::Redact => Some((name.clone(), HeaderValue::from_static(REDACTED))),
        };
        let written = headers.iter().filter(|(name, _)| ![HOST, TRAILER, TRANSFER_ENCODING].contains(name));
        written.filter_map(keep).collect()
    }
}

fn find(names: &BTreeMap<String, Mode>, name: &str) -> Option<Mode> {
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, mode)| *mode)
}
