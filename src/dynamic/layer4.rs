//! The other halves of a document: TCP and UDP, and TLS.
//! Traefik, "TCP router fields", "UDP router fields", "TLS".

pub mod tcp;
pub mod udp;

use std::sync::Arc;

use crate::Map;
use crate::element::Element;

/// `tcp` of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tcp {
    pub routers: Map<tcp::Router>,
    pub services: Map<tcp::Service>,
    pub middlewares: Map<tcp::Middleware>,
    pub servers_transports: Map<tcp::ServersTransport>,
}

/// `udp` of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Udp {
    pub routers: Map<udp::Router>,
    pub services: Map<udp::Service>,
}

/// `tls` of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// Certificates have no names: an order is all they have.
    pub certificates: Vec<Arc<Element<tls::CertificateConfig>>>,
    pub options: Map<tls::OptionsConfig>,
    pub stores: Map<tls::StoreConfig>,
}
