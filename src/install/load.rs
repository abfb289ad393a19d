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
    let Read { install, mut problems } = read_path(path);
    problems.extend(install.iter().flat_map(|install| absent(path, install)));
    (install, problems)
}

/// What the providers are told to read and is not there. Serving begins without it, and reads it once it comes; where
/// files are checked, such a path is often one of another machine.
fn absent(path: &Path, install: &Install) -> Vec<Problem> {
    let (file, manifests) = (install.providers.file.as_ref(), install.providers.manifests.as_ref());
    let named = [
        ("file.filename", "file", file.map(|file| &file.filename)),
        ("file.directory", "folder", file.map(|file| &file.directory)),
        ("manifests.directory", "folder", manifests.map(|manifests| &manifests.directory)),
    ];
    let absent = named.into_iter().filter_map(|(key, kind, name)| {
        let name = name.filter(|name| !name.is_empty())?;
        let is_there = if kind == "file" { Path::new(name).is_file() } else { Path::new(name).is_dir() };
        let problem = || Problem::warning("absent", format!("there is no {kind} `{name}`"));
        (!is_there).then(|| problem().with_path(format!("providers.{key}")))
    });
    let text = fs::read_to_string(path).unwrap_or_default();
    let source = document::Source::new(path.display().to_string(), text);
    let document = Format::of(path).and_then(|format| source.parse(format).ok());
    absent
        .map(|problem| match &document {
            Some((document, _)) => source.attach_by_path(document, problem),
            None => source.attach(problem),
        })
        .collect()
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
        Ok(text) => {
            let source = document::Source::new(name, text);
            let mut read = read_source(&source, format);
            read.problems.extend(unread(path, &source, format, read.install.as_ref()));
            read
        }
        Err(error) => refuse(Problem::error("unreadable", format!("the file cannot be read: {error}"))),
    }
}

/// The dynamic half of a file that no provider is told to read.
// Traefik: says nothing, and has no routes.
fn unread(
    path: &Path,
    source: &document::Source,
    format: Format,
    install: Option<&Install>,
) -> Option<Problem> {
    let file = install?.providers.file.as_ref();
    let same = |other: &str| {
        let whole = |path: &Path| fs::canonicalize(path).ok();
        whole(Path::new(other)).is_some_and(|other| whole(path).is_some_and(|path| path.starts_with(other)))
    };
    if file.is_some_and(|file| same(&file.filename) || same(&file.directory)) {
        return None;
    }
    let (document, _) = source.parse(format).ok()?;
    let is_dynamic = |key: &str| DYNAMIC_SECTIONS.iter().any(|section| section.eq_ignore_ascii_case(key));
    let section = document.members().iter().find(|member| is_dynamic(&member.key))?;
    let message = format!("`{}` is not read: it belongs to the dynamic configuration", section.key);
    let place = section.key_place;
    let origin = Origin::File {
        path: String::new(),
        line: place.line,
        column: place.column,
        width: place.width,
        excerpt: None,
    };
    let problem = Problem::warning("unread_section", message).with_path(section.key.clone()).at(origin);
    let hint = "name a file with it in `providers.file.filename`; that may be this file itself";
    Some(source.attach(problem).hint(hint))
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
    name_entry_points(&mut value);
    let mut problems = unsupported::strip(&mut value);
    let stripped = problems.len();
    let (install, found) = schema::read_past::<Install>(&value);
    let is_whole = found.iter().all(|problem| !problem.is_error() || problem.code == UNKNOWN_KEY);
    let install = install.map(|mut install| {
        set_idle_connections(&mut install, &value);
        // A document with unknown or wrong keys lacks what they were meant to be.
        install.complete();
        let mut checked = check::check(&install);
        checked.retain(|problem| !is_consequence(problem, &found));
        problems.extend(checked);
        install
    });
    problems.splice(stripped..stripped, found);
    let install = install.filter(|_| is_whole);
    Read { install, problems: problems.into_iter().map(|problem| attach(&value, problem)).collect() }
}

/// `web:` with nothing behind it is an entry point without an address, as `web: {}` is. Passed over, it would open the
/// port of an installation that names none.
fn name_entry_points(document: &mut Value) {
    let Kind::Mapping(sections) = &mut document.kind else { return };
    for section in sections.iter_mut().filter(|section| section.key.eq_ignore_ascii_case("entryPoints")) {
        let Kind::Mapping(entry_points) = &mut section.value.kind else { continue };
        for entry_point in entry_points.iter_mut().filter(|entry_point| entry_point.value.is_null()) {
            entry_point.value.kind = Kind::Mapping(Vec::new());
        }
    }
}

/// Is it wrong only because a key was misspelt, or because something wrong was left out? One message is enough.
fn is_consequence(checked: &Problem, shape: &[Problem]) -> bool {
    let names = |key: &str| checked.message.contains(&format!("`{key}`"));
    shape.iter().filter(|problem| problem.is_error()).any(|problem| {
        let is_unknown = problem.code == UNKNOWN_KEY;
        if problem.path == checked.path {
            return !is_unknown || checked.code == "missing_key";
        }
        let below = |parent: &str| problem.path.strip_prefix(parent)?.strip_prefix('.');
        below(&checked.path).is_some_and(names)
            || !is_unknown && checked.code == "unknown_reference" && below("entryPoints").is_some_and(names)
    })
}

/// Traefik's default transport keeps 200 idle connections to each endpoint, its named ones 2.
fn set_idle_connections(install: &mut Install, value: &Value) {
    let section = value.member_ignoring_case("serversTransport");
    let is_written = section.is_some_and(|it| it.value.member_ignoring_case("maxIdleConnsPerHost").is_some());
    if !is_written {
        install.servers_transport.max_idle_conns_per_host = IDLE_CONNECTIONS;
    }
}
