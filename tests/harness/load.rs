//! Many clients at once: traffic while something else happens, over HTTP/1 and HTTP/2, of whom none may be let down;
//! and those who guess passwords.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use super::gateway::Gateway;
use super::http2::{Http2, read};
use super::request::{Request, basic};

/// Clients of each kind: a kept connection, a fresh one for each request, streams of one HTTP/2 connection.
const CLIENTS: usize = 4;

/// Twelve clients ask `http://shop.test` until `done`, and every one of them is served. Gives the number of requests.
pub(crate) async fn load(gateway: &Gateway, done: &AtomicBool) -> usize {
    let served = AtomicUsize::new(0);
    let run = Run { gateway, done, served: &served };
    let kept = join_all((0..CLIENTS).map(|_| run.kept()));
    let fresh = join_all((0..CLIENTS).map(|_| run.fresh()));
    let http2 = join_all((0..CLIENTS).map(|_| run.http2()));
    tokio::join!(kept, fresh, http2);
    served.into_inner()
}

struct Run<'a> {
    gateway: &'a Gateway,
    done: &'a AtomicBool,
    served: &'a AtomicUsize,
}

impl Run<'_> {
    fn goes_on(&self) -> bool {
        !self.done.load(Ordering::SeqCst)
    }

    fn count(&self) {
        self.served.fetch_add(1, Ordering::SeqCst);
    }

    async fn kept(&self) {
        let mut connection = self.gateway.connect("web").await;
        while self.goes_on() {
            connection.ask(&Request::new("GET", "shop.test", "/kept")).await.is(200);
            self.count();
        }
    }

    async fn fresh(&self) {
        while self.goes_on() {
            self.gateway.get("http://shop.test/fresh").await.is(200);
            self.count();
        }
    }

    async fn http2(&self) {
        let mut connection = Http2::plain(self.gateway, "web").await;
        while self.goes_on() {
            connection.get("shop.test", "/http2").await.is(200);
            self.count();
        }
    }
}

/// Guesses of a password on their way, and the connections they went out on.
pub(crate) struct Guesses {
    answers: FuturesUnordered<Pin<Box<dyn Future<Output = u16>>>>,
    _clients: Vec<Http2>,
}

/// Sends more guesses than may wait to be computed, each another one.
pub(crate) async fn guesses(gateway: &Gateway, authority: &str, user: &str) -> Guesses {
    /// What the gateway holds for each core: 32 that wait and one that is computed.
    const HELD: usize = 33;
    /// A connection has 250.
    const STREAMS: usize = 200;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let passwords: Vec<usize> = (0..cores * HELD + 60).collect();
    let mut guesses = Guesses { answers: FuturesUnordered::new(), _clients: Vec::new() };
    for some in passwords.chunks(STREAMS) {
        let mut client = Http2::plain(gateway, "web").await;
        for n in some {
            let value = basic(&format!("{user}:wrong{n}"));
            let headers = [("authorization", value.as_str())];
            let answer = client.start(&http::Method::GET, authority, "/", &headers, None).unwrap();
            guesses
                .answers
                .push(Box::pin(async { read(answer).await.map_or(0, |response| response.status) }));
        }
        guesses._clients.push(client);
    }
    guesses
}

impl Guesses {
    /// The status of whichever is answered next.
    pub(crate) async fn next(&mut self) -> Option<u16> {
        self.answers.next().await
    }
}
