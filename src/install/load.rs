//! Where the install configuration comes from: exactly one source, the first that says something.
//! Nothing is merged.

use std::fs;
use std::path::{Path, PathBuf};

use document::schema::{self, UNKNOWN_KEY};
use document::{Format, Kind, Origin, Problem, Schema, Severity, Value};

use super::environment::{self, Environment};
use super::flags::{self, Flags};
use super::tree::Tree;
use super::{DYNAMIC_SECTIONS, Install, check, unsupported};

/// A configuration that can be started.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub install: Install,
    pub warnings: Vec<Problem>,
    pub source: Source,
}

/// What it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Flags,
    Environment,
    /// Nothing was given.
    Defaults,
}

/// What was wanted of a connection to each endpoint where the document does not say.
const IDLE_CONNECTIONS: i64 = 200;

/// Names and endings of the files that are looked for without `--configFile`, in this order.
const NAMES: [&str; 2] = ["portcullis", "traefik"];
const ENDINGS: [&str; 3] = ["toml", "yaml", "yml"];

/// Reads the install configuration, or everything that is wrong with it. `args` without the program's name.
pub(crate) fn load(
    args: &[String],
    env: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, Vec<Problem>> {
    load_from(args, env, &[Path::new("/etc"), Path::new(".")])
}

/// As [`load`], with the folders where a file may lie.
pub(super) fn load_from(
    args: &[String],
    env: impl Iterator<Item = (String, String)>,
    folders: &[&Path; 2],
) -> Result<Loaded, Vec<Problem>> {
    let schema = Schema::of::<Install>();
    let flags = flags::parse(args, &schema);
    let environment = environment::parse(env, &schema);
    let named = flags.config_file.as_ref().or(environment.config_file.as_ref()).map(PathBuf::from);
    let file = named.or_else(|| search(&environment, folders));
    let (source, read) = match file {
        Some(path) => {
            let mut read = read_path(&path);
            read.problems.extend(ignored(&path, &flags, &environment));
            (Source::File(path), read)
        }
        None if !flags.tree.is_empty() || !flags.problems.is_empty() => {
            let mut read = read_tree(flags.tree, Severity::Error);
            read.problems.extend(flags.problems);
            (Source::Flags, read)
        }
        None if !environment.tree.is_empty() => {
            (Source::Environment, read_tree(environment.tree, Severity::Warning))
        }
        None => (Source::Defaults, read_tree(Tree::default(), Severity::Error)),
    };
    match read {
        Read { install: Some(install), problems } if !problems.iter().any(Problem::is_error) => {
            Ok(Loaded { install, warnings: problems, source })
        }
        Read { problems, .. } => Err(problems),
    }
}

/// Reads one file, for looking at it without starting.
pub(crate) fn read_file(path: &Path) -> (Option<Install>, Vec<Problem>) {
    let read = read_path(path);
    (read.install, read.problems)
}

/// Reads a text that is called `name`.
pub(crate) fn read_text(name: &str, text: &str, format: Format) -> (Option<Install>, Vec<Problem>) {
    let read = read_source(&document::Source::new(name, text), format);
    (read.install, read.problems)
}

struct Read {
    install: Option<Install>,
    problems: Vec<Problem>,
}

/// The first file that is there.
fn search(environment: &Environment, [system, here]: &[&Path; 2]) -> Option<PathBuf> {
    let config_home = environment.config_home.as_ref().map(PathBuf::from);
    let home = environment.home.as_ref().map(|home| Path::new(home).join(".config"));
    let folders = NAMES.iter().map(|name| (system.join(name), *name));
    let folders = folders.chain(config_home.map(|folder| (folder, "")));
    let folders =
        folders.chain(home.map(|folder| (folder, ""))).chain(std::iter::once((here.to_path_buf(), "")));
    folders
        .flat_map(|(folder, only)| {
            let names = NAMES.iter().filter(move |name| only.is_empty() || **name == only);
            names.flat_map(move |name| {
                let folder = folder.clone();
                ENDINGS.iter().map(move |ending| folder.join(format!("{name}.{ending}")))
            })
        })
        .find(|path| path.is_file())
}

/// One line for each of the sources that a file makes mute.
fn ignored(path: &Path, flags: &Flags, environment: &Environment) -> Vec<Problem> {
    let by_file = |what: &str| {
        let message =
            format!("{what} are ignored: the configuration is read from `{}` alone", path.display());
        Problem::warning("ignored_source", message)
    };
    let flags = (!flags.tree.is_empty()).then(|| by_file("flags"));
    let environment = (!environment.tree.is_empty()).then(|| by_file("environment variables"));
    flags.into_iter().chain(environment).collect()
}

fn read_path(path: &Path) -> Read {
    let name = path.display().to_string();
    let refuse = |problem: Problem| Read {
        install: None,
        problems: vec![problem.at(document::Origin::file(name.as_str()))],
    };
    let Some(format) = Format::of(path) else {
        let message = "the format of the file is not known by its name";
        return refuse(
            Problem::error("unknown_format", message).hint("it ends in `.yaml`, `.yml` or `.toml`"),
        );
    };
    match fs::read_to_string(path) {
        Ok(text) => read_source(&document::Source::new(name, text), format),
        Err(error) => refuse(Problem::error("unreadable", format!("the file cannot be read: {error}"))),
    }
}

fn read_source(source: &document::Source, format: Format) -> Read {
    match source.parse(format) {
        Ok((value, warnings)) => {
            let mut read = read_value(value, |value, problem| source.attach_by_path(value, problem));
            read.problems.splice(0..0, warnings);
            // As they stand in the file, for whoever mends it from top to bottom; what has no place goes last.
            read.problems.sort_by_key(|problem| match problem.origin {
                Origin::File { line, column, .. } if line > 0 => (line, column),
                _ => (u32::MAX, 0),
            });
            read
        }
        Err(problems) => Read { install: None, problems },
    }
}

/// Flags or variables; an unknown variable is a warning, for others than us may use our prefix.
fn read_tree(tree: Tree, unknown: Severity) -> Read {
    let (value, origins) = tree.finish();
    let mut read = read_value(value, |value, problem| origins.attach(value, problem));
    for problem in &mut read.problems {
        if problem.code == UNKNOWN_KEY {
            problem.severity = unknown;
        }
    }
    read
}

/// A document: without its other half, without what is not supported, as the type, and checked.
fn read_value(value: Value, attach: impl Fn(&Value, Problem) -> Problem) -> Read {
    let mut value = value;
    if value.is_null() {
        value.kind = Kind::Mapping(Vec::new());
    }
    if let Kind::Mapping(members) = &mut value.kind {
        members.retain(|member| {
            !DYNAMIC_SECTIONS.iter().any(|section| member.key.eq_ignore_ascii_case(section))
        });
    }
    let mut problems = unsupported::strip(&mut value);
    let (install, found) = schema::read::<Install>(&value);
    problems.extend(found);
    let install = install.map(|mut install| {
        set_idle_connections(&mut install, &value);
        // A document with unknown keys may lack what they were meant to be.
        install.complete();
        problems.extend(check::check(&install));
        install
    });
    Read { install, problems: problems.into_iter().map(|problem| attach(&value, problem)).collect() }
}

/// Traefik's default transport keeps 200 idle connections to each endpoint, its named ones 2.
fn set_idle_connections(install: &mut Install, value: &Value) {
    let section = value.member_ignoring_case("serversTransport");
    let is_written = section.is_some_and(|it| it.value.member_ignoring_case("maxIdleConnsPerHost").is_some());
    if !is_written {
        install.servers_transport.max_idle_conns_per_host = IDLE_CONNECTIONS;
    }
}
