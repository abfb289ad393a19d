//! `headers` — custom headers both ways, CORS, and the headers that browsers take for security.
//!
//! On the request: a CORS preflight is answered, custom headers are set, the host is checked. On the response:
//! security headers first, then custom ones and CORS, so that a custom header wins over a security header.

mod cors;
mod custom;
mod security;

use std::collections::BTreeMap;

use document::Problem;
use exchange::{Request, Response};
use http::HeaderValue;
use http::header::ORIGIN;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Flow, unset};
use cors::Cors;
use custom::{RequestHeaders, ResponseHeaders};
use security::Security;

/// ```yaml
/// headers: { customRequestHeaders: { X-Script-Name: test }, frameDeny: true }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// An empty value deletes the header; `Host` replaces the host.
    #[serde(skip_serializing_if = "unset")]
    pub custom_request_headers: BTreeMap<String, String>,
    /// An empty value deletes the header.
    #[serde(skip_serializing_if = "unset")]
    pub custom_response_headers: BTreeMap<String, String>,

    #[serde(skip_serializing_if = "unset")]
    pub access_control_allow_credentials: bool,
    #[serde(skip_serializing_if = "unset")]
    pub access_control_allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub access_control_allow_methods: Vec<String>,
    /// Origins as browsers send them, or `*`.
    #[serde(skip_serializing_if = "unset")]
    pub access_control_allow_origin_list: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub access_control_allow_origin_list_regex: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub access_control_expose_headers: Vec<String>,
    /// Seconds for which a browser may keep a preflight's answer; 0 is a value.
    #[serde(skip_serializing_if = "unset")]
    pub access_control_max_age: Option<i64>,
    /// Say in `Vary` that the answer depends on `Origin`.
    #[serde(skip_serializing_if = "unset")]
    pub add_vary_header: bool,

    /// Hosts that are served, with their ports.
    #[serde(skip_serializing_if = "unset")]
    pub allowed_hosts: Vec<String>,
    /// Headers that may hold the host to check.
    #[serde(skip_serializing_if = "unset")]
    pub hosts_proxy_headers: Vec<String>,
    /// Headers and values that say that the client came over TLS.
    #[serde(skip_serializing_if = "unset")]
    pub ssl_proxy_headers: BTreeMap<String, String>,
    /// `max-age` of `Strict-Transport-Security`; 0 or unset leaves it out.
    #[serde(skip_serializing_if = "unset")]
    pub sts_seconds: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub sts_include_subdomains: bool,
    #[serde(skip_serializing_if = "unset")]
    pub sts_preload: bool,
    /// `Strict-Transport-Security` on plain HTTP too.
    #[serde(rename = "forceSTSHeader", skip_serializing_if = "unset")]
    pub force_sts_header: bool,
    #[serde(skip_serializing_if = "unset")]
    pub frame_deny: bool,
    #[serde(skip_serializing_if = "unset")]
    pub custom_frame_options_value: String,
    #[serde(skip_serializing_if = "unset")]
    pub content_type_nosniff: bool,
    #[serde(skip_serializing_if = "unset")]
    pub browser_xss_filter: bool,
    #[serde(rename = "customBrowserXSSValue", skip_serializing_if = "unset")]
    pub custom_browser_xss_value: String,
    /// `$NONCE` stands for a nonce, another one in each response.
    #[serde(skip_serializing_if = "unset")]
    pub content_security_policy: String,
    #[serde(skip_serializing_if = "unset")]
    pub content_security_policy_report_only: String,
    #[serde(skip_serializing_if = "unset")]
    pub public_key: String,
    #[serde(skip_serializing_if = "unset")]
    pub referrer_policy: String,
    #[serde(skip_serializing_if = "unset")]
    pub permissions_policy: String,
    /// Turns the host check, `Strict-Transport-Security` and `Public-Key-Pins` off.
    #[serde(skip_serializing_if = "unset")]
    pub is_development: bool,

    /// Deprecated, without effect.
    #[serde(skip_serializing_if = "unset")]
    pub feature_policy: String,
    /// Deprecated, without effect: use `redirectScheme`.
    #[serde(skip_serializing_if = "unset")]
    pub ssl_redirect: bool,
    /// Deprecated, without effect: use `redirectScheme`.
    #[serde(skip_serializing_if = "unset")]
    pub ssl_temporary_redirect: bool,
    /// Deprecated, without effect: use `redirectRegex`.
    #[serde(skip_serializing_if = "unset")]
    pub ssl_host: String,
    /// Deprecated, without effect: use `redirectRegex`.
    #[serde(skip_serializing_if = "unset")]
    pub ssl_force_host: bool,
}

