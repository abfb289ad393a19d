//! A copy of a request that may have to be sent twice. Every request on a kept connection has one and hardly any
//! is needed, so it is made of plain bytes: no reference is counted, no map is built.

use std::cell::RefCell;

use exchange::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use crate::forward::Outgoing;

/// Buffers that a worker keeps for the next copies, and the largest one it keeps.
const BUFFERS: usize = 64;
const LARGEST: usize = 4096;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A request without its body, which is empty.
pub(crate) struct Spare {
    method: Method,
    target: Uri,
    /// Names and values, each behind its length.
    fields: Vec<u8>,
}

impl Spare {
    /// Copies a request that has no body, and that may be sent twice because that is the same as once.
    pub(crate) fn of(req: &Request<Body>) -> Option<Self> {
        let idempotent =
            matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
        if !idempotent || !req.body().is_empty() {
            return None;
        }
        let mut fields = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
        for (name, value) in req.headers() {
            push(&mut fields, name.as_str().as_bytes());
            push(&mut fields, value.as_bytes());
        }
        Some(Self { method: req.method().clone(), target: req.uri().clone(), fields })
    }

    /// The request, once more.
    pub(crate) fn into_request(mut self) -> Option<Outgoing> {
        let mut req = Box::new(Request::new(Body::Empty));
        *req.method_mut() = std::mem::take(&mut self.method);
        *req.uri_mut() = std::mem::take(&mut self.target);
        let mut rest = self.fields.as_slice();
        while !rest.is_empty() {
            let name = HeaderName::from_bytes(pop(&mut rest)?).ok()?;
            let value = HeaderValue::from_bytes(pop(&mut rest)?).ok()?;
            req.headers_mut().append(name, value);
        }
        Some(req)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        FREE.with_borrow_mut(|free| {
            if free.len() < BUFFERS && fields.capacity() <= LARGEST {
                free.push(fields);
            }
        });
    }
}

fn push(fields: &mut Vec<u8>, bytes: &[u8]) {
    // Heads are limited to far less than what the length can say.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    fields.extend_from_slice(&length.to_ne_bytes());
    fields.extend_from_slice(bytes);
}

fn pop<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use exchange::Body;
    use http::{HeaderMap, HeaderValue, Method, Request};

    use super::Spare;

    fn request(method: Method, body: Body) -> Request<Body> {
        let mut req = Request::new(body);
        *req.method_mut() = method;
        *req.uri_mut() = "/a?b=c".parse().unwrap();
        req.headers_mut().append("x-own", HeaderValue::from_static("1"));
        req.headers_mut().append("x-own", HeaderValue::from_bytes(b"\xff").unwrap());
        req.headers_mut().append("x-empty", HeaderValue::from_static(""));
        req
    }

    #[test]
    fn the_copy_is_the_same_request() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            let original = request(method.clone(), Body::Empty);
            // Twice: the second one is made in the first one's buffer.
            for _ in 0..2 {
                let copy = Spare::of(&original).unwrap().into_request().unwrap();
                assert_eq!((copy.method(), copy.uri()), (&method, original.uri()));
                assert_eq!(copy.headers(), original.headers());
            }
        }
    }

    #[test]
    fn what_must_not_be_sent_twice_has_no_copy() {
        assert!(Spare::of(&request(Method::POST, Body::Empty)).is_none());
        assert!(Spare::of(&request(Method::DELETE, Body::Empty)).is_none());
        assert!(Spare::of(&request(Method::GET, Body::from_static("body"))).is_none());
    }

    #[test]
    fn a_request_without_headers_has_a_copy_too() {
        let copy = Spare::of(&Request::new(Body::Empty)).unwrap().into_request().unwrap();
        assert_eq!(copy.headers(), &HeaderMap::new());
    }
}
