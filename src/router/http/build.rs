//! From a call's arguments to the matcher.

use ::http::{HeaderName, header};

use super::{HeaderKey, HostRegexp, HttpMatcher, Reach};
use crate::address;
use crate::host::{BadHost, HostPattern};
use crate::regexp::Regexp;
use crate::rule::BadArgument;

pub(super) fn matcher(name: &str, arguments: &[&str]) -> Result<HttpMatcher, BadArgument> {
    let first = arguments.first().copied().unwrap_or_default();
    let second = arguments.get(1).copied();
    match name {
        "Host" => HostPattern::parse(first).map(HttpMatcher::Host).map_err(BadArgument::bad_host),
        "HostRegexp" => host_regexp(first).map(HttpMatcher::HostRegexp),
        "Path" => path(first).map(HttpMatcher::Path),
        "PathPrefix" => path(first).map(HttpMatcher::PathPrefix),
        "PathRegexp" => Regexp::parse(first)
            .map(HttpMatcher::PathRegexp)
            .map_err(|error| BadArgument::bad_pattern(&error)),
        "Method" => Ok(HttpMatcher::Method(first.to_uppercase().into())),
        "Header" => Ok(HttpMatcher::Header(header_key(first), second.unwrap_or_default().into())),
        "HeaderRegexp" => Regexp::parse(second.unwrap_or_default())
            .map(|pattern| HttpMatcher::HeaderRegexp(header_key(first), pattern))
            .map_err(|error| BadArgument::bad_pattern(&error).in_second()),
        "Query" => Ok(HttpMatcher::Query(first.into(), second.map(Into::into))),
        "QueryRegexp" => second
            .map(Regexp::parse)
            .transpose()
            .map(|pattern| HttpMatcher::QueryRegexp(first.into(), pattern))
            .map_err(|error| BadArgument::bad_pattern(&error).in_second()),
        "ClientIP" => {
            address::parse(first).map(HttpMatcher::ClientIp).ok_or_else(|| BadArgument::bad_address(first))
        }
        _ => Err(BadArgument::new(format!("unknown matcher `{name}`"))),
    }
}

fn path(text: &str) -> Result<Box<str>, BadArgument> {
    if !text.starts_with('/') {
        return Err(BadArgument::new(format!("path `{text}` does not begin with `/`")));
    }
    Ok(text.into())
}

fn host_regexp(text: &str) -> Result<HostRegexp, BadArgument> {
    if !text.is_ascii() {
        return Err(BadArgument::bad_host(BadHost::NotAscii));
    }
    let pattern = Regexp::parse(text).map_err(|error| BadArgument::bad_pattern(&error))?;
    let reach = match text {
        _ if pattern.is_match("") => Reach::Every,
        "^.+$" | "^.+" | ".+$" | ".+" => Reach::EveryName,
        _ => Reach::Some,
    };
    Ok(HostRegexp { pattern, reach })
}

fn header_key(text: &str) -> HeaderKey {
    let name = text.parse::<HeaderName>().ok();
    let text = if name.is_some() { canonical(text) } else { text.to_owned() };
    // The host is no header to a rule, though HTTP/1 carries it as one.
    HeaderKey { text: text.into(), name: name.filter(|name| *name != header::HOST) }
}

/// `x-forwarded-for` as `X-Forwarded-For`.
fn canonical(name: &str) -> String {
    let mut begins = true;
    let case = |c: char| {
        let c = if begins { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        begins = c == '-';
        c
    };
    name.chars().map(case).collect()
}