pub(crate) struct Headers {
    request: RequestHeaders,
    response: ResponseHeaders,
    cors: Option<Cors>,
    security: Option<Security>,
}

/// What the response half has to know of the request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    origin: Option<HeaderValue>,
    secure: bool,
}

// === impl Config ===

impl Config {
    pub(crate) fn build(&self) -> Result<Headers, Problem> {
        if *self == Self::default() {
            return Err(Problem::error("invalid_value", "none of the options of `headers` is set"));
        }
        Ok(Headers {
            request: RequestHeaders::build(&self.custom_request_headers)?,
            response: ResponseHeaders::build(&self.custom_response_headers)?,
            cors: Cors::build(self)?,
            security: Security::build(self)?,
        })
    }
}

// === impl Headers ===

impl Headers {
    pub(crate) fn request(&self, req: &mut Request) -> Flow {
        let origin = req.headers().get(ORIGIN).cloned();
        if let (Some(cors), Some(origin)) = (&self.cors, &origin)
            && let Some(answer) = cors.preflight(req, origin)
        {
            req.record.reason.set(Some("preflight"));
            return Flow::answer(answer);
        }
        self.request.apply(req);
        let Some(security) = &self.security else {
            return self.remember(origin, false);
        };
        if let Some(mut answer) = security.check_host(req) {
            req.record.reason.set(Some("bad_host"));
            self.outer(origin.as_ref(), &mut answer);
            return Flow::answer(answer);
        }
        self.remember(origin, security.is_secure(req))
    }

    fn remember(&self, origin: Option<HeaderValue>, secure: bool) -> Flow {
        let origin = origin.filter(|_| self.cors.is_some());
        if origin.is_none() && !secure {
            return Flow::Continue;
        }
        Flow::Remember(Asked { origin, secure })
    }

    pub(crate) fn response(&self, asked: &Asked, res: &mut Response) {
        if let Some(security) = &self.security {
            security.apply(asked.secure, res.headers_mut());
        }
        self.outer(asked.origin.as_ref(), res);
    }

    /// What also an answer to a bad host gets.
    fn outer(&self, origin: Option<&HeaderValue>, res: &mut Response) {
        self.response.apply(res.headers_mut());
        if let Some(cors) = &self.cors {
            cors.apply(origin, res.headers_mut());
        }
    }

    pub(crate) fn effect(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.request.describe().map(|names| format!("sets request headers {names}")));
        parts.extend(self.response.describe().map(|names| format!("sets response headers {names}")));
        parts.extend(self.cors.as_ref().map(|_| "answers CORS preflights".to_owned()));
        parts.extend(self.security.as_ref().map(|_| "adds security headers".to_owned()));
        parts.join(", ")
    }
}

/// A value of the configuration as a header value.
fn value(field: &str, text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text)
        .or_else(|_not_ascii| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|_invalid| Problem::field(field, format!("{text:?} cannot stand in a header")))
}

/// The same, where an empty text means that there is none.
fn optional(field: &str, text: &str) -> Result<Option<HeaderValue>, Problem> {
    (!text.is_empty()).then(|| value(field, text)).transpose()
}

#[cfg(test)]
mod tests;
