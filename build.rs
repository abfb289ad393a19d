//! Tells `portcullis version` which compiler built it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_unset| "rustc".to_owned());
    let output = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let said = String::from_utf8_lossy(&output.unwrap_or_default()).into_owned();
    println!("cargo::rustc-env=PORTCULLIS_RUSTC={}", said.split_whitespace().nth(1).unwrap_or("unknown"));
}
