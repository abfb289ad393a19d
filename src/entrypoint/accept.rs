//! The accept loop of one entry point on one worker: limits, a task for each connection, the drain.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::connection::{Open, Tls};
use exchange::{Connection, Kind};
use http::HeaderValue;
use router::TcpView;
use telemetry::Recorder;
use tls::ClientHello;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::drain::{LINGER, Local, Phase, Seat, reached};
use crate::handle::Serving;
use crate::sniff::{Sniffed, sniff};
use crate::state::State;
use crate::stream::{Stream, Transport};
use crate::{EntryPoint, http1, http2};

/// How long to wait after the kernel could not give us a connection: descriptors are short.
const BACK_OFF: Duration = Duration::from_millis(50);
/// Traefik's fixed value.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way on one worker; each costs 0.4 ms of CPU, which all the others wait for.
const HANDSHAKES: usize = 64;
/// How long a handshake counts as one of them.
const TURN: Duration = Duration::from_millis(250);

/// What the connections of one accept loop share.
struct Listening {
    entry_point: Arc<EntryPoint>,
    recorder: Rc<Recorder>,
    drain: Rc<Local>,
    handshakes: Semaphore,
}

/// Accepts until the drain begins. Connections outlive it: gives back what tells them of its end.
///
/// # Errors
/// When the socket is no use any more.
pub(crate) async fn accept(
    entry_point: Arc<EntryPoint>,
    listener: std::net::TcpListener,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<Rc<Local>> {
    let listener = TcpListener::from_std(listener)?;
    let listening = Rc::new(Listening {
        recorder: Rc::new(entry_point.telemetry.recorder()),
        entry_point,
        drain: Rc::default(),
        handshakes: Semaphore::new(HANDSHAKES),
    });
    let mut leaving = phase.clone();
    loop {
        tokio::select! {
            biased;
            () = reached(&mut phase, Phase::Draining) => break,
            () = reached(&mut leaving, Phase::Leaving), if !listening.drain.is_leaving() => listening.drain.leave(),
            accepted = listener.accept() => take(&listening, accepted).await,
        }
    }
    // What the kernel has accepted already would be reset with the socket. It is asked itself: the event loop may not
    // have heard of all of them.
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((tcp, peer)) => {
                tcp.set_nonblocking(true)?;
                admit(&listening, TcpStream::from_std(tcp)?, peer);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => break,
        }
    }
    drop(listener);
    listening.drain.begin();
    Ok(Rc::clone(&listening.drain))
}

async fn take(listening: &Rc<Listening>, accepted: io::Result<(TcpStream, SocketAddr)>) {
    match accepted {
        Ok((tcp, peer)) => admit(listening, tcp, peer),
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
        Err(error) => {
            tracing::warn!(error = %error, entry_point = %listening.entry_point.name, "failed to accept a connection");
            sleep(BACK_OFF).await;
        }
    }
}

fn admit(listening: &Rc<Listening>, tcp: TcpStream, peer: SocketAddr) {
    let EntryPoint { name, open, places, probes, .. } = &*listening.entry_point;
    if !places.have_room(*probes) {
        places.warn(name);
        return;
    }
    // Counted before its task runs, so that a drain cannot miss it.
    let open = Open::count(open).among(places.taken());
    let _owned_by_itself = tokio::task::spawn_local(connection(Rc::clone(listening), tcp, peer, open));
}

async fn connection(listening: Rc<Listening>, tcp: TcpStream, peer: SocketAddr, open: Open) {
    let counted = Counted::new(&listening);
    // Boxed, so that an open connection does not pay for what only its beginning needs.
    match Box::pin(begin(&listening, tcp, peer, open)).await {
        Some(Begun { serving, stream, is_http2: true }) => Box::pin(http2::serve(serving, stream)).await,
        Some(Begun { serving, stream, is_http2: false }) => http1::serve(serving, stream).await,
        None => {}
    }
    drop(counted);
}

/// A connection whose first request can be read.
struct Begun {
    serving: Rc<Serving>,
    stream: Stream,
    is_http2: bool,
}

/// Finds out what is spoken and shakes hands. `None`: the connection is over.
async fn begin(listening: &Rc<Listening>, mut tcp: TcpStream, peer: SocketAddr, open: Open) -> Option<Begun> {
    let entry_point = &listening.entry_point;
    let state = Rc::new(State::new(Instant::now(), Rc::clone(&listening.drain)));
    // A socket that refuses the option still works.
    let _slower = tcp.set_nodelay(true);
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let local = tcp.local_addr().ok()?;
    let mut read = Vec::new();
    let sniffed = first(listening, &mut tcp, &mut read).await;
    let made = |tls| Rc::new(describe(entry_point, peer, local, tls, open));
    let (stream, tls, is_http2) = match sniffed {
        Ok(Sniffed::Http1 | Sniffed::Http2) if claimed(entry_point, peer.ip(), None) => return None,
        Ok(plain @ (Sniffed::Http1 | Sniffed::Http2)) => {
            let stream = Stream::new(Transport::Plain(tcp), Bytes::from(read), Rc::clone(&state));
            (stream, None, matches!(plain, Sniffed::Http2))
        }
        Ok(Sniffed::Tls(hello)) => {
            let (stream, tls) = handshake(listening, tcp, read, hello, peer, local).await?;
            let is_http2 = stream.negotiated().is_h2();
            let stream = Stream::new(Transport::Tls(Box::new(stream)), Bytes::new(), Rc::clone(&state));
            (stream, Some(tls), is_http2)
        }
        Ok(Sniffed::Refused(why)) => {
            tracing::debug!(%peer, why, "connection refused");
            listening.recorder.refused(&made(None), Kind::Malformed);
            return None;
        }
        Ok(Sniffed::Closed) => return None,
        Err(error) => {
            tracing::debug!(%peer, error = %error, "connection ended before it said anything");
            return None;
        }
    };
    Some(Begun { serving: serving(listening, made(tls), state), stream, is_http2 })
}

