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
use tonic::server::{
    ClientStreamingService, Grpc as Server, ServerStreamingService, StreamingService, UnaryService,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::connection::PATIENCE;
use super::secure::{ClientTls, ServerTls};

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

/// A gRPC endpoint with the four kinds of calls: `/echo.Echo/Say` (`fail` gives an error), `Join` (all messages as
/// one), `Split` (the words of one; `fail`, or `wait` without an end) and `Chat` (each message comes back).
pub(crate) struct GrpcBackend {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    /// Answers of `Split` and `Chat` that have not ended.
    streams: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl GrpcBackend {
    pub(crate) async fn start(tls: Option<ServerTls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, streams) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, Arc::clone(&calls), Arc::clone(&streams)));
        Self { address, calls, streams, _tasks: tasks }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<ServerTls>,
    calls: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (tls, calls, streams) = (tls.clone(), Arc::clone(&calls), Arc::clone(&streams));
        connections.spawn(async move {
            let stream: super::connection::Stream = match tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok((stream, _)) => stream,
                    Err(_) => return,
                },
            };
            let service =
                service_fn(move |request| answer(request, Arc::clone(&calls), Arc::clone(&streams)));
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
    streams: Arc<AtomicUsize>,
) -> Result<http::Response<Body>, Infallible> {
    calls.fetch_add(1, Ordering::SeqCst);
    let mut server = Server::new(Codec::new());
    Ok(match request.uri().path() {
        "/echo.Echo/Say" => server.unary(Say, request).await,
        "/echo.Echo/Join" => server.client_streaming(Join, request).await,
        "/echo.Echo/Split" => server.server_streaming(Split(Open::count(&streams)), request).await,
        "/echo.Echo/Chat" => server.streaming(Chat(Open::count(&streams)), request).await,
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

struct Join;

impl ClientStreamingService<Text> for Join {
    type Response = Text;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Text>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<Text>>) -> Self::Future {
        Box::pin(async move {
            let mut messages = request.into_inner();
            let mut words = Vec::new();
            while let Some(message) = messages.message().await? {
                words.push(message.text);
            }
            Ok(Response::new(Text { text: words.join(" ") }))
        })
    }
}

struct Split(Arc<Open>);

/// Counts a stream of answers until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn count(streams: &Arc<AtomicUsize>) -> Arc<Self> {
        streams.fetch_add(1, Ordering::SeqCst);
        Arc::new(Self(Arc::clone(streams)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ServerStreamingService<Text> for Split {
    type Response = Text;
    type ResponseStream = Texts;
    type Future = Ready<Result<Response<Texts>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let open = Arc::clone(&self.0);
        let words = request.into_inner().text;
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let answers = tokio_stream::iter(words).then(move |word| {
            let _open = &open;
            async move {
                match word.as_str() {
                    "fail" => Err(Status::data_loss("as you wish")),
                    "wait" => std::future::pending().await,
                    word => Ok(text(word)),
                }
            }
        });
        ready(Ok(Response::new(Box::pin(answers))))
    }
}

struct Chat(Arc<Open>);

impl StreamingService<Text> for Chat {
    type Response = Text;
    type ResponseStream = Texts;
    type Future = Ready<Result<Response<Texts>, Status>>;

    fn call(&mut self, request: Request<Streaming<Text>>) -> Self::Future {
        let open = Arc::clone(&self.0);
        let echoed = request.into_inner().map(move |message| {
            let _open = &open;
            message.map(|message| Text { text: format!("you said {}", message.text) })
        });
        ready(Ok(Response::new(Box::pin(echoed))))
    }
}

/// A client whose requests go to `address` as if it were `authority`.
pub(crate) struct GrpcClient {
    inner: tonic::client::Grpc<Channel>,
    /// Puts TLS around its bytes.
    _tls: JoinSet<()>,
}

impl GrpcClient {
    pub(crate) async fn connect(address: SocketAddr, authority: &str) -> io::Result<Self> {
        Self::open(address, &format!("http://{authority}"), JoinSet::new()).await
    }

    /// Over TLS with HTTP/2 by ALPN.
    pub(crate) async fn connect_tls(address: SocketAddr, authority: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let inner = listener.local_addr()?;
        let tls = ClientTls::to(authority).alpn(&["h2"]);
        let mut wrapper = JoinSet::new();
        wrapper.spawn(async move {
            let (mut plain, _) = listener.accept().await.unwrap();
            let stream = super::connection::dial(address, None).await.unwrap();
            let (mut secure, facts) = tls.connect(stream).await.expect("a handshake");
            assert_eq!(facts.alpn.as_deref(), Some("h2"));
            let _ = tokio::io::copy_bidirectional(&mut plain, &mut secure).await;
        });
        Self::open(inner, &format!("https://{authority}"), wrapper).await
    }

    async fn open(address: SocketAddr, origin: &str, tls: JoinSet<()>) -> io::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.origin(origin.parse().unwrap()).connect().await.map_err(io::Error::other)?;
        Ok(Self { inner: tonic::client::Grpc::new(channel), _tls: tls })
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.inner.ready().await.map_err(|error| Status::unavailable(error.to_string()))
    }

    pub(crate) async fn say(&mut self, message: &str, mark: &str) -> Result<Response<Text>, Status> {
        self.ready().await?;
        let mut request = Request::new(text(message));
        request.metadata_mut().insert("x-mark", mark.parse().unwrap());
        let path = PathAndQuery::from_static("/echo.Echo/Say");
        in_time(self.inner.unary(request, path, Codec::new())).await
    }

    pub(crate) async fn join(
        &mut self,
        messages: impl Stream<Item = Text> + Send + 'static,
    ) -> Result<Response<Text>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/echo.Echo/Join");
        in_time(self.inner.client_streaming(Request::new(messages), path, Codec::new())).await
    }

    pub(crate) async fn split(&mut self, words: &str) -> Result<Response<Streaming<Text>>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/echo.Echo/Split");
        in_time(self.inner.server_streaming(Request::new(text(words)), path, Codec::new())).await
    }

    pub(crate) async fn chat(
        &mut self,
        messages: impl Stream<Item = Text> + Send + 'static,
    ) -> Result<Response<Streaming<Text>>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/echo.Echo/Chat");
        in_time(self.inner.streaming(Request::new(messages), path, Codec::new())).await
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(Status::cancelled("no answer in time")))
}
