//! Headers that browsers take for security, and the check of the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use document::Problem;
use exchange::headers::NOSNIFF;
use exchange::{Request, Response};
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, PUBLIC_KEY_PINS, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Config;
use crate::redirect;
use crate::secret_key::SecretKey;

pub(super) struct Security {
    allowed_hosts: Box<[Box<str>]>,
    host_headers: Box<[HeaderName]>,
    /// Any of these says that the client came over TLS.
    secure_when: Box<[(HeaderName, HeaderValue)]>,
    always: Box<[(HeaderName, HeaderValue)]>,
    /// Only towards clients that came over TLS.
    when_secure: Box<[(HeaderName, HeaderValue)]>,
    /// With `$NONCE` in them.
    with_nonce: Box<[(HeaderName, Box<str>)]>,
    key: SecretKey,
}

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const NONCE: &str = "$NONCE";

// === impl Security ===

impl Security {
    /// `None` when no option of these is set.
    pub(super) fn build(config: &Config) -> Result<Option<Self>, Problem> {
        let (always, with_nonce) = always(config)?;
        let (mut always, mut when_secure) = (always, Vec::new());
        if !config.is_development {
            if let Some(value) = strict_transport_security(config)? {
                let list = if config.force_sts_header { &mut always } else { &mut when_secure };
                list.push((STRICT_TRANSPORT_SECURITY, value));
            }
            if let Some(pins) = super::optional("publicKey", &config.public_key)? {
                when_secure.push((PUBLIC_KEY_PINS, pins));
            }
        }
        let hosts = if config.is_development { &[][..] } else { &config.allowed_hosts };
        let security = Self {
            allowed_hosts: hosts.iter().map(|host| host.as_str().into()).collect(),
            host_headers: host_headers(config)?,
            secure_when: secure_when(config)?,
            always: always.into(),
            when_secure: when_secure.into(),
            with_nonce: with_nonce.into(),
            key: SecretKey::new(),
        };
        let does_nothing = security.allowed_hosts.is_empty()
            && security.always.is_empty()
            && security.when_secure.is_empty()
            && security.with_nonce.is_empty();
        Ok((!does_nothing).then_some(security))
    }

    /// The answer, if the request's host is not among the allowed.
    pub(super) fn check_host(&self, req: &Request) -> Option<Response> {
        if self.allowed_hosts.is_empty() {
            return None;
        }
        let said = self
            .host_headers
            .iter()
            .filter_map(|name| req.headers().get(name))
            .find(|value| !value.is_empty());
        let host = said.map_or(redirect::host(req).as_bytes(), |value| value.as_bytes());
        let allowed = self.allowed_hosts.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(host));
        (!allowed).then(|| Response::text_error(StatusCode::INTERNAL_SERVER_ERROR, "Bad Host\n"))
    }

    /// Did the client come over TLS, and does it matter?
    pub(super) fn is_secure(&self, req: &Request) -> bool {
        if self.when_secure.is_empty() {
            return false;
        }
        let said = |(name, value): &(HeaderName, HeaderValue)| req.headers().get(name) == Some(value);
        req.connection.tls.is_some() || self.secure_when.iter().any(said)
    }

    pub(super) fn apply(&self, secure: bool, headers: &mut HeaderMap) {
        let when_secure = if secure { &*self.when_secure } else { &[] };
        for (name, value) in self.always.iter().chain(when_secure) {
            headers.insert(name.clone(), value.clone());
        }
        if self.with_nonce.is_empty() {
            return;
        }
        let nonce = format!("'nonce-{}'", STANDARD.encode(self.key.random()));
        for (name, text) in &self.with_nonce {
            if let Ok(value) = HeaderValue::from_bytes(text.replace(NONCE, &nonce).as_bytes()) {
                headers.insert(name.clone(), value);
            }
        }
    }
}

type Fixed = Vec<(HeaderName, HeaderValue)>;
type WithNonce = Vec<(HeaderName, Box<str>)>;

fn always(config: &Config) -> Result<(Fixed, WithNonce), Problem> {
    let (mut fixed, mut with_nonce) = (Vec::new(), Vec::new());
    let or = |custom: &str, on: bool, usual: &str| match (custom.is_empty(), on) {
        (false, _) => custom.to_owned(),
        (true, true) => usual.to_owned(),
        (true, false) => String::new(),
    };
    let frame = or(&config.custom_frame_options_value, config.frame_deny, "DENY");
    let xss = or(&config.custom_browser_xss_value, config.browser_xss_filter, "1; mode=block");
    for (field, name, text) in [
        ("customFrameOptionsValue", X_FRAME_OPTIONS, &frame),
        ("customBrowserXSSValue", X_XSS_PROTECTION, &xss),
        ("contentSecurityPolicy", CONTENT_SECURITY_POLICY, &config.content_security_policy),
        (
            "contentSecurityPolicyReportOnly",
            CONTENT_SECURITY_POLICY_REPORT_ONLY,
            &config.content_security_policy_report_only,
        ),
        ("referrerPolicy", REFERRER_POLICY, &config.referrer_policy),
        ("permissionsPolicy", PERMISSIONS_POLICY, &config.permissions_policy),
    ] {
        let Some(value) = super::optional(field, text)? else {
            continue;
        };
        let is_policy = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY].contains(&name);
        if is_policy && text.contains(NONCE) {
            with_nonce.push((name, text.as_str().into()));
        } else {
            fixed.push((name, value));
        }
    }
    if config.content_type_nosniff {
        fixed.push((X_CONTENT_TYPE_OPTIONS, NOSNIFF));
    }
    Ok((fixed, with_nonce))
}

fn strict_transport_security(config: &Config) -> Result<Option<HeaderValue>, Problem> {
    let Some(seconds) = config.sts_seconds.filter(|seconds| *seconds != 0) else {
        return Ok(None);
    };
    let subdomains = if config.sts_include_subdomains { "; includeSubDomains" } else { "" };
    let preload = if config.sts_preload { "; preload" } else { "" };
    super::value("stsSeconds", &format!("max-age={seconds}{subdomains}{preload}")).map(Some)
}

fn host_headers(config: &Config) -> Result<Box<[HeaderName]>, Problem> {
    let parse = |(index, text): (usize, &String)| {
        let path = format!("hostsProxyHeaders[{index}]");
        text.parse().map_err(|_invalid| Problem::field(path, format!("`{text}` is no header name")))
    };
    config.hosts_proxy_headers.iter().enumerate().map(parse).collect()
}

fn secure_when(config: &Config) -> Result<Box<[(HeaderName, HeaderValue)]>, Problem> {
    let parse = |(name, text): (&String, &String)| {
        let path = format!("sslProxyHeaders.{name}");
        let value = super::value(&path, text)?;
        let name =
            name.parse().map_err(|_invalid| Problem::field(path, format!("`{name}` is no header name")))?;
        Ok((name, value))
    };
    config.ssl_proxy_headers.iter().map(parse).collect()
}