/// The first bytes of a connection, for which neither the client nor a drain waits for ever.
async fn first(listening: &Listening, tcp: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Sniffed> {
    let seat = Seat::take(&listening.drain);
    let late = async {
        seat.rung().await;
        sleep(LINGER).await;
    };
    let sniffing = async {
        tokio::select! {
            biased;
            sniffed = sniff(tcp, read) => sniffed,
            () = late => Ok(Sniffed::Closed),
        }
    };
    match listening.entry_point.settings.read_timeout {
        Some(limit) => timeout(limit, sniffing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        None => sniffing.await,
    }
}

/// Counts the connection in the metrics.
struct Counted {
    listening: Rc<Listening>,
}

impl Counted {
    fn new(listening: &Rc<Listening>) -> Self {
        listening.recorder.connection_opened(&listening.entry_point.name);
        Self { listening: Rc::clone(listening) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.listening.recorder.connection_closed(&self.listening.entry_point.name);
    }
}

fn describe(
    entry_point: &EntryPoint,
    peer: SocketAddr,
    local: SocketAddr,
    tls: Option<Tls>,
    open: Open,
) -> Connection {
    Connection {
        entry_point: Arc::clone(&entry_point.name),
        peer,
        local,
        peer_value: HeaderValue::try_from(peer.ip().to_string()).unwrap_or(HeaderValue::from_static("")),
        trusted: entry_point.settings.forwarded.trusts(peer.ip()),
        tls,
        open,
    }
}

fn serving(listening: &Rc<Listening>, connection: Rc<Connection>, state: Rc<State>) -> Rc<Serving> {
    Rc::new(Serving {
        entry_point: Arc::clone(&listening.entry_point),
        connection,
        state,
        recorder: Rc::clone(&listening.recorder),
        drain: Rc::clone(&listening.drain),
        authority: RefCell::new(None),
        opens_tunnel: Cell::new(false),
    })
}

/// Does a TCP router take the connection? They are not served yet, and HTTP must not answer in their place.
fn claimed(entry_point: &EntryPoint, client: IpAddr, hello: Option<&ClientHello>) -> bool {
    let snapshot = entry_point.published.load();
    let Some(routes) = snapshot.entry_point(&entry_point.name) else {
        return false;
    };
    let alpn: Vec<&[u8]> = hello.iter().flat_map(|hello| &hello.alpn).map(Vec::as_slice).collect();
    let sni = hello.and_then(|hello| hello.sni.as_deref()).unwrap_or_default();
    let claimed = routes.claims(&TcpView { sni, alpn: &alpn, client }, hello.is_some());
    if let Some(route) = claimed {
        tracing::debug!(router = %route.router, "connection closed: TCP routers are not served yet");
    }
    claimed.is_some()
}

async fn handshake(
    listening: &Listening,
    mut tcp: TcpStream,
    read: Vec<u8>,
    hello: ClientHello,
    peer: SocketAddr,
    local: SocketAddr,
) -> Option<(tls::ServerStream<TcpStream>, Tls)> {
    if claimed(&listening.entry_point, peer.ip(), Some(&hello)) {
        return None;
    }
    let config = {
        let snapshot = listening.entry_point.published.load();
        let options = snapshot.entry_point(&listening.entry_point.name).map_or_else(
            || Arc::from(tls::config::DEFAULT),
            |routes| Arc::clone(routes.sni_options.get(hello.sni.as_deref())),
        );
        snapshot.certificates.server_config(&options).map(|config| (config, options))
    };
    let (config, options) = match config {
        Ok(found) => found,
        Err(refused) => {
            tracing::debug!(%peer, error = %refused, "handshake refused");
            tls::refuse(&mut tcp).await;
            return None;
        }
    };
    let shaken =
        timeout(HANDSHAKE, shake(listening, tls::accept(&config, &read, tcp, Some(local.ip())))).await;
    match shaken {
        Ok(Ok(stream)) => {
            let negotiated = stream.negotiated();
            let tls = Tls {
                version: negotiated.version.as_str(),
                cipher: negotiated.cipher,
                sni: negotiated.sni.as_deref().map(Arc::from),
                options,
                client_certificates: negotiated.peer_certificates.as_slice().into(),
            };
            Some((stream, tls))
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, error = %telemetry::chain(&error), "handshake failed");
            None
        }
        Err(_elapsed) => {
            tracing::debug!(%peer, "handshake took too long");
            None
        }
    }
}

/// Waits for its turn, and gives it back when the client lets it wait: a few silent clients must not hold all turns.
async fn shake<T>(listening: &Listening, handshake: impl Future<Output = T>) -> T {
    let permit = listening.handshakes.acquire().await;
    let mut handshake = pin!(handshake);
    if let Ok(shaken) = timeout(TURN, &mut handshake).await {
        return shaken;
    }
    drop(permit);
    handshake.await
}
