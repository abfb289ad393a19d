//! The sections `log`, `accessLog` and `metrics` of the install configuration, as Traefik names them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use document::problem::Problem;
use document::scalar::Duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::metrics::check_header_labels;

/// `log`: what the gateway says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Log {
    /// TRACE, DEBUG, INFO, WARN, ERROR, FATAL or PANIC.
    pub level: Level,
    /// `common` or `json`.
    pub format: LogFormat,
    /// No colours, even on a terminal.
    pub no_color: bool,
    /// Where to write; empty means the standard output.
    pub file_path: String,
    /// Megabytes after which the file is set aside; 0 means 100.
    pub max_size: u64,
    /// Days after which a file set aside is removed; 0 means never.
    pub max_age: u64,
    /// Files set aside that are kept; 0 means all.
    pub max_backups: usize,
    /// Compress files set aside.
    pub compress: bool,
}

/// From where on events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    #[default]
    Error,
    Fatal,
    Panic,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    #[default]
    Common,
    Json,
}

/// `accessLog`: one line for each exchange.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessLog {
    /// Where to write; empty means the standard output.
    pub file_path: String,
    /// `common`, `genericCLF` or `json`.
    pub format: AccessLogFormat,
    /// A line is kept when any of them holds; none at all keeps every line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Filters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
    /// Lines that may wait to be written. Traefik: a full queue blocks; here a line is dropped and counted, and
    /// at least 16,384 may wait, 0 included.
    pub buffering_size: usize,
    /// Log exchanges with the API, `ping` and the like too.
    pub add_internals: bool,
}

/// How an access log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum AccessLogFormat {
    #[default]
    #[serde(rename = "common")]
    Common,
    #[serde(rename = "genericCLF")]
    GenericClf,
    #[serde(rename = "json")]
    Json,
}

/// `accessLog.filters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Filters {
    /// Codes and ranges of them: `200`, `300-302`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status_codes: Vec<String>,
    /// Keep exchanges with at least one retry.
    pub retry_attempts: bool,
    /// Keep exchanges that took longer.
    pub min_duration: Duration,
}

/// `accessLog.fields`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fields {
    /// `keep` or `drop`; unset means keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_mode: Option<Mode>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_parameters: Option<QueryParameters>,
}

/// `accessLog.fields.headers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Headers {
    /// `keep`, `drop` or `redact`; unset means drop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_mode: Option<Mode>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Mode>,
}

/// `accessLog.fields.queryParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct QueryParameters {
    /// `keep` or `drop`; unset means keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_mode: Option<Mode>,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    Keep,
    Drop,
    /// The value becomes `REDACTED`; headers only.
    Redact,
}

/// `metrics`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Metrics {
    /// Count exchanges with the API, `ping` and the like too.
    pub add_internals: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
}

/// `metrics.prometheus`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Prometheus {
    /// Upper bounds of the duration histograms, in seconds.
    pub buckets: Vec<f64>,
    pub add_entry_points_labels: bool,
    pub add_routers_labels: bool,
    pub add_services_labels: bool,
    /// The entry point that serves `/metrics`.
    pub entry_point: String,
    /// No route of its own: a router uses `prometheus@internal`.
    pub manual_routing: bool,
    /// Label → request header, on the number of requests. At most 1,000 combinations of values are told apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub header_labels: BTreeMap<String, String>,
}

// === impl Prometheus ===

impl Prometheus {
    /// Everything that is wrong with it by itself. Key paths begin below `metrics.prometheus`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let useless = self.buckets.iter().enumerate().filter(|(_, bound)| **bound <= 0.0);
        let message = |bound: &f64| format!("no duration falls into a bucket up to {bound}: it is left out");
        useless
            .map(|(place, bound)| {
                Problem::warning("without_effect", message(bound)).with_path(format!("buckets[{place}]"))
            })
            .chain(check_header_labels(&self.header_labels))
            .collect()
    }
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            buckets: vec![0.1, 0.3, 1.2, 5.0],
            add_entry_points_labels: true,
            add_routers_labels: false,
            add_services_labels: true,
            entry_point: "traefik".to_owned(),
            manual_routing: false,
            header_labels: BTreeMap::new(),
        }
    }
}

// === words in any case ===

/// Reads one of `words` without regard to case, as Traefik does; an empty text is the default.
fn word<'de, D: Deserializer<'de>, T: Copy + Default>(
    deserializer: D,
    what: &str,
    words: &[(&str, T)],
) -> Result<T, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(T::default());
    }
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)).map(|&(_, value)| value).ok_or_else(
        || {
            let known = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            de::Error::custom(format_args!("`{text}` is no {what}: write one of {known}"))
        },
    )
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[(&str, Level)] = &[
            ("TRACE", Level::Trace),
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("ERROR", Level::Error),
            ("FATAL", Level::Fatal),
            ("PANIC", Level::Panic),
        ];
        word(deserializer, "log level", WORDS)
    }
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, "log format", &[("common", Self::Common), ("json", Self::Json)])
    }
}

impl<'de> Deserialize<'de> for AccessLogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[(&str, AccessLogFormat)] = &[
            ("common", AccessLogFormat::Common),
            ("genericCLF", AccessLogFormat::GenericClf),
            ("json", AccessLogFormat::Json),
        ];
        word(deserializer, "access log format", WORDS)
    }
}

/// The schema of a word in any case.
macro_rules! word_schema {
    ($($name:ident: $($word:literal)+),+) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "enum": [$($word),+],
                    "x-any-case": true,
                    "x-aliases": [""],
                })
            }
        }
    )+};
}

word_schema! {
    Level: "TRACE" "DEBUG" "INFO" "WARN" "ERROR" "FATAL" "PANIC",
    LogFormat: "common" "json",
    AccessLogFormat: "common" "genericCLF" "json"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case() {
        let log: Log = serde_json::from_str(r#"{"level":"Debug","format":"JSON"}"#).unwrap();
        assert_eq!((log.level, log.format), (Level::Debug, LogFormat::Json));
        let log: AccessLog = serde_json::from_str(r#"{"format":"genericclf"}"#).unwrap();
        assert_eq!(log.format, AccessLogFormat::GenericClf);
    }

    #[test]
    fn defaults_are_those_of_traefik() {
        let log: Log = serde_json::from_str("{}").unwrap();
        assert_eq!(log.level, Level::Error);
        let prometheus: Prometheus = serde_json::from_str("{}").unwrap();
        assert_eq!(prometheus.buckets, [0.1, 0.3, 1.2, 5.0]);
        assert!(!prometheus.add_routers_labels);
    }

    #[test]
    fn an_unknown_word_is_refused_by_name() {
        let error = serde_json::from_str::<Log>(r#"{"level":"LOUD"}"#).unwrap_err();
        assert!(error.to_string().contains("`LOUD` is no log level"));
    }
}
