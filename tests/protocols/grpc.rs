//! gRPC by a real client against a real server: over HTTP/2 without TLS to the endpoint, and with it.

use tokio_stream as stream;
use tonic::Code;

use crate::harness::eventually::holds;
use crate::harness::frames::{END_HEADERS, Frames, HEADERS, RST_STREAM, block, frame};
use crate::harness::grpc::{GrpcBackend, GrpcClient, text};
use crate::harness::secure::ServerTls;
use crate::harness::{Gateway, eventually, gateway};

const CANCEL: u32 = 8;

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
    gateway().secure().file(&text).start().await
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
async fn a_call_that_is_cancelled_ends_at_the_endpoint() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let mut client = client(&gateway).await;
    let mut answers = client.split("one wait").await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap(), Some(text("one")));
    assert_eq!(backend.streams(), 1);
    drop(answers);
    eventually("the endpoint hears of it", async || holds(backend.streams() == 0)).await;
    // Others on the same connections go on.
    client.say("hello", "x").await.unwrap();
}

/// With its own half still open.
#[tokio::test]
async fn a_conversation_that_is_cancelled_ends_at_the_endpoint() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let mut client = Frames::open(gateway.address("web"), None).await.unwrap();
    let head = block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "echo.test"),
        (":path", "/echo.Echo/Chat"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]);
    client.send(&frame(HEADERS, END_HEADERS, 1, &head)).await.unwrap();
    eventually("it is at the endpoint", async || holds(backend.streams() == 1)).await;
    client.send(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())).await.unwrap();
    eventually("the endpoint hears of it", async || holds(backend.streams() == 0)).await;
}

/// The client may take its time between two messages; the answer comes when it has said the last.
#[tokio::test]
async fn a_stream_of_the_client_becomes_one_answer() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut client = client(&gateway).await;
    let answer = client.join(stream::wrappers::ReceiverStream::new(receiver));
    let send = async {
        sender.send(text("one")).await.unwrap();
        eventually("the call is at the backend", async || holds(backend.calls() == 1)).await;
        sender.send(text("two")).await.unwrap();
        drop(sender);
    };
    let (answer, ()) = tokio::join!(answer, send);
    assert_eq!(answer.unwrap().into_inner(), text("one two"));
}

#[tokio::test]
async fn one_question_becomes_a_stream_of_the_server() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let mut client = client(&gateway).await;
    let words: Vec<String> = (0..1000).map(|n| format!("word{n}")).collect();
    let mut answers = client.split(&words.join(" ")).await.unwrap().into_inner();
    for word in &words {
        assert_eq!(answers.message().await.unwrap(), Some(text(word)));
    }
    assert_eq!(answers.message().await.unwrap(), None);
    // Messages that came before the error are kept, and the error is the error it was.
    let mut answers = client.split("one fail").await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap(), Some(text("one")));
    assert_eq!(answers.message().await.unwrap_err().code(), Code::DataLoss);
}

#[tokio::test]
async fn all_kinds_of_calls_pass_a_tls_entry_point() {
    let backend = GrpcBackend::start(None).await;
    let gateway = with(&backend, "h2c").await;
    let mut client = GrpcClient::connect_tls(gateway.address("secure"), "echo.test").await.unwrap();
    let answer = client.say("hello", "mark-1").await.unwrap();
    assert_eq!(answer.metadata().get("x-seen").unwrap(), "mark-1");
    assert_eq!(client.say("fail", "x").await.unwrap_err().code(), Code::FailedPrecondition);
    let words = || stream::iter([text("one"), text("two")]);
    assert_eq!(client.join(words()).await.unwrap().into_inner(), text("one two"));
    let mut answers = client.split("one two").await.unwrap().into_inner();
    for word in ["one", "two"] {
        assert_eq!(answers.message().await.unwrap(), Some(text(word)));
    }
    let mut answers = client.chat(words()).await.unwrap().into_inner();
    for word in ["one", "two"] {
        assert_eq!(answers.message().await.unwrap(), Some(text(&format!("you said {word}"))));
    }
    assert_eq!(answers.message().await.unwrap(), None);
    assert_eq!(backend.calls(), 5);
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
