//! One request to the gateway, built up and awaited.

use std::future::{Future, IntoFuture};
use std::net::IpAddr;
use std::pin::Pin;

use super::Gateway;
use crate::harness::connection::Connection;
use crate::harness::request::Request;
use crate::harness::response::Response;
use crate::harness::secure::ClientTls;

/// A request on a connection of its own. Await it.
pub(crate) struct Call<'a> {
    gateway: &'a Gateway,
    entry_point: String,
    request: Request,
    source: Option<IpAddr>,
    tls: Option<ClientTls>,
}

impl<'a> Call<'a> {
    pub(super) fn new(gateway: &'a Gateway, method: &str, url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL has a scheme");
        let (host, target) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let name = host.split(':').next().unwrap_or_default();
        let secure = scheme == "https";
        Self {
            gateway,
            entry_point: if secure { "secure" } else { "web" }.to_owned(),
            request: Request::new(method, host, target),
            source: None,
            tls: secure.then(|| ClientTls::to(name)),
        }
    }

    pub(crate) fn on(mut self, entry_point: &str) -> Self {
        entry_point.clone_into(&mut self.entry_point);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.request = self.request.body(body);
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.request.chunked = true;
        self
    }

    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        self.request.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another `Host` than the one of the URL.
    pub(crate) fn host(mut self, host: &str) -> Self {
        self.request.host = Some(host.to_owned());
        self
    }

    pub(crate) fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    async fn send(self) -> Response {
        let address = self.gateway.address(&self.entry_point);
        let about = format!("{} {} of {:?}", self.request.method, self.request.target, self.request.host);
        match Connection::open(address, self.source, self.tls.as_ref()).await {
            Ok(mut connection) => connection.ask(&self.request).await,
            Err(error) => {
                Response { about: format!("{about}: {error}"), closed: true, ..Response::default() }
            }
        }
    }
}

impl<'a> IntoFuture for Call<'a> {
    type Output = Response;
    type IntoFuture = Pin<Box<dyn Future<Output = Response> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
