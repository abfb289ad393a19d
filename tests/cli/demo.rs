//! The first command a new user types: what it prints is run as it stands.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;
use tempfile::{TempDir, tempdir};
use tokio::process::Command;

use crate::harness::connection::Connection;
use crate::harness::eventually::holds;
use crate::harness::ports::free_port;
use crate::harness::process::{Printed, Process};
use crate::harness::{Request, Response, eventually};

/// A demo that runs.
struct Demo {
    folder: TempDir,
    port: u16,
    process: Process,
}

impl Demo {
    async fn start() -> Self {
        let folder = tempdir().unwrap();
        let ports = [free_port(), free_port(), free_port()];
        let args = [
            "demo".to_owned(),
            format!("--port={}", ports[0]),
            format!("--tls-port={}", ports[1]),
            format!("--api-port={}", ports[2]),
        ];
        let process = Process::start(folder.path(), &args, &[]);
        let demo = Self { folder, port: ports[0], process };
        eventually("the shop is open", async || holds(demo.ask("/").await?.status == 200)).await;
        demo
    }

    async fn connect(&self) -> Option<Connection> {
        Connection::open(([127, 0, 0, 1], self.port).into(), None, None).await.ok()
    }

    /// On a connection of its own; `None` where nothing listens yet.
    async fn ask(&self, path: &str) -> Option<Response> {
        Some(self.connect().await?.ask(&Request::new("GET", "shop.localhost", path)).await)
    }

    /// What it says to try: what is said of a line, and the line.
    fn attempts(&self) -> Vec<(String, String)> {
        let printed = self.process.log();
        let mut lines = printed.lines();
        let mut attempts = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(what) = line.strip_prefix("  # ") {
                let line = lines.next().unwrap_or_default();
                attempts.push((what.to_owned(), line.trim().to_owned()));
            }
        }
        attempts
    }

    /// How many of twenty requests went to the second version.
    async fn second_version_of_20(&self) -> usize {
        let mut count = 0;
        for _ in 0..20 {
            let response = self.ask("/").await.expect("the gateway listens");
            count += usize::from(response.is(200).text().contains("name: shop-v2"));
        }
        count
    }

    fn edit(&self, file: &str, change: impl Fn(&str) -> String) {
        let path = self.folder.path().join("portcullis-demo").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "{file}");
        // In place, as many editors save.
        fs::write(&path, changed).unwrap();
    }
}

/// Runs a line as a person would, from the folder where the demo was started.
async fn shell(folder: &Path, line: &str) -> Printed {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).current_dir(folder).env_clear().env("HOME", folder);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let done = command.output().await.expect("there is a shell");
    Printed {
        code: done.status.code(),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// What each line is to print, in the order of the lines: words of what is said of it, and of what it prints.
const EXPECTED: [(&str, &[&str]); 12] = [
    ("The shop.", &["name: shop-v"]),
    ("canary", &["name: shop-v1", "name: shop-v2"]),
    ("TLS", &["name: shop-v"]),
    ("rate limit", &["200\n200\n200\n429\n429\n"]),
    ("401 without", &["HTTP/1.1 401", "Basic realm=\"the demo\""]),
    ("200 with it", &["HTTP/1.1 200", "name: shop-v1"]),
    ("redirect", &["HTTP/1.1 302", "/new/shoes", "HTTP/1.1 200"]),
    ("Ten events", &["data: 10"]),
    ("Ingress", &["name: shop-v2"]),
    ("knows, and counts", &["@kubernetescrd", "traefik_entrypoint_requests_total"]),
    ("Why a request", &["demo-sign-in@kubernetescrd", "answers 401", "answered by the gateway with 401"]),
    ("Mistakes", &["no problem"]),
];

#[tokio::test]
async fn the_demo_does_what_it_prints() {
    let mut demo = Demo::start().await;
    let printed = demo.process.log();
    assert!(printed.contains(&format!("http://shop.localhost:{}/", demo.port)), "{printed}");
    let attempts = demo.attempts();
    assert_eq!(attempts.len(), EXPECTED.len(), "{printed}");
    for ((what, line), (about, expected)) in attempts.iter().zip(EXPECTED) {
        assert!(what.contains(about), "`{what}` is not about `{about}`");
        let done = shell(demo.folder.path(), line).await;
        for part in expected {
            done.ends_with(0).says(part);
        }
    }
    demo.process.signal(Signal::TERM);
    assert!(demo.process.exit().await.success());
}

/// What the last lines of the guide propose.
#[tokio::test]
async fn a_route_is_changed_while_clients_ask() {
    let demo = Demo::start().await;
    let done = AtomicBool::new(false);
    let change = async {
        let before = demo.second_version_of_20().await;
        assert!(before <= 6, "{before} of 20");
        demo.edit("canary.yaml", |text| {
            text.replace("weight: 90", "weight: 50").replace("weight: 10", "weight: 50")
        });
        eventually("half of the requests go to version 2", async || {
            holds(demo.second_version_of_20().await >= 7)
        })
        .await;
        demo.edit("routes.yaml", |text| text.replace("PathPrefix(`/old/`)", "PathPrefix(`/older/`)"));
        eventually("the route has moved", async || holds(demo.ask("/old/shoes").await?.status == 200)).await;
        done.store(true, Ordering::SeqCst);
    };
    let load = async {
        let mut kept = demo.connect().await.expect("the gateway listens");
        let mut served = 0;
        while !done.load(Ordering::SeqCst) {
            kept.ask(&Request::new("GET", "shop.localhost", "/kept")).await.is(200);
            demo.ask("/fresh").await.expect("the gateway listens").is(200);
            served += 2;
        }
        served
    };
    let ((), served) = tokio::join!(change, load);
    assert!(served > 20, "{served} requests");
}
