//! Flags: `--entrypoints.web.address=:80`. Traefik, `paerser/flag`.

use document::schema::Wanted;
use document::{Origin, Problem, Schema};

use super::tree::Tree;

/// What the arguments say.
#[derive(Default)]
pub(super) struct Flags {
    pub(super) config_file: Option<String>,
    pub(super) tree: Tree,
    pub(super) problems: Vec<Problem>,
}

/// Names that only Traefik's command line has, not its document.
const CONFIG_FILE: &str = "configfile";

/// Reads arguments, the program's name left out.
pub(super) fn parse(args: &[String], schema: &Schema) -> Flags {
    let mut flags = Flags::default();
    let mut rest = args.iter().map(String::as_str).peekable();
    while let Some(argument) = rest.next() {
        let Some(flag) =
            argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).filter(|f| !f.is_empty())
        else {
            flags.problems.push(
                Problem::error("unexpected_argument", format!("unexpected argument `{argument}`"))
                    .hint("flags are written as `--name=value`"),
            );
            continue;
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let path = path(name);
        let wanted = schema.wanted(path.iter().map(String::as_str));
        let may_stand_alone = matches!(wanted, Some(Wanted::Bool | Wanted::Object));
        // `--name value`; a boolean takes the next argument only if it is plainly meant.
        let next = rest.peek().copied().filter(|next| value.is_none() && !next.starts_with('-'));
        let next = next.filter(|next| !may_stand_alone || matches!(*next, "true" | "false"));
        if next.is_some() {
            rest.next();
        }
        let value = value.or(next.map(str::to_owned));
        flags.add(name, &path, wanted, value);
    }
    flags
}

impl Flags {
    fn add(&mut self, name: &str, path: &[String], wanted: Option<Wanted>, value: Option<String>) {
        if name.eq_ignore_ascii_case(CONFIG_FILE) {
            match value.filter(|value| !value.is_empty()) {
                Some(value) => self.config_file = Some(value),
                None => self.problems.push(no_value(name)),
            }
            return;
        }
        let value = match (value, wanted) {
            (Some(value), _) => value,
            (None, Some(Wanted::Scalar | Wanted::List)) => {
                self.problems.push(no_value(name));
                return;
            }
            // One that is unknown is reported as such, with the rest.
            (None, Some(Wanted::Bool | Wanted::Object) | None) => "true".to_owned(),
        };
        // A list may be given piece by piece: `--x=a --x=b`.
        let value = match self.tree.text(path) {
            Some(earlier) if wanted == Some(Wanted::List) => format!("{earlier},{value}"),
            _ => value,
        };
        self.tree.insert(path, value, origin(name));
    }
}

fn no_value(name: &str) -> Problem {
    Problem::error("no_value", "the flag needs a value")
        .at(origin(name))
        .hint(format!("write `--{name}=value`"))
}

fn origin(name: &str) -> Origin {
    Origin::Flag(format!("--{name}"))
}

/// `tls.domains[0].main` as `tls`, `domains`, `[0]`, `main`.
fn path(name: &str) -> Vec<String> {
    let mut path = Vec::new();
    for part in name.split('.') {
        let key = part.split('[').next().unwrap_or_default();
        if !key.is_empty() {
            path.push(key.to_owned());
        }
        let indices = part.get(key.len()..).unwrap_or_default();
        path.extend(indices.split_inclusive(']').filter(|index| !index.is_empty()).map(str::to_owned));
    }
    path
}
