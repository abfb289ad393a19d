//! What commands say: on the standard output what was asked for, on the standard error what went wrong.
//!
//! A reader that has gone away, as `head` does, is no failure.

use std::fmt::Display;
use std::io::Write;

/// A line on the standard output.
pub(crate) fn say(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _unread = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line on the standard error.
pub(crate) fn complain(text: impl Display) {
    let _unread = writeln!(std::io::stderr().lock(), "{text}");
}
