//! `portcullis demo` — the gateway on a configuration of its own, to try it out: sample backends and sample routes,
//! on this machine only.
//!
//! - `folder` the manifests it is configured with · `backend` who answers · `guide` what to try
//!
//! The routes come from Kubernetes manifests in a folder. They are written there once; from then on they are the
//! user's to change, and the gateway follows.

mod backend;
mod folder;
mod guide;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use document::{Format, Problem};
use serde_json::json;
use tokio::task::JoinSet;

use self::backend::Backend;
use self::guide::Places;
use crate::install::{self, Install};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The folder with the manifests; made when it is not there.
    #[arg(long, value_name = "DIR", default_value = "./portcullis-demo")]
    dir: PathBuf,
    /// Port of the plain entry point.
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Port of the entry point with TLS.
    #[arg(long, default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    tls_port: u16,
    /// Port of the API, ping and metrics.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    api_port: u16,
}

/// A demo about to begin.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) install: Install,
    pub(crate) backends: Backends,
    /// To be said once the gateway listens.
    pub(crate) guide: String,
}

/// The sample backends, on sockets that are bound already.
#[derive(Debug)]
pub(crate) struct Backends(Vec<Backend>);

/// Makes everything ready, or says what stands in the way.
pub(crate) fn prepare(options: &Options) -> Result<Demo, String> {
    for (port, flag) in
        [(options.port, "--port"), (options.tls_port, "--tls-port"), (options.api_port, "--api-port")]
    {
        check_port(port, flag)?;
    }
    let prepared =
        folder::prepare(&options.dir).map_err(|error| format!("error: {}", telemetry::chain(&error)))?;
    let install = options.install()?;
    let mut guide = guide::text(Places {
        program: &program(),
        folder: &options.dir,
        port: options.port,
        tls_port: options.tls_port,
        api_port: options.api_port,
        is_new: prepared.is_new,
    });
    for note in &prepared.notes {
        guide.push_str(&format!("\nnote: {note}\n"));
    }
    Ok(Demo { install, backends: Backends(prepared.backends), guide })
}

/// This program, as it is called from the folder at hand; by its name where the system does not say.
fn program() -> PathBuf {
    match (std::env::current_exe(), std::env::current_dir()) {
        (Ok(path), Ok(here)) => guide::callable(&path, &here),
        (Ok(path), Err(_)) => path,
        (Err(_), _) => env!("CARGO_PKG_NAME").into(),
    }
}

/// Says which flag to change before anything has been written.
fn check_port(port: u16, flag: &str) -> Result<(), String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|_free| ()).map_err(|error| {
        format!("error: cannot listen on 127.0.0.1:{port}: {error}\nhint: choose another port with `{flag}`")
    })
}

// === impl Options ===

impl Options {
    /// Read as a user's file would be, so that the demo shows nothing that a configuration could not say.
    fn install(&self) -> Result<Install, String> {
        let here = |port: u16| format!("127.0.0.1:{port}");
        let document = json!({
            "entryPoints": {
                "web": {"address": here(self.port)},
                "websecure": {"address": here(self.tls_port), "http": {"tls": {}}},
                "traefik": {"address": here(self.api_port)},
            },
            "providers": {"manifests": {"directory": self.dir}},
            "api": {"insecure": true, "dashboard": false},
            "ping": {},
            "metrics": {"prometheus": {}},
            "log": {"level": "INFO"},
        });
        let (install, problems) = install::read_text("demo", &document.to_string(), Format::Json);
        let errors: Vec<String> =
            problems.iter().filter(|problem| problem.is_error()).map(Problem::to_string).collect();
        install.filter(|_| errors.is_empty()).ok_or_else(|| errors.join("\n\n"))
    }
}

// === impl Backends ===

impl Backends {
    /// Serves for as long as it is awaited.
    pub(crate) async fn serve(self) {
        let mut serving: JoinSet<_> = self.0.into_iter().map(Backend::serve).collect();
        while let Some(ended) = serving.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::error!(%error, "a sample backend has ended");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_on_this_machine_only() {
        let options = Options { dir: "a folder".into(), port: 8000, tls_port: 8443, api_port: 8080 };
        let install = options.install().unwrap();
        let addresses: Vec<&str> =
            install.entry_points.values().map(|config| config.address.as_str()).collect();
        assert_eq!(addresses, ["127.0.0.1:8080", "127.0.0.1:8000", "127.0.0.1:8443"]);
        assert_eq!(install.providers.manifests.unwrap().directory, "a folder");
    }

    #[test]
    fn one_port_for_two_is_refused() {
        let options = Options { dir: "x".into(), port: 8000, tls_port: 8000, api_port: 8080 };
        assert!(options.install().unwrap_err().contains("listen on the same port"));
    }

    #[test]
    fn a_taken_port_names_its_flag() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = check_port(taken.local_addr().unwrap().port(), "--tls-port").unwrap_err();
        assert!(error.ends_with("choose another port with `--tls-port`"), "{error}");
    }
}
