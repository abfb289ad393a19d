//! Requests made canonical, and those that cannot be.

use exchange::Kind;
use exchange::present::Present;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Version};

use super::{cookies, framing, size, target};
use crate::settings::Settings;

fn head(version: Version, uri: &str, lines: &[(&'static str, &'static str)]) -> Parts {
    let (mut head, ()) = Request::builder().version(version).uri(uri).body(()).unwrap().into_parts();
    for (name, value) in lines {
        head.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    head
}

fn framed(head: &Parts) -> Result<(), Kind> {
    framing(head, Present::of(&head.headers))
}

#[test]
fn a_body_ends_in_one_way() {
    let check = |version, lines: &[(&'static str, &'static str)], passes: bool| {
        assert_eq!(framed(&head(version, "/", lines)).is_ok(), passes, "{version:?} {lines:?}");
    };
    check(Version::HTTP_11, &[], true);
    check(Version::HTTP_11, &[("content-length", "3")], true);
    check(Version::HTTP_11, &[("transfer-encoding", "Chunked")], true);
    check(Version::HTTP_11, &[("transfer-encoding", "gzip, chunked")], false);
    check(Version::HTTP_11, &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], false);
    check(Version::HTTP_11, &[("transfer-encoding", "chunked"), ("content-length", "3")], false);
    check(Version::HTTP_10, &[("transfer-encoding", "chunked")], false);
    check(Version::HTTP_2, &[("transfer-encoding", "chunked")], false);
    check(Version::HTTP_2, &[("content-length", "0"), ("content-length", "5")], false);
}

#[test]
fn small_limits_on_heads_are_kept_too() {
    let head = head(Version::HTTP_11, "/path", &[("x-long", "0123456789")]);
    let check = |max_header_bytes| size(&head, &Settings { max_header_bytes, ..Settings::default() });
    assert_eq!(check(25), Ok(()));
    assert_eq!(check(24), Err(Kind::HeadersTooLarge));
}

#[test]
fn all_limits_on_heads_are_kept_over_http2() {
    let mut head = head(Version::HTTP_2, "/path", &[]);
    let long = HeaderValue::try_from("a".repeat(9000)).unwrap();
    head.headers.append("x", long);
    let check = |max_header_bytes: usize, max_header_fields: usize| {
        size(&head, &Settings { max_header_bytes, max_header_fields, ..Settings::default() })
    };
    // 5 and 9001 bytes, 32 for the field, and 320 to spare.
    assert_eq!(check(8718, 1), Ok(()));
    assert_eq!(check(8717, 1), Err(Kind::HeadersTooLarge));
    assert_eq!(check(8718, 0), Err(Kind::HeadersTooLarge));
}

#[test]
fn cookies_become_one_line() {
    let mut headers = head(Version::HTTP_2, "/", &[("cookie", "a=1"), ("cookie", "b=2")]).headers;
    cookies(&mut headers);
    assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
}

#[test]
fn targets_are_left_in_origin_form() {
    let check = |uri: &str, wanted: Option<&str>| {
        let mut head = head(Version::HTTP_11, uri, &[]);
        let done = target(&mut head, &Settings::default()).map(|()| head.uri.to_string()).ok();
        assert_eq!(done.as_deref(), wanted, "{uri}");
    };
    check("/a/../b?c;d", Some("/b?c&d"));
    check("http://shop.test/a?b", Some("/a?b"));
    check("http://shop.test", Some("/"));
    check("shop.test:80", None);
    check("*", None);
    check("/%zz", None);
    let mut star = head(Version::HTTP_11, "*", &[]);
    star.method = Method::OPTIONS;
    assert_eq!(target(&mut star, &Settings::default()), Ok(()));
}
