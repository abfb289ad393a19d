//! User lists: lines of htpasswd, and passwords against them.

mod md5_crypt;

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use document::{Problem, Secret};
use sha1::{Digest, Sha1};

/// Users by name.
#[derive(Debug)]
pub(crate) struct Users(HashMap<Box<str>, Hash>);

/// A password's hash, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// `{SHA}`: base64 of SHA-1, without salt.
    Sha(Secret),
    /// `$2a$`, `$2b$`, `$2x$`, `$2y$`.
    Bcrypt(Secret),
    /// `$apr1$`, `$1$`, or any other magic word.
    Md5(Secret),
}

// === impl Users ===

impl Users {
    /// Those of a file, then those of the list, which win over the file's.
    pub(crate) fn read(file: Option<&Path>, list: &[Secret]) -> Result<Self, Problem> {
        let mut users = HashMap::new();
        if let Some(path) = file {
            let bytes = std::fs::read(path).map_err(|error| {
                let message = format!("failed to read `{}`: {error}", path.display());
                Problem::field("usersFile", message)
            })?;
            for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
                let line = line.trim();
                if !line.is_empty() && !line.starts_with('#') {
                    let (name, hash) = entry(line).ok_or_else(|| {
                        let place = format!("line {} of `{}`", index + 1, path.display());
                        Problem::field("usersFile", format!("{place} is not `name:hash`"))
                    })?;
                    users.insert(name, hash);
                }
            }
        }
        for (index, line) in list.iter().enumerate() {
            let (name, hash) = entry(line.expose()).ok_or_else(|| {
                Problem::field(format!("users[{index}]"), "a user is written as `name:hash`")
            })?;
            users.insert(name, hash);
        }
        if users.is_empty() {
            return Err(Problem::error("invalid_value", "there is no user, so nobody could pass"));
        }
        Ok(Self(users))
    }

    /// Entries that no password matches, which is worth a warning.
    pub(crate) fn hopeless(file: Option<&Path>, list: &[Secret]) -> Vec<Problem> {
        let warning = |path: String, name: &str| {
            let message =
                format!("no password matches the user `{name}`: what follows is no hash of a known kind");
            Problem::warning("hopeless_hash", message)
                .with_path(path)
                .hint("make one with `htpasswd -nB`, or use one that begins with `$apr1$`, `$2y$` or `{SHA}`")
        };
        let name_of = |line: &str| entry(line).filter(|(_, hash)| !hash.can_match()).map(|(name, _)| name);
        let text = file.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let of_file = lines.filter_map(name_of).map(|name| warning("usersFile".to_owned(), &name));
        let of_list = list.iter().enumerate().filter_map(|(index, line)| {
            name_of(line.expose()).map(|name| warning(format!("users[{index}]"), &name))
        });
        of_file.chain(of_list).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Hash> {
        self.0.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// The hash to compute for somebody who is not in the list, so that the time tells nobody: the slowest.
    pub(crate) fn decoy(&self) -> Option<&Hash> {
        self.0.values().max_by_key(|hash| hash.slowness())
    }
}

/// Exactly two parts.
fn entry(line: &str) -> Option<(Box<str>, Hash)> {
    let (name, hash) = line.split_once(':')?;
    (!hash.contains(':')).then(|| (name.into(), Hash::parse(hash)))
}

// === impl Hash ===

impl Hash {
    fn parse(text: &str) -> Self {
        let secret = Secret::from(text);
        if text.starts_with("{SHA}") {
            Self::Sha(secret)
        } else if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|kind| text.starts_with(kind)) {
            Self::Bcrypt(secret)
        } else {
            // Traefik takes all else for MD5-crypt, so clear text matches nothing.
            Self::Md5(secret)
        }
    }

    /// Is the password the one that was hashed? Slow, unless [`Hash::is_fast`].
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Sha(hash) => {
                let digest = STANDARD.encode(Sha1::digest(password));
                let given = hash.expose().strip_prefix("{SHA}").unwrap_or_default();
                same(digest.as_bytes(), given.as_bytes())
            }
            Self::Bcrypt(hash) => bcrypt::verify(password, hash.expose()).unwrap_or(false),
            Self::Md5(hash) => match md5_crypt::parts(hash.expose()) {
                Some((magic, salt)) => {
                    let computed = md5_crypt::hash(password, magic, salt);
                    same(computed.as_bytes(), hash.expose().as_bytes())
                }
                None => false,
            },
        }
    }

    /// So fast that handing it to another thread would cost more.
    pub(crate) fn is_fast(&self) -> bool {
        matches!(self, Self::Sha(_)) || !self.can_match()
    }

    fn can_match(&self) -> bool {
        match self {
            Self::Sha(hash) => hash.expose().len() == "{SHA}".len() + 28,
            // Two characters of kind, the cost, 53 of salt and hash.
            Self::Bcrypt(hash) => hash.expose().len() == 60,
            Self::Md5(hash) => md5_crypt::parts(hash.expose()).is_some(),
        }
    }

    fn slowness(&self) -> u32 {
        match self {
            _ if !self.can_match() => 0,
            Self::Sha(_) => 1,
            Self::Md5(_) => 2,
            Self::Bcrypt(hash) => {
                let cost = hash.expose().split('$').nth(2).and_then(|cost| cost.parse::<u32>().ok());
                cost.unwrap_or(0).saturating_add(3)
            }
        }
    }
}

