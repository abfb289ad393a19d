//! Which of the headers that decide how a message is passed on are there. Most are absent, and one pass over the
//! names costs less than asking for each.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// A header that decides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notable {
    Connection,
    ContentLength,
    ContentType,
    Cookie,
    Expect,
    ForwardedFor,
    Host,
    KeepAlive,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    Te,
    TransferEncoding,
    Upgrade,
    /// Any name that begins with `x-` or `x_`.
    Extension,
}

/// Those that were there when the names were looked at. Headers that were removed since may still be said to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u32);

impl Present {
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        Self(headers.keys().fold(0, |found, name| found | bits(name)))
    }

    #[must_use]
    pub fn has(self, notable: Notable) -> bool {
        self.0 & bit(notable) != 0
    }

    /// Is at least one of them there?
    #[must_use]
    pub fn has_any(self, notables: &[Notable]) -> bool {
        notables.iter().any(|notable| self.has(*notable))
    }
}

fn bit(notable: Notable) -> u32 {
    1 << notable as u32
}

fn bits(name: &HeaderName) -> u32 {
    match *name {
        CONNECTION => bit(Notable::Connection),
        CONTENT_LENGTH => bit(Notable::ContentLength),
        CONTENT_TYPE => bit(Notable::ContentType),
        COOKIE => bit(Notable::Cookie),
        EXPECT => bit(Notable::Expect),
        HOST => bit(Notable::Host),
        PROXY_AUTHENTICATE => bit(Notable::ProxyAuthenticate),
        PROXY_AUTHORIZATION => bit(Notable::ProxyAuthorization),
        TE => bit(Notable::Te),
        TRANSFER_ENCODING => bit(Notable::TransferEncoding),
        UPGRADE => bit(Notable::Upgrade),
        _ => match name.as_str().as_bytes() {
            b"x-forwarded-for" => bit(Notable::Extension) | bit(Notable::ForwardedFor),
            [b'x', b'-' | b'_', ..] => bit(Notable::Extension),
            b"keep-alive" => bit(Notable::KeepAlive),
            b"proxy-connection" => bit(Notable::ProxyConnection),
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Notable, Present};

    #[test]
    fn says_what_is_there_and_nothing_else() {
        let check = |name: &'static str, wanted: &[Notable]| {
            let name = HeaderName::from_static(name);
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("1"))]);
            let present = Present::of(&headers);
            let all = [
                Notable::Connection,
                Notable::ContentLength,
                Notable::Extension,
                Notable::ForwardedFor,
                Notable::KeepAlive,
                Notable::ProxyConnection,
                Notable::Upgrade,
            ];
            let found: Vec<Notable> = all.into_iter().filter(|notable| present.has(*notable)).collect();
            assert_eq!(found, wanted, "{headers:?}");
            assert_eq!(present.has_any(&all), !wanted.is_empty());
        };
        check("connection", &[Notable::Connection]);
        check("content-length", &[Notable::ContentLength]);
        check("keep-alive", &[Notable::KeepAlive]);
        check("proxy-connection", &[Notable::ProxyConnection]);
        check("upgrade", &[Notable::Upgrade]);
        check("x-forwarded-for", &[Notable::Extension, Notable::ForwardedFor]);
        check("x_real_ip", &[Notable::Extension]);
        check("accept", &[]);
        check("xylophone", &[]);
    }
}
