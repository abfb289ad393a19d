//! Cross-origin resource sharing: preflights, and what a browser has to see in an answer.

use document::{Problem, pattern};
use exchange::{Body, Request, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use regex::bytes::Regex;

use super::Config;

pub(super) struct Cors {
    credentials: bool,
    headers: List,
    methods: List,
    origins: Box<[HeaderValue]>,
    origin_patterns: Box<[Regex]>,
    expose: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    vary: bool,
}

/// What a preflight is told of headers or methods.
enum List {
    Nothing,
    Fixed(HeaderValue),
    /// Whatever was asked for: `*` means nothing to a browser that sends credentials.
    Echo,
}

/// Any origin, as configuration and browsers write it.
const ANY: HeaderValue = HeaderValue::from_static("*");

// === impl Cors ===

impl Cors {
    /// `None` when no option of CORS is set.
    pub(super) fn build(config: &Config) -> Result<Option<Self>, Problem> {
        let credentials = config.access_control_allow_credentials;
        let expose = &config.access_control_expose_headers;
        let cors = Self {
            credentials,
            headers: List::build(
                "accessControlAllowHeaders",
                &config.access_control_allow_headers,
                credentials,
            )?,
            methods: List::build(
                "accessControlAllowMethods",
                &config.access_control_allow_methods,
                credentials,
            )?,
            origins: origins(&config.access_control_allow_origin_list)?,
            origin_patterns: patterns(&config.access_control_allow_origin_list_regex)?,
            expose: if credentials && expose.iter().any(|name| name == "*") {
                None
            } else {
                super::optional("accessControlExposeHeaders", &expose.join(","))?
            },
            max_age: config.access_control_max_age.map(HeaderValue::from),
            vary: config.add_vary_header,
        };
        let is_set = credentials
            || cors.vary
            || cors.max_age.is_some()
            || !expose.is_empty()
            || !cors.origins.is_empty()
            || !cors.origin_patterns.is_empty()
            || !matches!((&cors.headers, &cors.methods), (List::Nothing, List::Nothing));
        Ok(is_set.then_some(cors))
    }

    /// The answer, if the request is a preflight. The service never sees one, whoever asks.
    pub(super) fn preflight(&self, req: &Request, origin: &HeaderValue) -> Option<Response> {
        let asked = req.headers().get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if *req.method() != Method::OPTIONS || asked.is_empty() || origin.is_empty() {
            return None;
        }
        let mut res = Response::new(StatusCode::OK, Body::Empty);
        let headers = res.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.common(Some(origin), headers);
        let asked_headers = req.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, self.headers.value(asked_headers));
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, self.methods.value(Some(asked)));
        set(headers, ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref());
        Some(res)
    }

    pub(super) fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        self.common(origin, headers);
        if self.vary {
            add_vary(headers);
        }
    }

    fn common(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, self.allowed(origin).as_ref());
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.as_ref());
    }

    /// What the origin is to be told, if it is allowed: by the first item of the list that fits, then by a pattern.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin.filter(|origin| !origin.is_empty());
        let fits = |item: &&HeaderValue| *item == ANY || Some(*item) == origin;
        match self.origins.iter().find(fits) {
            // Traefik: an empty value where there are credentials and no origin.
            Some(item) if *item != ANY || self.credentials => origin.cloned(),
            Some(_) => Some(ANY),
            None => origin
                .filter(|origin| {
                    self.origin_patterns.iter().any(|pattern| pattern.is_match(origin.as_bytes()))
                })
                .cloned(),
        }
    }
}

fn origins(list: &[String]) -> Result<Box<[HeaderValue]>, Problem> {
    let value = |(index, text): (usize, &String)| {
        super::value(&format!("accessControlAllowOriginList[{index}]"), text)
    };
    list.iter().enumerate().map(value).collect()
}

fn patterns(list: &[String]) -> Result<Box<[Regex]>, Problem> {
    let compile = |(index, text): (usize, &String)| {
        let path = format!("accessControlAllowOriginListRegex[{index}]");
        pattern::compile_bytes(text).map_err(|error| Problem::field(path, error))
    };
    list.iter().enumerate().map(compile).collect()
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value.clone());
    }
}

/// `Origin` at the end of the first line of `Vary`, unless it is all of it.
fn add_vary(headers: &mut HeaderMap) {
    const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
    match headers.get_mut(VARY) {
        Some(first) if *first == ORIGIN => {}
        Some(first) if !first.is_empty() => {
            let joined = [first.as_bytes(), b",Origin"].concat();
            *first = HeaderValue::from_bytes(&joined).unwrap_or(ORIGIN);
        }
        Some(first) => *first = ORIGIN,
        None => {
            headers.insert(VARY, ORIGIN);
        }
    }
}

// === impl List ===

impl List {
    fn build(field: &str, list: &[String], credentials: bool) -> Result<Self, Problem> {
        if credentials && list.iter().any(|item| item == "*") {
            return Ok(Self::Echo);
        }
        let value = super::optional(field, &list.join(","))?;
        Ok(value.map_or(Self::Nothing, Self::Fixed))
    }

    fn value<'a>(&'a self, asked: Option<&'a HeaderValue>) -> Option<&'a HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Fixed(value) => Some(value),
            Self::Echo => asked.filter(|asked| !asked.is_empty()),
        }
    }
}
