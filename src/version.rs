//! `portcullis version` — in the shape of Traefik's.

use std::fmt::Write as _;

/// What is known of this build.
pub(crate) fn text() -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _infallible = writeln!(text, "{label:<14}{value}");
    };
    line("Version:", env!("CARGO_PKG_VERSION"));
    if let Some(commit) = option_env!("PORTCULLIS_COMMIT").filter(|commit| !commit.is_empty()) {
        line("Commit:", commit);
    }
    line("Rust version:", env!("PORTCULLIS_RUSTC"));
    line("OS/Arch:", &format!("{}/{}", std::env::consts::OS, architecture()));
    text.truncate(text.trim_end().len());
    text
}

/// As Go calls it, which is what Traefik prints.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_the_shape_of_traefiks() {
        let text = super::text();
        assert!(text.starts_with("Version:      0."), "{text}");
        assert!(text.contains("\nRust version: 1."), "{text}");
        assert!(text.contains("\nOS/Arch:      linux/"), "{text}");
    }
}
