//! `portcullis`: composition, nothing else.
//!
//! - `command` what the first argument says · `install` the install configuration
//! - `assembly` configuration → parts · `gateway` the parts, running · `offline` the parts, compiled only
//! - `demo`, `check`, `explain`, `healthcheck`, `version` the other commands · `client` one request to a gateway

mod assembly;
mod check;
mod client;
mod command;
mod demo;
mod explain;
mod gateway;
mod healthcheck;
#[cfg(feature = "test-hooks")]
mod hooks;
mod install;
mod offline;
mod printing;
mod version;

use std::process::ExitCode;

use crate::command::{Command, Once};
use crate::gateway::Gateway;
use crate::printing::{complain, say};

// Least memory and time of three allocators that were measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match command::read(std::env::args_os().skip(1)) {
        Ok(Command::Run(flags)) => run(&flags),
        Ok(Command::Demo(options)) => run_demo(&options),
        Ok(Command::Once(once)) => match once {
            Once::Version => {
                say(version::text());
                ExitCode::SUCCESS
            }
            Once::Healthcheck(flags) => healthcheck::run(&flags),
            Once::Check(options) => check::run(&options),
            Once::Explain(options) => explain::run(&options),
        },
        Err(status) => status,
    }
}

fn run(flags: &[String]) -> ExitCode {
    let loaded = match install::load(flags, offline::environment()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in problems {
                complain(format_args!("{problem}\n"));
            }
            return ExitCode::FAILURE;
        }
    };
    if loaded.source == install::Source::Defaults {
        complain(
            "no configuration was given: listening on :80 without a route; `portcullis demo` shows more",
        );
    }
    serve(Gateway::start(&loaded.install, &loaded.warnings), std::future::pending())
}

fn run_demo(options: &demo::Options) -> ExitCode {
    let demo = match demo::prepare(options) {
        Ok(demo) => demo,
        Err(why) => {
            complain(why);
            return ExitCode::FAILURE;
        }
    };
    let gateway = Gateway::start(&demo.install, &[]);
    if gateway.is_ok() {
        say(&demo.guide);
    }
    serve(gateway, demo.backends.serve())
}

fn serve(
    gateway: Result<Gateway, gateway::Error>,
    beside: impl Future<Output = ()> + Send + 'static,
) -> ExitCode {
    match gateway.and_then(|gateway| gateway.run(beside)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("error: {}", telemetry::chain(&error)));
            ExitCode::FAILURE
        }
    }
}
