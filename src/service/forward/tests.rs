//! Forwarding: forms of a request, and what a failure means.

use exchange::Body;
use exchange::present::Present;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};

use super::{append_forwarded_for, frame, is_sound, origin_form};

fn request(method: Method, body: Body) -> super::Outgoing {
    let mut req = Box::new(Request::new(body));
    *req.method_mut() = method;
    req.headers_mut().insert("x-own", HeaderValue::from_static("1"));
    req
}

fn framed(method: Method, body: Body) -> (Option<HeaderValue>, Option<HeaderValue>) {
    let mut req = request(method, body);
    frame(&mut req);
    (req.headers().get("content-length").cloned(), req.headers().get("transfer-encoding").cloned())
}

/// A body whose length nobody knows.
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = exchange::body::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[test]
fn a_method_that_means_to_send_something_says_that_it_is_nothing() {
    let zero = Some(HeaderValue::from_static("0"));
    assert_eq!(framed(Method::POST, Body::Empty), (zero.clone(), None));
    assert_eq!(framed(Method::PUT, Body::Empty), (zero, None));
    assert_eq!(framed(Method::GET, Body::Empty), (None, None));
    assert_eq!(framed(Method::DELETE, Body::Empty), (None, None));
}

#[test]
fn an_unknown_length_is_chunked_whatever_the_method() {
    let chunked = Some(HeaderValue::from_static("chunked"));
    assert_eq!(framed(Method::GET, Body::Wrapped(Box::pin(Endless))), (None, chunked.clone()));
    assert_eq!(framed(Method::POST, Body::Wrapped(Box::pin(Endless))), (None, chunked));
}

/// An endpoint that spoke HTTP/2 a moment ago may speak HTTP/1 now.
#[test]
fn what_comes_back_unsent_is_as_it_was() {
    let mut req = request(Method::GET, Body::Empty);
    *req.uri_mut() = Uri::from_static("https://shop.test:8443/a?b");
    req.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
    let req = origin_form(req);
    assert_eq!(
        (req.uri().to_string().as_str(), req.headers()["host"].to_str().unwrap()),
        ("/a?b", "shop.test:8443")
    );
    assert!(!req.headers().contains_key("transfer-encoding"));
    let origin = origin_form(request(Method::GET, Body::Empty));
    assert!(!origin.headers().contains_key("host"));
}

#[test]
fn answers_that_are_not_what_they_say_are_refused() {
    let check = |status: u16, coding: &[&'static str], sound: bool| {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = status.try_into().unwrap();
        for coding in coding {
            head.headers.append("transfer-encoding", HeaderValue::from_static(coding));
        }
        assert_eq!(is_sound(&head), sound, "{status} {coding:?}");
    };
    check(200, &[], true);
    check(200, &["chunked"], true);
    check(200, &["Chunked "], true);
    check(200, &["gzip, chunked"], false);
    check(200, &["gzip", "chunked"], false);
    check(101, &[], false);
}

#[test]
fn the_peer_is_the_last_of_those_it_was_forwarded_for() {
    let peer = HeaderValue::from_static("10.0.0.9");
    let mut headers = HeaderMap::new();
    let present = Present::of(&headers);
    append_forwarded_for(&mut headers, &peer, present);
    assert_eq!(headers["x-forwarded-for"], "10.0.0.9");
    headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1"));
    headers.append("x-forwarded-for", HeaderValue::from_static("2.2.2.2"));
    let present = Present::of(&headers);
    append_forwarded_for(&mut headers, &peer, present);
    assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
    assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.9");
}
