//! What files look like: names, sizes, headers, and what must not stand in them.

use super::{File, files, must_be_empty, sources};

/// Names that say nothing. A shared thing has a subject: name it.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "base", "types", "manager"];

/// Traefik's own name of a format of the access log.
const WIRE_NAMES: &[&str] = &["src/telemetry/access_log/common.rs"];

/// A file above this many lines (its tests not counted) is two things.
const TOO_LONG: usize = 600;
/// Above this it is named in the test's output: a question, not a crime.
const LONG: usize = 400;

/// The only test file that may let time pass: it holds the one waiting function of the harness.
const WAITING: &str = "tests/harness/eventually.rs";

impl File {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Numbered lines, with whether they belong to a test.
    fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let mut test = self.is_test();
        self.text.lines().enumerate().map(move |(at, line)| {
            test |= line.trim() == "#[cfg(test)]" && line.starts_with('#');
            (at + 1, line, test)
        })
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {}", self.path, what.trim())
    }
}

#[test]
fn modules_have_names_that_say_something() {
    let mut breaches = Vec::new();
    for file in sources().into_iter().filter(|file| !WIRE_NAMES.contains(&file.path.as_str())) {
        let parts: Vec<&str> = file.path.trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") {
            breaches.push(format!("{}: write `foo.rs` with `foo/` beside it", file.path));
        }
        if let Some(name) = parts.iter().find(|part| EMPTY_NAMES.contains(part)) {
            breaches.push(format!("{}: `{name}` says nothing", file.path));
        }
    }
    must_be_empty("Modules are called after what they hold:", &breaches);
}

#[test]
fn files_are_small() {
    let mut breaches = Vec::new();
    for file in sources().iter().filter(|file| !file.is_test()) {
        let lines = file.lines().filter(|(_, _, test)| !test).count();
        if lines > TOO_LONG {
            breaches.push(format!("{}: {lines} lines", file.path));
        } else if lines > LONG {
            println!("{}: {lines} lines: are these two things?", file.path);
        }
    }
    must_be_empty("These files are too long to be one thing:", &breaches);
}

#[test]
fn test_files_are_small_too() {
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|file| file.is_test())
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > TOO_LONG)
        .map(|(file, lines)| format!("{}: {lines} lines", file.path))
        .collect();
    must_be_empty("These test files are too long to be one thing:", &breaches);
}

#[test]
fn every_file_says_what_it_is_for() {
    let breaches: Vec<String> = sources()
        .into_iter()
        .filter(|file| {
            file.text.lines().next().is_none_or(|line| !line.starts_with("//! ") || line.len() < 15)
        })
        .map(|file| file.path)
        .collect();
    must_be_empty("Every file opens with a `//!` line that says what it is for:", &breaches);
}

#[test]
fn every_crate_opens_with_a_map() {
    let mut breaches = Vec::new();
    for file in sources().into_iter().filter(|file| file.path.ends_with("/lib.rs")) {
        let map: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if !(4..=45).contains(&map.len()) {
            breaches.push(format!("{}: the map has {} lines", file.path, map.len()));
            continue;
        }
        let map = map.join("\n");
        if !map.contains("nvariant") {
            breaches.push(format!("{}: the map states no invariant", file.path));
        }
        for (line, text, test) in file.lines() {
            let text = text.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let Some(name) = text.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
                continue;
            };
            let forms = ["", "mod@", "()"].map(|form| match form {
                "mod@" => format!("`mod@{name}`"),
                form => format!("`{name}{form}`"),
            });
            if !test && name != "tests" && !forms.iter().any(|form| map.contains(form)) {
                breaches.push(file.at(line, &format!("`{name}` is not on the map")));
            }
        }
    }
    must_be_empty("Each `lib.rs` opens with a map of its files and its invariants:", &breaches);
}

#[test]
fn nothing_is_waved_through() {
    // Put together here, so that this file does not hold what it looks for.
    let banned = ["ignore]", "ignore =", "should_panic", "allow("].map(|rest| format!("#[{rest}"));
    let inner = format!("#![{}", "allow(");
    let mut breaches = Vec::new();
    for file in sources() {
        for (line, text, _) in file.lines() {
            if banned.iter().any(|b| text.contains(b.as_str())) || text.contains(&inner) {
                breaches.push(file.at(line, text));
            }
        }
    }
    must_be_empty("A test runs or goes; a lint is met or `expect`ed with a reason:", &breaches);
}

#[test]
fn tests_wait_for_the_thing_itself() {
    let mut breaches = Vec::new();
    for file in sources().iter().filter(|file| file.path != WAITING) {
        // With a paused clock nothing waits: time is an input then.
        let paused = ["start_paused", "time::pause(", "time::advance("].iter().any(|p| file.text.contains(p));
        for (line, text, test) in file.lines() {
            let code = text.split("//").next().unwrap_or_default();
            let sleeps =
                code.contains("sleep(") && code.contains(".await") && !file.path.starts_with("tests/tidy");
            if code.contains(concat!("thread::", "sleep")) || (sleeps && test && !paused) {
                breaches.push(file.at(line, text));
            }
        }
    }
    must_be_empty("Tests wait with `eventually`, never for a fixed time:", &breaches);
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // Put together here, so that this file does not hold what it looks for.
    let folders = ["work", "root", "home"].map(|name| format!("/{name}/"));
    let mut breaches = Vec::new();
    for file in files() {
        for (at, text) in file.text.lines().enumerate() {
            for folder in &folders {
                let alone = text.match_indices(folder.as_str()).any(|(i, _)| {
                    let before = text[..i].chars().next_back();
                    before.is_none_or(|c| !c.is_alphanumeric() && !"}.-_~".contains(c))
                });
                if alone {
                    breaches.push(file.at(at + 1, text));
                }
            }
        }
    }
    must_be_empty("No path of one machine in the project:", &breaches);
}

#[test]
fn documents_point_at_files_that_are_there() {
    let mut breaches = Vec::new();
    for file in files().into_iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, text) in file.text.lines().enumerate() {
            for rest in text.split("](").skip(1) {
                let target = rest.split([')', '#']).next().unwrap_or_default();
                let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
                if !elsewhere && !super::root().join(folder).join(target).exists() {
                    breaches.push(file.at(at + 1, &format!("`{target}` is not there")));
                }
            }
        }
    }
    must_be_empty("Links in documents lead somewhere:", &breaches);
}
