//! A forward proxy that leads everywhere to one backend, whatever name it is asked for: absolute form, `CONNECT`, SOCKS 5.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::backend::Backend;
use super::connection::Stream;
use super::secure::ServerTls;
use super::wire::{Head, Reader};

/// A running proxy; gone when dropped.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

struct Shared {
    to: u16,
    tls: Option<ServerTls>,
    /// What each connection was opened with; for SOCKS `SOCKS host:port`.
    log: Mutex<Vec<Head>>,
    refuses: bool,
}

impl Proxy {
    pub(crate) async fn to(backend: &Backend) -> Self {
        Self::start(backend, None, false).await
    }

    pub(crate) async fn secure(backend: &Backend, tls: ServerTls) -> Self {
        Self::start(backend, Some(tls), false).await
    }

    /// One that lets nobody through.
    pub(crate) async fn closed(backend: &Backend) -> Self {
        Self::start(backend, None, true).await
    }

    async fn start(backend: &Backend, tls: Option<ServerTls>, refuses: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { to: backend.port(), tls, log: Mutex::default(), refuses });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(Arc::clone(&shared), listener));
        Self { shared, address, _tasks: tasks }
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// The same with a user and a password.
    pub(crate) fn url_of(&self, scheme: &str, user_info: &str) -> String {
        format!("{scheme}://{user_info}@{}", self.address)
    }

    pub(crate) fn log(&self) -> Vec<Head> {
        self.shared.log.lock().unwrap().clone()
    }

    /// The first line of each connection.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log().into_iter().map(|head| head.line).collect()
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // What breaks is for the test to notice.
            let _ = connection(&shared, stream).await;
        });
    }
}

async fn connection(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let stream: Stream = match &shared.tls {
        None => Box::new(stream),
        Some(tls) => tls.accept(stream).await?.0,
    };
    let mut reader = Reader::new(stream);
    reader.more().await?;
    if reader.buffer.first() == Some(&5) {
        return socks(shared, reader).await;
    }
    let Some(head) = reader.head().await? else { return Ok(()) };
    shared.log.lock().unwrap().push(head.clone());
    if shared.refuses {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return reader.io.write_all(refusal).await;
    }
    let mut backend = TcpStream::connect(("127.0.0.1", shared.to)).await?;
    if head.line.starts_with("CONNECT ") {
        reader.io.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        // Later requests of the connection pass as they are.
        backend.write_all(&origin_form(&head)).await?;
    }
    splice(reader, backend).await
}

async fn splice(mut reader: Reader<Stream>, mut backend: TcpStream) -> io::Result<()> {
    backend.write_all(&std::mem::take(&mut reader.buffer)).await?;
    copy_bidirectional(&mut reader.io, &mut backend).await.map(drop)
}

/// The head as the server gets it.
fn origin_form(head: &Head) -> Vec<u8> {
    let raw = String::from_utf8(head.raw.clone()).unwrap();
    let (method, rest) = raw.split_once(" http://").expect("absolute form");
    let target = rest.find(['/', ' ']).map_or("", |at| &rest[at..]);
    format!("{method} {target}\r\n\r\n").into_bytes()
}

async fn socks(shared: &Shared, mut reader: Reader<Stream>) -> io::Result<()> {
    let greeting = reader.exactly(2).await?;
    reader.exactly(usize::from(greeting[1])).await?;
    reader.io.write_all(&[5, 0]).await?;
    let request = reader.exactly(5).await?;
    assert_eq!(request[3], 3, "names are left to the proxy");
    let host = String::from_utf8(reader.exactly(usize::from(request[4])).await?).unwrap();
    let port = reader.exactly(2).await?;
    let line = format!("SOCKS {host}:{}", u16::from_be_bytes([port[0], port[1]]));
    shared.log.lock().unwrap().push(Head { line, ..Head::default() });
    let backend = TcpStream::connect(("127.0.0.1", shared.to)).await?;
    reader.io.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    splice(reader, backend).await
}
