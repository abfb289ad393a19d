//! A real HTTP/2 client, over TLS or with prior knowledge: one connection, many streams.

use std::io;

use h2::client::{ResponseFuture, SendRequest};
use http::{Method, Version};
use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{PATIENCE, Stream, dial};
use super::gateway::Gateway;
use super::response::Response;
use super::secure::ClientTls;

/// One HTTP/2 connection.
pub(crate) struct Http2 {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) scheme: &'static str,
    _driver: JoinSet<()>,
}

impl Http2 {
    /// Prior knowledge on a plain entry point.
    pub(crate) async fn plain(gateway: &Gateway, entry_point: &str) -> Self {
        let stream = dial(gateway.address(entry_point), None).await.unwrap();
        Self::over(Box::new(stream), "http").await.expect("the entry point speaks HTTP/2")
    }

    /// By ALPN.
    pub(crate) async fn secure(gateway: &Gateway, entry_point: &str, sni: &str) -> io::Result<Self> {
        let stream = dial(gateway.address(entry_point), None).await?;
        let (stream, facts) = ClientTls::to(sni).alpn(&["h2"]).connect(stream).await?;
        if facts.alpn.as_deref() != Some("h2") {
            return Err(io::Error::other("h2 was not chosen"));
        }
        Self::over(Box::new(stream), "https").await
    }

    async fn over(stream: Stream, scheme: &'static str) -> io::Result<Self> {
        let (sender, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        let sender = sender.ready().await.map_err(io::Error::other)?;
        Ok(Self { sender, scheme, _driver: driver })
    }

    pub(crate) async fn get(&mut self, authority: &str, target: &str) -> Response {
        self.ask(Method::GET, authority, target, &[], None).await
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        authority: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Response {
        let about = format!("{method} {target} of {authority}, HTTP/2");
        let started = self.start(&method, authority, target, headers, body);
        let done = timeout(PATIENCE, async { read(started?).await }).await;
        match done {
            Ok(Ok(response)) => Response { about, ..response },
            Ok(Err(error)) => {
                Response { about: format!("{about}: {error}"), closed: true, ..Response::default() }
            }
            Err(_) => Response { about: format!("{about} (timed out)"), ..Response::default() },
        }
    }

    /// Sends a request and leaves its answer for later.
    pub(crate) fn start(
        &mut self,
        method: &Method,
        authority: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<ResponseFuture, h2::Error> {
        let mut request = http::Request::builder()
            .version(Version::HTTP_2)
            .method(method)
            .uri(format!("{}://{authority}{target}", self.scheme));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (answer, mut stream) = self.sender.send_request(request.body(()).unwrap(), body.is_none())?;
        if let Some(body) = body {
            stream.send_data(Bytes::from(body.to_owned()), true)?;
        }
        Ok(answer)
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(answer: ResponseFuture) -> Result<Response, h2::Error> {
    let (head, mut body) = answer.await?.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut response = Response {
        status: head.status.as_u16(),
        version: "HTTP/2".to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        ..Response::default()
    };
    while let Some(data) = body.data().await {
        let data = data?;
        let _ = body.flow_control().release_capacity(data.len());
        response.body.extend(&data);
    }
    if let Some(trailers) = body.trailers().await? {
        response.trailers = trailers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    }
    response.complete = true;
    Ok(response)
}