/// Equality that takes as long wherever the first difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |seen, (a, b)| seen | (a ^ b));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "abcdefghijklmnopqrstuu0ENpmcJRhIx6H6JtC9EISE6O3PFQS0G";

    fn check(hash: &str, password: &str, wanted: bool) {
        assert_eq!(Hash::parse(hash).matches(password.as_bytes()), wanted, "{hash}");
    }

    #[test]
    fn knows_the_kinds() {
        for (hash, password) in [
            ("$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ.", "apr-pass"),
            ("$1$saltsalt$FKHgTyqFOookmXImT/Dsu/", "md5-pass"),
            ("{SHA}xO2etOilyqtV8o1RvvnmkeBx7QI=", "sha-pass"),
        ] {
            check(hash, password, true);
            check(hash, &format!("{password}x"), false);
            check(hash, "", false);
            check(hash, hash, false);
        }
        for kind in ["$2a$", "$2b$", "$2x$", "$2y$"] {
            check(&format!("{kind}05${BCRYPT}"), "bc-pass", true);
            check(&format!("{kind}05${BCRYPT}"), "bc-passx", false);
        }
    }

    #[test]
    fn clear_text_and_other_kinds_never_match() {
        check("plain-pass", "plain-pass", false);
        check("", "", false);
        check("{SHA}", "", false);
        check("$5$saltsalt$x", "x", false);
        let sha512 = "$6$saltsalt$Hzv5ovWvSBoMtjL.BVx3OnzaiWN6reeO7wGZBqDE2UMEmiXqZGJLfHEqg4mT.HPMkeY9IgUKPBNDluiObR0oo/";
        check(sha512, "sha-pass", false);
        check("$2y$05$short", "x", false);
    }

    fn read(file: Option<&str>, list: &[&str]) -> Result<Users, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        if let Some(text) = file {
            std::fs::write(&path, text).unwrap();
        }
        let list: Vec<Secret> = list.iter().map(|&line| Secret::from(line)).collect();
        Users::read(file.map(|_| path.as_path()), &list)
    }

    #[test]
    fn a_file_may_have_comments_and_the_list_wins() {
        let users = read(Some("# a comment\n\n  a:{SHA}one  \nb:{SHA}two\n"), &["b:{SHA}three"]).unwrap();
        assert_eq!(users.get("a"), Some(&Hash::Sha("{SHA}one".into())));
        assert_eq!(users.get("b"), Some(&Hash::Sha("{SHA}three".into())));
        assert_eq!(users.get("# a comment"), None);
        assert_eq!(users.names().count(), 2);
    }

    #[test]
    fn names_mistakes() {
        let path = |result: Result<Users, Problem>| result.unwrap_err().path;
        assert_eq!(path(read(None, &["a:b", "no-colon-here"])), "users[1]");
        assert_eq!(path(read(None, &["a:b:c"])), "users[0]");
        assert_eq!(path(read(Some("a:b\nxyz\n"), &[])), "usersFile");
        assert_eq!(path(Users::read(Some(Path::new("/nowhere/users")), &[])), "usersFile");
        assert!(read(Some("# nobody"), &[]).is_err());
    }

    #[test]
    fn a_mistake_does_not_show_the_entry() {
        let problem = read(None, &["secret-without-colon"]).unwrap_err();
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }

    #[test]
    fn the_decoy_is_the_slowest() {
        let slow = format!("$2y$12${BCRYPT}");
        let users = read(
            None,
            &[
                "a:{SHA}xO2etOilyqtV8o1RvvnmkeBx7QI=",
                &format!("b:{slow}"),
                &format!("c:$2y$05${BCRYPT}"),
                "d:clear-text",
            ],
        );
        assert_eq!(users.unwrap().decoy(), Some(&Hash::Bcrypt(slow.as_str().into())));
    }
}
