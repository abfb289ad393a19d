//! Files that an object names: certificates, keys, authorities, users.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use document::{FileOrContent, Kind, Value};

use crate::files;

/// Keys whose values are paths, or contents, in Traefik's documents.
const KEYS: [&str; 8] = ["certFile", "keyFile", "caFiles", "rootCAs", "usersFile", "ca", "cert", "key"];

/// What is named below `value`, whether it exists yet or not.
pub(super) fn named(value: &Value) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    collect(value, &mut paths);
    paths
}

fn collect(value: &Value, paths: &mut BTreeSet<PathBuf>) {
    for member in value.members() {
        if KEYS.iter().any(|key| key.eq_ignore_ascii_case(&member.key)) {
            let listed = member.value.items().iter();
            paths.extend(listed.chain([&member.value]).filter_map(path));
        }
        collect(&member.value, paths);
    }
    value.items().iter().for_each(|item| collect(item, paths));
}

/// The path, unless it is the content itself.
fn path(value: &Value) -> Option<PathBuf> {
    let Kind::String(text) = &value.kind else {
        return None;
    };
    let is_content = text.is_empty() || text.contains('\n') || FileOrContent::from(text.as_str()).is_pem();
    (!is_content && text.len() < 4096).then(|| PathBuf::from(text))
}

/// One digest of the contents of all; 0 when there are none.
pub(super) fn digest<'a>(paths: impl IntoIterator<Item = &'a Path>) -> u64 {
    let mut paths = paths.into_iter().peekable();
    if paths.peek().is_none() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    for path in paths {
        (path, files::digest(path)).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use document::parse;

    #[test]
    fn finds_paths_and_leaves_contents() {
        let text = "certificates:\n  - certFile: /a.crt\n    keyfile: a.key\nclientAuth: {caFiles: [/ca.pem, \"-----BEGIN X\"]}\nkey: {a: 1}\n";
        let (value, _) = parse(text, document::Format::Yaml).unwrap();
        let paths: Vec<PathBuf> = named(&value).into_iter().collect();
        assert_eq!(paths, ["/a.crt", "/ca.pem", "a.key"].map(PathBuf::from));
    }
}
