//! The harness, which reads like a sentence:
//! `let shop = backend("shop").await; let gw = gateway().file(routes).with(&shop).start().await;`
//! `gw.get("http://shop.test/").await.is(200).served_by(&shop);`
//!
//! - [`gateway`] the real binary with its configuration · [`process`] the binary as a command
//! - [`backend`] an endpoint that tells what it saw and can misbehave · [`wire`] the bytes of HTTP/1.1
//! - [`proxy`] a forward proxy in front of a backend
//! - [`request`], [`response`] one exchange · [`connection`] sockets, plain and TLS · [`secure`] certificates
//! - [`http2`] a real HTTP/2 client · [`tunnel`] a stream of it as bytes · [`frames`] HTTP/2 by hand · [`grpc`] gRPC on both sides
//! - [`load`] many clients at once, and those who guess passwords
//! - [`routes`] small configurations · [`eventually`] the one way to wait · [`ports`] free ports

pub(crate) mod backend;
pub(crate) mod connection;
pub(crate) mod eventually;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod grpc;
pub(crate) mod http2;
pub(crate) mod load;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod secure;
pub(crate) mod tunnel;
pub(crate) mod wire;

pub(crate) use backend::{Backend, backend};
pub(crate) use eventually::eventually;
pub(crate) use gateway::{Gateway, gateway};
pub(crate) use request::Request;
pub(crate) use response::Response;
pub(crate) use routes::routes;
