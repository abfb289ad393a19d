//! Why a handshake failed, on either side.

use std::io;

/// One failed handshake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke; TLS itself had no complaint.
    #[error("the connection broke during the TLS handshake")]
    Connection(#[source] io::Error),
    /// The peers did not agree, or one of them broke the protocol.
    #[error("the TLS handshake failed")]
    Handshake(#[source] rustls::Error),
    /// The other side's certificate is not good enough.
    #[error("the peer's certificate was refused")]
    Verification(#[source] rustls::Error),
    /// Strict SNI, or a store without a default certificate.
    #[error("no certificate for the name `{}`", .0.as_deref().unwrap_or(""))]
    NoCertificate(Option<String>),
    /// A resumed session brought back a client certificate that has expired since.
    #[error("the client's certificate has expired")]
    ExpiredClientCertificate,
    /// The name to be verified is neither a host name nor an address.
    #[error("`{0}` is not a server name")]
    ServerName(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// tokio-rustls hides the errors of rustls in `io::Error`.
    pub(crate) fn of_io(error: io::Error) -> Self {
        match error.downcast::<rustls::Error>() {
            Ok(error) => Self::of_tls(error),
            Err(error) => Self::Connection(error),
        }
    }

    pub(crate) fn of_tls(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Self::Verification(error)
            }
            other => Self::Handshake(other),
        }
    }
}
