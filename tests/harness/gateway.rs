//! The gateway under test: the real binary with a configuration of its own, ports of its own, a folder of its own.

mod call;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::Signal;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::backend::Backend;
use super::connection::Connection;
use super::eventually;
use super::ports::free_port;
use super::process::Process;
use super::request::Request;
use super::response::Response;
use super::secure::ClientTls;

pub(crate) use call::Call;

/// A gateway that is going to be started.
pub(crate) struct Builder {
    install: Value,
    /// Name of an entry point → its options without the address.
    entry_points: BTreeMap<String, Value>,
    dynamic: Option<String>,
    manifests: Option<String>,
    /// `<name>` in any text stands for this port.
    ports: BTreeMap<String, u16>,
    variables: Vec<(String, String)>,
    descriptors: Option<u32>,
    folder: TempDir,
}

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    ports: BTreeMap<String, u16>,
    process: Process,
    builder: Builder,
}

/// With entry points `web` (plain HTTP) and `traefik` (API, ping), and nothing else yet.
pub(crate) fn gateway() -> Builder {
    let builder = Builder {
        install: json!({
            "log": {"level": "INFO"},
            "api": {"insecure": true},
            "ping": {},
        }),
        entry_points: BTreeMap::new(),
        dynamic: None,
        manifests: None,
        ports: BTreeMap::new(),
        variables: Vec::new(),
        descriptors: None,
        folder: tempfile::tempdir().unwrap(),
    };
    builder.entry_point("web", json!({})).entry_point("traefik", json!({}))
}

/// Lays one tree of settings over another; `null` takes a key away.
fn merge(into: &mut Value, over: Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, over) => *into = over,
    }
}

impl Builder {
    /// Dynamic configuration in a file that is watched. `<name>` stands for the port of a backend or entry point,
    /// `<dir>` for the gateway's folder, `<certs>` for that of the fixtures' certificates.
    pub(crate) fn file(mut self, text: &str) -> Self {
        self.dynamic = Some(text.to_owned());
        self
    }

    /// Kubernetes manifests in a folder that is watched.
    pub(crate) fn manifests(mut self, text: &str) -> Self {
        self.manifests = Some(text.to_owned());
        self
    }

    /// Its port may be named in texts.
    pub(crate) fn with(mut self, backend: &Backend) -> Self {
        self.ports.insert(backend.name().to_owned(), backend.port());
        self
    }

    /// Another entry point, or options for one that is there.
    pub(crate) fn entry_point(mut self, name: &str, options: Value) -> Self {
        merge(self.entry_points.entry(name.to_owned()).or_insert_with(|| json!({})), options);
        self
    }

    /// Entry point `secure`, which speaks TLS only.
    pub(crate) fn secure(self) -> Self {
        self.entry_point("secure", json!({"http": {"tls": {}}}))
    }

    /// Install configuration laid over what is there.
    pub(crate) fn install(mut self, over: Value) -> Self {
        merge(&mut self.install, over);
        self
    }

    /// A variable of its environment, which is empty otherwise.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// No more descriptors than these.
    pub(crate) fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// A further file in the gateway's folder.
    pub(crate) fn beside(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) async fn start(self) -> Gateway {
        let mut gateway = self.launch();
        gateway.ready().await;
        gateway
    }

    /// Starts it and waits for nothing.
    pub(crate) fn launch(mut self) -> Gateway {
        for name in self.entry_points.keys() {
            self.ports.entry(name.clone()).or_insert_with(free_port);
        }
        self.write();
        let args = [format!("--configFile={}", self.folder.path().join("install.yml").display())];
        let folder = self.folder.path();
        let process = match self.descriptors {
            None => Process::start(folder, &args, &self.variables),
            Some(count) => Process::start_limited(folder, &args, &self.variables, count),
        };
        Gateway { ports: self.ports.clone(), process, builder: self }
    }

