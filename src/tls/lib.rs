//! TLS: what a handshake reads, towards clients and towards upstreams.
//!
//! - [`config`] the `tls` section as it is written
//! - [`certificate`] chain with key, names, expiry; PEM in
//!   · [`subject`] what it says of its owner, as Go prints it · `generated` the one when there is none
//! - [`store`] [`Certificates`]: everything a snapshot needs to answer handshakes
//!   · `resolver` name → certificate · `options` TLS options → server configuration
//!   · `client_auth` asking clients for certificates · `parameters` versions, suites, curves
//!   · `tickets` resumption · `digest` SHA-256
//! - [`hello`] what a ClientHello says, read from bytes that stay where they are
//! - [`mod@accept`] the server's half of a handshake · [`client`] the client's half, for upstreams
//! - [`error`] why a handshake failed
//!
//! Used by `service` (connects), `entrypoint` (accepts), `snapshot` (compiles), `dynamic` (lists the
//! configuration), `api` (shows certificates).
//!
//! Invariants:
//! - No other crate names rustls. The cryptography is aws-lc-rs, given to each builder, never a process
//!   default.
//! - A [`Certificates`] is immutable: a handshake reads it without a lock, two hash probes at most.
//! - What cannot be built as it was written is refused, never loosened: a missing CA file is no "no client
//!   authentication", an unknown cipher is no "any cipher".
//! - A session ticket resumes only under the options and client CAs it was issued under.

pub mod accept;
pub mod certificate;
pub mod client;
mod client_auth;
pub mod config;
mod digest;
pub mod error;
mod generated;
pub mod hello;
mod options;
mod parameters;
mod resolver;
pub mod store;
pub mod subject;
mod tickets;

#[cfg(test)]
mod testing;

pub use accept::{Negotiated, ServerStream, Version, accept, refuse};
pub use certificate::CertificateInfo;
pub use client::{ClientConfig, ClientStream, Connector};
pub use config::{CertificateConfig, Config, OptionsConfig, StoreConfig};
pub use error::{Error, Result};
pub use hello::{ClientHello, Peek, peek};
pub use options::ServerConfig;
pub use store::{Certificates, Refused};
