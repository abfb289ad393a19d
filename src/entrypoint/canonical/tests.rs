//! Requests made canonical, and those that cannot be.

use exchange::Kind;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};

use super::{cookies, framing, size, target, underscores};
use crate::settings::{Settings, Underscores};

fn head(version: Version, uri: &str, lines: &[(&'static str, &'static str)]) -> Parts {
    let (mut head, ()) = Request::builder().version(version).uri(uri).body(()).unwrap().into_parts();
    for (name, value) in lines {
        head.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    head
}

#[test]
fn a_body_ends_in_one_way() {
    let check = |version, lines: &[(&'static str, &'static str)], passes: bool| {
        assert_eq!(framing(&mut head(version, "/", lines)).is_ok(), passes, "{version:?} {lines:?}");
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
    assert_eq!(size(&head, 25), Ok(()));
    assert_eq!(size(&head, 24), Err(Kind::HeadersTooLarge));
}

#[test]
fn cookies_become_one_line() {
    let mut headers = head(Version::HTTP_2, "/", &[("cookie", "a=1"), ("cookie", "b=2")]).headers;
    cookies(&mut headers);
    assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
}

#[test]
fn underscores_are_kept_deleted_or_refused() {
    let with = || head(Version::HTTP_11, "/", &[("x_a", "1"), ("x-b", "2")]).headers;
    let done = |strategy| {
        let mut headers: HeaderMap = with();
        underscores(&mut headers, strategy).map(|()| headers.len())
    };
    assert_eq!(done(Underscores::Keep), Ok(2));
    assert_eq!(done(Underscores::Delete), Ok(1));
    assert_eq!(done(Underscores::Reject), Err(Kind::HeaderRefused));
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
