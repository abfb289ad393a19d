//! Commands: what the first argument says. Without one the gateway runs, and every argument is Traefik's.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::printing::{complain, say};
use crate::{check, demo, explain};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run the gateway with these flags.
    Run(Vec<String>),
    /// Run it with the demo's configuration.
    Demo(demo::Options),
    /// Something that is over when it has been said.
    Once(Once),
}

/// Commands that serve nothing.
#[derive(Debug)]
pub(crate) enum Once {
    Version,
    Healthcheck(Vec<String>),
    Check(check::Options),
    Explain(explain::Options),
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Human,
    Json,
}

const USAGE: &str = "portcullis [--configFile=FILE] [--entryPoints.web.address=:80 …]
       portcullis <COMMAND>";

const FLAGS: &str = "\
Without a command the gateway runs. Its configuration is Traefik's: one file, else flags, else the environment
(TRAEFIK_* or PORTCULLIS_*). Without any it listens on :80 and has no routes.
`portcullis demo` is the quickest way to see it at work.";

/// A gateway and Kubernetes ingress controller, a drop-in for Traefik v3.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, disable_help_subcommand = true, override_usage = USAGE, after_help = FLAGS)]
struct Line {
    #[command(subcommand)]
    command: Choice,
}

#[derive(Debug, Subcommand)]
enum Choice {
    /// Run with sample backends and sample routes, to try it out.
    Demo(demo::Options),
    /// Look for mistakes in configuration files and Kubernetes manifests.
    Check(check::Options),
    /// Say what would happen to a request, and why.
    Explain(explain::Options),
    /// Ask the ping of a gateway with this configuration: 0 when it is well, else 1.
    Healthcheck {
        /// The gateway's own flags.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAG")]
        flags: Vec<String>,
    },
    /// Print the version.
    Version,
}

const NAMES: [&str; 5] = ["demo", "check", "explain", "healthcheck", "version"];

/// First arguments that ask for help or the version, in the forms that people try.
const OF_OUR_OWN: [&str; 5] = ["help", "-h", "--help", "-V", "--version"];

/// Reads the arguments, without the program's name. An error has been said already.
pub(crate) fn read(args: impl Iterator<Item = OsString>) -> Result<Command, ExitCode> {
    let args: Vec<String> =
        args.map(OsString::into_string).collect::<Result<_, _>>().map_err(|unreadable| {
            complain(format_args!("error: the argument `{}` is not UTF-8", unreadable.display()));
            usage_error()
        })?;
    match args.first().map(String::as_str) {
        Some(first) if NAMES.contains(&first) => parse(&args),
        Some("help") if args.len() > 1 => {
            parse(&[args.get(1).cloned().unwrap_or_default(), "--help".to_owned()])
        }
        Some("help") => parse(&["--help".to_owned()]),
        Some(first) if OF_OUR_OWN.contains(&first) => parse(&args),
        // A misspelt command must not start a gateway.
        Some(first) if !first.starts_with('-') => {
            complain(format_args!("error: there is no command `{first}`"));
            if let Some(near) = document::name::nearest(first, NAMES) {
                complain(format_args!("hint: did you mean `{near}`?"));
            }
            Err(usage_error())
        }
        _ => Ok(Command::Run(args)),
    }
}

fn parse(args: &[String]) -> Result<Command, ExitCode> {
    let program = std::iter::once("portcullis");
    match Line::try_parse_from(program.chain(args.iter().map(String::as_str))) {
        Ok(line) => Ok(line.command.into()),
        Err(error) if error.use_stderr() => {
            complain(error.render().to_string().trim_end());
            Err(usage_error())
        }
        Err(asked_for) => {
            say(asked_for.render().to_string().trim_end());
            Err(ExitCode::SUCCESS)
        }
    }
}

/// The status of a wrong command line, in every command.
pub(crate) fn usage_error() -> ExitCode {
    ExitCode::from(2)
}

// === impl Command ===

impl From<Choice> for Command {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Demo(options) => Self::Demo(options),
            Choice::Check(options) => Self::Once(Once::Check(options)),
            Choice::Explain(options) => Self::Once(Once::Explain(options)),
            Choice::Healthcheck { flags } => Self::Once(Once::Healthcheck(flags)),
            Choice::Version => Self::Once(Once::Version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(line: &str) -> Result<Command, ExitCode> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn flags_alone_are_the_gateways() {
        for line in ["", "--configFile=a.yml", "-configfile a.yml --api", "--entrypoints.web.address=:80"] {
            match read_words(line) {
                Ok(Command::Run(args)) => assert_eq!(args.join(" "), line),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn commands_go_by_their_names() {
        let once = |line: &str| match read_words(line) {
            Ok(Command::Once(once)) => once,
            other => panic!("{line}: {other:?}"),
        };
        assert!(matches!(once("version"), Once::Version));
        assert!(matches!(once("check --strict a.yml b"), Once::Check(_)));
        assert!(matches!(once("explain -X POST -H A:b http://a/"), Once::Explain(_)));
        match once("healthcheck --configFile=a.yml --ping") {
            Once::Healthcheck(flags) => assert_eq!(flags, ["--configFile=a.yml", "--ping"]),
            other => panic!("{other:?}"),
        }
        assert!(matches!(read_words("demo --port 1"), Ok(Command::Demo(_))));
    }

    #[test]
    fn wrong_lines_start_nothing() {
        for line in
            ["chekc a.yml", "check", "check --nonsense a", "explain", "demo --port x", "explain -X", "--help"]
        {
            assert!(read_words(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_line_is_well_formed() {
        <Line as clap::CommandFactory>::command().debug_assert();
    }
}
