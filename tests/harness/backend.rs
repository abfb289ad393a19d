//! An endpoint that answers each request with what it saw of it, keeps all it saw, and can misbehave on demand.

mod answer;
mod websocket;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::Stream;
use super::secure::ServerTls;
use super::wire::{Body, Head, Headers, Reader};

pub(crate) use answer::{Answer, Close};

/// A running endpoint; gone when dropped.
pub(crate) struct Backend {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

struct Shared {
    name: String,
    tls: Option<ServerTls>,
    log: Mutex<Vec<Seen>>,
    plan: Mutex<HashMap<String, Answer>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    /// Held answers take one each.
    gate: Semaphore,
}

/// One request as it came over the socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) head: Head,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    pub(crate) odd: Vec<&'static str>,
    /// Number of the connection, from 1, and of the request on it.
    pub(crate) connection: usize,
    pub(crate) nth: usize,
    /// The body came to its end.
    pub(crate) complete: bool,
    pub(crate) tls: Option<Value>,
}

/// Starts an endpoint on a port of its own.
pub(crate) async fn backend(name: &str) -> Backend {
    Backend::start(name, None, 0).await
}

impl Backend {
    pub(crate) async fn start(name: &str, tls: Option<ServerTls>, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            tls,
            log: Mutex::default(),
            plan: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(Arc::clone(&shared), listener));
        Self { shared, address, tasks }
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this path is answered so.
    pub(crate) fn answers(&self, path: &str, answer: Answer) {
        self.shared.plan.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Lets so many held answers go.
    pub(crate) fn release(&self, count: usize) {
        self.shared.gate.add_permits(count);
    }

    /// Everything that came, oldest first.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.shared.log.lock().unwrap().clone()
    }

    /// Those requests whose head holds this text.
    pub(crate) fn seen(&self, mark: &str) -> Vec<Seen> {
        let holds = |seen: &Seen| seen.head.raw.windows(mark.len()).any(|w| w == mark.as_bytes());
        self.log().into_iter().filter(holds).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.log.lock().unwrap().len()
    }

    /// How many connections there are now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many there have been.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Closes the port and every connection; the address stays known.
    pub(crate) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Opens the port again.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.tasks.spawn(accept(Arc::clone(&self.shared), listener));
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(Arc::clone(&shared), stream, peer));
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let _open = Open::new(Arc::clone(&shared));
    let _ = stream.set_nodelay(true);
    let (stream, tls): (Stream, _) = match &shared.tls {
        None => (Box::new(stream), None),
        Some(tls) => match tls.accept(stream).await {
            Ok((stream, facts)) => (stream, Some(facts)),
            Err(_) => return,
        },
    };
    // A broken connection is for the test to notice, by what the log holds.
    let _ = serve(&shared, stream, peer.ip(), tls).await;
}

/// Counts a connection while it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(shared: &Shared, stream: Stream, peer: IpAddr, tls: Option<Value>) -> io::Result<()> {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
    let mut reader = Reader::new(stream);
    for nth in 1.. {
        let Some(head) = reader.head().await? else { break };
        let mut words = head.line.split(' ').map(str::to_owned);
        let mut seen = Seen {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            odd: head.odd.clone(),
            head,
            connection,
            nth,
            tls: tls.clone(),
            ..Seen::default()
        };
        if seen.head.values("Host").len() != 1 {
            seen.odd.push("host");
        }
        // Noted before its body: a request that was smuggled in may never get one.
        let at = shared.note(seen.clone());
        body(&mut reader, &mut seen).await?;
        seen.complete = true;
        shared.log.lock().unwrap()[at] = seen.clone();
        if seen.path().starts_with("/ws") && !seen.head.values("Upgrade").is_empty() {
            return websocket::echo(reader, &seen).await;
        }
        let answer = shared.answer_to(&seen);
        if answer.held() && !shared.is_released(&mut reader).await {
            break;
        }
        if !answer.send(&mut reader.io, &seen, &shared.echo(&seen, peer)).await? {
            break;
        }
    }
    Ok(())
}

async fn body(reader: &mut Reader<Stream>, seen: &mut Seen) -> io::Result<()> {
    if seen.head.values("Expect").iter().any(|v| v.eq_ignore_ascii_case("100-continue")) {
        reader.io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = Body::default();
    let length = seen.head.values("Content-Length").first().and_then(|v| v.parse().ok()).unwrap_or(0);
    let read = if seen.head.is_chunked() {
        reader.chunks(&mut body).await
    } else {
        reader.sized(length, &mut body).await
    };
    seen.body = body.bytes;
    seen.trailers = body.trailers;
    seen.odd.extend(body.odd);
    read
}

impl Shared {
    fn note(&self, seen: Seen) -> usize {
        let mut log = self.log.lock().unwrap();
        log.push(seen);
        log.len() - 1
    }

    /// Waits at the gate. False: the client went away meanwhile.
    async fn is_released(&self, reader: &mut Reader<Stream>) -> bool {
        loop {
            tokio::select! {
                permit = self.gate.acquire() => {
                    permit.unwrap().forget();
                    return true;
                }
                read = reader.more() => if !read.is_ok_and(|count| count > 0) {
                    return false;
                }
            }
        }
    }

    /// Planned for the path, else asked for by the request itself (`X-Answer: {json}`), else the echo.
    fn answer_to(&self, seen: &Seen) -> Answer {
        if let Some(answer) = self.plan.lock().unwrap().get(seen.path()) {
            return answer.clone();
        }
        let asked = seen.head.values("X-Answer").first().map(|text| serde_json::from_str(text));
        asked.unwrap_or_else(|| Ok(Answer::default())).expect("X-Answer holds an answer")
    }

    fn echo(&self, seen: &Seen, peer: IpAddr) -> Value {
        json!({
            "backend": self.name,
            "line": seen.head.line,
            "method": seen.method,
            "target": seen.target,
            "headers": seen.head.headers,
            "bodyLength": seen.body.len(),
            "body": String::from_utf8_lossy(&seen.body[..seen.body.len().min(512)]),
            "trailers": seen.trailers,
            "connection": seen.connection,
            "nth": seen.nth,
            "odd": seen.odd,
            "peer": peer,
            "tls": seen.tls,
        })
    }
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.head.values(name)
    }
}
