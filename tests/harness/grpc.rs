//! gRPC on both sides: a tonic client, and an endpoint of tonic's server half over hyper. The messages are written
//! by hand, so that no protoc is needed.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::server::{Grpc as Server, StreamingService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::connection::PATIENCE;
use super::secure::ServerTls;

/// The one message there is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

pub(crate) fn text(text: &str) -> Text {
    Text { text: text.to_owned() }
}

type Codec = ProstCodec<Text, Text>;
type Texts = Pin<Box<dyn Stream<Item = Result<Text, Status>> + Send>>;

/// A gRPC endpoint: `/echo.Echo/Say` (unary; `fail` gives an error) and `/echo.Echo/Chat` (each message comes back).
pub(crate) struct GrpcBackend {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl GrpcBackend {
    pub(crate) async fn start(tls: Option<ServerTls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, Arc::clone(&calls)));
        Self { address, calls, _tasks: tasks }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, tls: Option<ServerTls>, calls: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (tls, calls) = (tls.clone(), Arc::clone(&calls));
        connections.spawn(async move {
            let stream: super::connection::Stream = match tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok((stream, _)) => stream,
                    Err(_) => return,
                },
            };
            let service = service_fn(move |request| answer(request, Arc::clone(&calls)));
            let builder = hyper::server::conn::http2::Builder::new(OnRuntime);
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// hyper's tasks of one connection; they end with it, and the runtime with the test.
#[derive(Clone)]
struct OnRuntime;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for OnRuntime {
    fn execute(&self, future: F) {
        Handle::current().spawn(future);
    }
}

async fn answer(
    request: http::Request<Incoming>,
    calls: Arc<AtomicUsize>,
) -> Result<http::Response<Body>, Infallible> {
    calls.fetch_add(1, Ordering::SeqCst);
    let mut server = Server::new(Codec::new());
    Ok(match request.uri().path() {
        "/echo.Echo/Say" => server.unary(Say, request).await,
        "/echo.Echo/Chat" => server.streaming(Chat, request).await,
        _ => Status::unimplemented("no such method").into_http(),
    })
}

struct Say;

impl UnaryService<Text> for Say {
    type Response = Text;
    type Future = Ready<Result<Response<Text>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let seen = request.metadata().get("x-mark").cloned();
        let message = request.into_inner();
        if message.text == "fail" {
            return ready(Err(Status::failed_precondition("as you wish")));
        }
        let mut response = Response::new(message);
        let seen = seen.unwrap_or_else(|| MetadataValue::from_static("none"));
        response.metadata_mut().insert("x-seen", seen);
        ready(Ok(response))
    }
}

struct Chat;

impl StreamingService<Text> for Chat {
    type Response = Text;
    type ResponseStream = Texts;
    type Future = Ready<Result<Response<Texts>, Status>>;

    fn call(&mut self, request: Request<Streaming<Text>>) -> Self::Future {
        let echoed = request
            .into_inner()
            .map(|message| message.map(|message| Text { text: format!("you said {}", message.text) }));
        ready(Ok(Response::new(Box::pin(echoed))))
    }
}

/// A client whose requests go to `address` as if it were `authority`.
pub(crate) struct GrpcClient {
    inner: tonic::client::Grpc<Channel>,
}

impl GrpcClient {
    pub(crate) async fn connect(address: SocketAddr, authority: &str) -> io::Result<Self> {
        let origin = format!("http://{authority}").parse().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap().origin(origin);
        let channel = endpoint.connect().await.map_err(io::Error::other)?;
        Ok(Self { inner: tonic::client::Grpc::new(channel) })
    }

    pub(crate) async fn say(&mut self, message: &str, mark: &str) -> Result<Response<Text>, Status> {
        self.inner.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(text(message));
        request.metadata_mut().insert("x-mark", mark.parse().unwrap());
        let path = PathAndQuery::from_static("/echo.Echo/Say");
        let answer = self.inner.unary(request, path, Codec::new());
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(Status::cancelled("no answer in time")))
    }

    pub(crate) async fn chat(
        &mut self,
        messages: impl Stream<Item = Text> + Send + 'static,
    ) -> Result<Response<Streaming<Text>>, Status> {
        self.inner.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static("/echo.Echo/Chat");
        let answer = self.inner.streaming(Request::new(messages), path, Codec::new());
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(Status::cancelled("no answer in time")))
    }
}
