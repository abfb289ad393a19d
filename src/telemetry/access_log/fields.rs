//! The fields of a line, by Traefik's names, and which of them are kept.

use std::collections::BTreeMap;

use crate::config::{self, Mode};

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
    pub(super) fn new(config: Option<&config::Fields>) -> Self {
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
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.fields & (1 << field as u32) != 0
    }
}

fn find(names: &BTreeMap<String, Mode>, name: &str) -> Option<Mode> {
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, mode)| *mode)
}
