//! `portcullis check` — looks for mistakes in configuration, with the code that serves it.
//!
//! - `files` which files there are and what each of them is · `findings` what was found, in order, with its lines
//! - `sarif` the same for code hosts and editors
//!
//! All files together are one configuration: a router of one may name a middleware of another.

mod files;
mod findings;
mod sarif;

use std::path::PathBuf;
use std::process::ExitCode;

use document::Problem;
use serde::Serialize;

use self::files::Files;
use self::findings::Findings;
use crate::install::{self, Install};
use crate::offline;
use crate::printing::{complain, say};

/// How problems are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Human,
    Json,
    Sarif,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How problems are printed: for people, as a JSON array, or as SARIF 2.1.0.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// A Secret, ConfigMap or EndpointSlice that no manifest holds, and a file or folder of a provider that is not
    /// there, is an error, not a warning.
    #[arg(long)]
    strict: bool,
    /// Files and folders: install configuration, dynamic configuration, Kubernetes manifests.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// 0: no error. 1: at least one. (2 is a wrong command line.)
pub(crate) fn run(options: &Options) -> ExitCode {
    let files = Files::collect(&options.paths);
    let findings = find(&files, options.strict);
    match options.output {
        Format::Human => print_for_people(&findings, files.count()),
        Format::Json => print(findings.problems()),
        Format::Sarif => print(&sarif::log(findings.problems())),
    }
    if findings.errors() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print<T: Serialize + ?Sized>(value: &T) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(text),
        Err(error) => complain(format_args!("error: {error}")),
    }
}

/// Everything that is wrong in the files.
fn find(files: &Files, strict: bool) -> Findings {
    let mut findings = Findings::new(strict);
    findings.extend(files.problems.iter().cloned());
    let mut installs = Vec::new();
    for path in &files.install {
        let (install, problems) = install::read_file(path);
        findings.extend(problems);
        installs.extend(install);
    }
    findings.extend(dynamic(files, installs));
    findings.finish();
    findings
}

/// What is wrong in the dynamic configuration, beside this install configuration.
fn dynamic(files: &Files, installs: Vec<Install>) -> Vec<Problem> {
    let is_known = !installs.is_empty();
    // Several of them are those of several gateways: a router may be for any.
    let mut install = installs.into_iter().reduce(|mut all, other| {
        all.entry_points.extend(other.entry_points);
        all.api = all.api.or(other.api);
        all.ping = all.ping.or(other.ping);
        all.metrics = all.metrics.or(other.metrics);
        all
    });
    let mut install = install.take().unwrap_or_default();
    let documents = offline::read(&install, &files.dynamic, &files.manifests);
    if documents.is_empty() {
        return Vec::new();
    }
    if !is_known {
        offline::assume(&mut install, &documents);
    }
    let compiled = offline::compile(&install, documents);
    // Of its own sections the install configuration has told, with its line.
    let is_own = |path: &str| ["serversTransport", "providers."].iter().any(|own| path.starts_with(own));
    let is_told = |problem: &Problem| problem.object.is_none() && is_own(&problem.path);
    let mut problems = compiled.problems();
    problems.retain(|problem| !is_told(problem));
    problems
}

fn print_for_people(findings: &Findings, files: usize) {
    for problem in findings.problems() {
        say(format_args!("{problem}\n"));
    }
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    let (errors, warnings) = (findings.errors(), findings.problems().len() - findings.errors());
    let verdict = match (errors, warnings) {
        (0, 0) => "no problem".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    say(format_args!("{verdict} in {}", count(files, "file")));
}

#[cfg(test)]
mod tests;