    fn write(&self) {
        let mut install = self.install.clone();
        let mut entry_points = Map::new();
        for (name, options) in &self.entry_points {
            let mut options = options.clone();
            merge(&mut options, json!({"address": format!("127.0.0.1:{}", self.ports[name])}));
            entry_points.insert(name.clone(), options);
        }
        merge(&mut install, json!({"entryPoints": entry_points}));
        if let Some(dynamic) = &self.dynamic {
            self.put(&self.dynamic_path(), dynamic);
            merge(
                &mut install,
                json!({"providers": {"file": {"filename": self.dynamic_path(), "watch": true}}}),
            );
        }
        if let Some(manifests) = &self.manifests {
            let folder = self.folder.path().join("manifests");
            fs::create_dir_all(&folder).unwrap();
            self.put(&folder.join("all.yml"), manifests);
            merge(&mut install, json!({"providers": {"manifests": {"directory": folder, "watch": true}}}));
        }
        // JSON is YAML, and quotes whatever needs it.
        self.put(&self.folder.path().join("install.yml"), &format!("{install:#}"));
    }

    fn dynamic_path(&self) -> PathBuf {
        self.folder.path().join("dynamic.yml")
    }

    fn fill(&self, text: &str) -> String {
        let certs = super::secure::fixture("");
        let mut text = text.replace("<dir>", &self.folder.path().display().to_string());
        text = text.replace("<certs>/", &certs.display().to_string());
        for (name, port) in &self.ports {
            text = text.replace(&format!("<{name}>"), &port.to_string());
        }
        text
    }

    /// Replaces a file as editors do: whole, by a rename.
    fn put(&self, path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, self.fill(text)).unwrap();
        fs::rename(new, path).unwrap();
    }
}

impl Gateway {
    pub(crate) fn port(&self, entry_point: &str) -> u16 {
        *self.ports.get(entry_point).unwrap_or_else(|| panic!("no entry point `{entry_point}`"))
    }

    pub(crate) fn address(&self, entry_point: &str) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port(entry_point)).into()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.builder.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until `/ping` answers 200: listeners are bound, every provider has delivered.
    pub(crate) async fn ready(&mut self) {
        eventually("the gateway is ready", async || {
            if let Some(status) = self.process.ended() {
                panic!("the gateway ended with {status}");
            }
            (self.ping().await == 200).then_some(())
        })
        .await;
    }

    /// The status of `/ping`; 0 when nothing answers.
    pub(crate) async fn ping(&self) -> u16 {
        let port = self.ports.get("traefik").copied().unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match Connection::open(address, None, None).await {
            Ok(mut connection) => connection.ask(&Request::new("GET", "localhost", "/ping")).await.status,
            Err(_) => 0,
        }
    }

    /// A plain connection.
    pub(crate) async fn connect(&self, entry_point: &str) -> Connection {
        Connection::open(self.address(entry_point), None, None).await.expect("the entry point accepts")
    }

    /// A TLS connection.
    pub(crate) async fn connect_tls(
        &self,
        entry_point: &str,
        tls: &ClientTls,
    ) -> std::io::Result<Connection> {
        Connection::open(self.address(entry_point), None, Some(tls)).await
    }

    /// `GET` of a URL: `http` goes to entry point `web`, `https` to `secure`, unless the call says otherwise.
    pub(crate) fn get(&self, url: &str) -> Call<'_> {
        self.call("GET", url)
    }

    pub(crate) fn post(&self, url: &str, body: &str) -> Call<'_> {
        self.call("POST", url).body(body)
    }

    pub(crate) fn call(&self, method: &str, url: &str) -> Call<'_> {
        Call::new(self, method, url)
    }

    /// A resource of the API, as JSON.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let response = self.get(&format!("http://localhost{path}")).on("traefik").await;
        response.is(200).json()
    }

    /// The raw answer of the internal entry point.
    pub(crate) async fn internal(&self, path: &str) -> Response {
        self.get(&format!("http://localhost{path}")).on("traefik").await
    }

    /// Replaces the dynamic file.
    pub(crate) fn rewrite(&self, text: &str) {
        self.builder.put(&self.builder.dynamic_path(), text);
    }

    /// Replaces the manifests.
    pub(crate) fn apply(&self, text: &str) {
        self.builder.put(&self.folder().join("manifests/all.yml"), text);
    }

    /// Fills in ports as [`Builder::file`] does.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.builder.fill(text)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        self.process.exit().await
    }
}
