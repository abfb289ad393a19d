//! `portcullis explain` — what would happen to a request, and why. Nothing is sent to any backend.
//!
//! - `asked` the request in words → the question · `remote` asks a running gateway
//!
//! Without `--api` a configuration is read once, compiled, and asked here.

mod asked;
mod remote;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use document::Problem;
use snapshot::explain::Question;

use self::asked::Asked;
use crate::command::{Output, usage_error};
use crate::install::{self, Install};
use crate::offline;
use crate::printing::{complain, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The install configuration whose routes are asked. Without any source: the one the gateway would start with.
    #[arg(long = "configFile", aliases = ["config-file", "configfile"], value_name = "FILE", group = "from")]
    config_file: Option<PathBuf>,
    /// A folder with Kubernetes manifests.
    #[arg(long, value_name = "DIR", group = "from")]
    manifests: Option<PathBuf>,
    /// The API of a running gateway, as in http://127.0.0.1:8080.
    #[arg(long, value_name = "URL", group = "from")]
    api: Option<String>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    /// The request's method.
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A header of the request; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Where the connection comes from.
    #[arg(long, value_name = "IP")]
    client_ip: Option<IpAddr>,
    /// The server name in the handshake; the URL's host when unset.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// Where the request enters; by the URL's port when unset.
    #[arg(long, value_name = "NAME")]
    entrypoint: Option<String>,
    /// The request's URL.
    url: String,
}

/// Why there is no answer.
enum Failure {
    /// The command line asks for nothing that could be sent.
    NoRequest(String),
    NoAnswer(String),
}

/// 0: explained. 1: that was not possible. 2: not a request.
pub(crate) fn run(options: &Options) -> ExitCode {
    let answer = match &options.api {
        // What is no request needs no gateway to say so.
        Some(api) => {
            let question = options.question(&Install::default());
            question.and_then(|question| remote::ask(api, options, &question).map_err(Failure::NoAnswer))
        }
        None => options.ask_files(),
    };
    match answer {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(Failure::NoRequest(message)) => {
            complain(format_args!("error: {message}"));
            usage_error()
        }
        Err(Failure::NoAnswer(message)) => {
            complain(message);
            ExitCode::FAILURE
        }
    }
}

// === impl Options ===

impl Options {
    fn asked(&self) -> Asked<'_> {
        Asked {
            url: &self.url,
            method: &self.method,
            client_ip: self.client_ip,
            sni: self.sni.as_deref(),
            entry_point: self.entrypoint.as_deref(),
        }
    }

    fn question(&self, install: &Install) -> Result<Question, Failure> {
        asked::question(self.asked(), self.headers.iter().map(String::as_str), install)
            .map_err(Failure::NoRequest)
    }

    /// Reads the configuration, and asks it.
    fn ask_files(&self) -> Result<String, Failure> {
        // What is no request is said before any file is read.
        self.question(&Install::default())?;
        let (install, documents) = self.sources().map_err(Failure::NoAnswer)?;
        let question = self.question(&install)?;
        let compiled = offline::compile(&install, documents);
        let failed = |message: String| Failure::NoAnswer(format!("error: {message}"));
        let explanation = snapshot::explain::explain(&compiled.snapshot, Some(&compiled.report), &question)
            .map_err(failed)?;
        let errors = compiled.problems().iter().filter(|problem| problem.is_error()).count();
        if errors > 0 {
            complain(format_args!(
                "note: the configuration has errors ({errors}); `portcullis check` shows them\n"
            ));
        }
        match self.output {
            Output::Human => Ok(explanation.to_string()),
            Output::Json => {
                serde_json::to_string_pretty(&explanation).map_err(|error| failed(error.to_string()))
            }
        }
    }

    fn sources(&self) -> Result<(Install, provider::Documents), String> {
        if let Some(folder) = &self.manifests {
            if !folder.is_dir() {
                return Err(format!("error: there is no folder `{}`", folder.display()));
            }
            let mut install = Install::default();
            let documents = offline::read(&install, &[], std::slice::from_ref(folder));
            offline::assume(&mut install, &documents);
            return Ok((install, documents));
        }
        let install = self.install().map_err(|problems| said(&problems))?;
        let documents = offline::read_providers(&install);
        Ok((install, documents))
    }

    fn install(&self) -> Result<Install, Vec<Problem>> {
        let args: Vec<String> =
            self.config_file.iter().map(|path| format!("--configFile={}", path.display())).collect();
        install::load(&args, offline::environment()).map(|loaded| loaded.install)
    }
}

fn said(problems: &[Problem]) -> String {
    let texts: Vec<String> =
        problems.iter().filter(|problem| problem.is_error()).map(Problem::to_string).collect();
    texts.join("\n\n")
}
