//! Sockets that systemd has bound for us, by the name of their entry point: `sd_listen_fds(3)`.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The first descriptor that is passed.
const FIRST: i32 = 3;

/// What is passed: descriptors by name.
type Passed = BTreeMap<String, Vec<i32>>;

/// The sockets that are passed to this process.
#[derive(Debug, Default)]
pub(super) struct Activation(Passed);

// === impl Activation ===

impl Activation {
    /// What the environment says.
    pub(super) fn of(env: impl Iterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> =
            env.filter(|(name, _)| name.starts_with("LISTEN_")).collect();
        let get = |name: &str| variables.get(name).map(String::as_str);
        let is_ours = get("LISTEN_PID").is_some_and(|pid| pid == getpid().to_string());
        let count = get("LISTEN_FDS").and_then(|count| count.parse().ok()).filter(|_| is_ours);
        Self(passed(count.unwrap_or(0), get("LISTEN_FDNAMES").unwrap_or_default()))
    }

    /// The socket of an entry point.
    ///
    /// # Errors
    /// When there are several, or it cannot be had.
    pub(super) fn take(&mut self, entry_point: &str) -> io::Result<Option<TcpListener>> {
        match self.0.remove(entry_point).as_deref() {
            None | Some([]) => Ok(None),
            Some(&[descriptor]) => {
                // A number becomes a descriptor by asking the kernel: one that is owned, whoever else has the number.
                let own = pidfd_open(getpid(), PidfdFlags::empty())?;
                let socket = pidfd_getfd(own, descriptor, PidfdGetfdFlags::empty())?;
                Ok(Some(socket.into()))
            }
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "several sockets have its name")),
        }
    }

    /// Names that no entry point has.
    pub(super) fn left(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// As Go's library for it names those that have no name.
fn passed(count: i32, names: &str) -> Passed {
    let mut names = names.split(':');
    let mut passed = Passed::new();
    for descriptor in FIRST..FIRST.saturating_add(count) {
        let name = names.next().filter(|name| !name.is_empty());
        let name = name.map_or_else(|| format!("LISTEN_FD_{descriptor}"), str::to_owned);
        passed.entry(name).or_default().push(descriptor);
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_the_names_they_are_given() {
        let check = |count, names: &str, wanted: &[(&str, &[i32])]| {
            let wanted: Passed =
                wanted.iter().map(|(name, list)| ((*name).to_owned(), list.to_vec())).collect();
            assert_eq!(passed(count, names), wanted, "{names}");
        };
        check(0, "web", &[]);
        check(2, "web:websecure", &[("web", &[3]), ("websecure", &[4])]);
        check(3, "web:web", &[("web", &[3, 4]), ("LISTEN_FD_5", &[5])]);
        check(-1, "", &[]);
    }

    #[test]
    fn what_is_passed_to_others_is_not_ours() {
        let variables = [("LISTEN_PID", "1"), ("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", "web")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(Activation::of(variables.into_iter()).left().count(), 0);
    }
}
