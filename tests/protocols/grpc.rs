//! gRPC by a real client against a real server: over HTTP/2 without TLS to the endpoint, and with it.

use tokio_stream as stream;
use tonic::Code;

use crate::harness::grpc::{GrpcBackend, GrpcClient, text};
use crate::harness::secure::ServerTls;
use crate::harness::{Gateway, gateway};

async fn with(backend: &GrpcBackend, scheme: &str) -> Gateway {
    let text = format!(
        "http:
  routers: {{ echo: {{ rule: 'Host(`echo.test`)', service: echo }} }}
  services:
    echo: {{ loadBalancer: {{ serversTransport: trust, servers: [{{ url: '{scheme}://127.0.0.1:{}' }}] }} }}
  serversTransports: {{ trust: {{ rootCAs: ['<certs>/ca.crt'] }} }}
",
        backend.port()
    );
    gateway().file(&text).start().await
}

async fn client(gateway: &Gateway) -> GrpcClient {
    GrpcClient::connect(gateway.address("web"), "echo.test").await.expect("the gateway speaks HTTP/2")
}

/// The two ends understand each other without a gateway in between.
#[tokio::test]
async fn the_harness_itself() {
    let backend = GrpcBackend::start(None).await;
    let mut client = GrpcClient::connect(([127, 0, 0, 1], backend.port()).into(), "echo.test").await.unwrap();
    assert_eq!(client.say("hello", "x").await.unwrap().into_inner(), text("hello"));
}

#[tokio::test]
async fn a_call_with_metadata_and_its_answer() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let answer = client(&gateway).await.say("hello", "mark-1").await.unwrap();
    assert_eq!(answer.metadata().get("x-seen").unwrap(), "mark-1");
    assert_eq!(answer.into_inner(), text("hello"));
}

#[tokio::test]
async fn an_error_arrives_as_the_error_it_was() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let error = client(&gateway).await.say("fail", "x").await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::FailedPrecondition, "as you wish"));
    // An error is no failure of the connection.
    client(&gateway).await.say("hello", "x").await.unwrap();
}

#[tokio::test]
async fn a_stream_flows_both_ways_at_once() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let messages = stream::wrappers::ReceiverStream::new(receiver);
    let mut client = client(&gateway).await;
    let mut answers = client.chat(messages).await.unwrap().into_inner();
    for word in ["one", "two", "three"] {
        // Each answer comes before the next message is sent.
        sender.send(text(word)).await.unwrap();
        assert_eq!(answers.message().await.unwrap(), Some(text(&format!("you said {word}"))));
    }
    drop(sender);
    assert_eq!(answers.message().await.unwrap(), None);
}

#[tokio::test]
async fn endpoints_may_want_tls() {
    let tls = ServerTls::build("backend", None, 13, &["h2"]);
    let backend = GrpcBackend::start(Some(tls)).await;
    let gateway = with(&backend, "https").await;
    assert_eq!(client(&gateway).await.say("hello", "x").await.unwrap().into_inner(), text("hello"));
    assert_eq!(backend.calls(), 1);
}

#[tokio::test]
async fn without_an_endpoint_the_client_is_told() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    drop(backend);
    let error = client(&gateway).await.say("hello", "x").await.unwrap_err();
    assert!(error.message().contains("502 Bad Gateway"), "{error}");
}
