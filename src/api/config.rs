//! `api` and `ping`, as they are written. Traefik, "API" and "Ping".

use document::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `api`: what the gateway knows, for machines. Its presence switches it on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Serve it on the entry point `traefik` without authentication.
    pub insecure: bool,
    /// What its paths begin with.
    pub base_path: String,
    /// Serve the dashboard too. Not built yet.
    pub dashboard: bool,
    /// Serve `/debug` too. Not built yet.
    pub debug: bool,
    /// Told by `/api/version`, as the dashboard asks for it there.
    pub disable_dashboard_ad: bool,
    /// Likewise.
    pub dashboard_name: String,
}

/// `ping`: whether the gateway is ready. Its presence switches it on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ping {
    /// Where `/ping` is answered.
    pub entry_point: String,
    /// No route of its own: a router uses `ping@internal`.
    pub manual_routing: bool,
    /// The answer's status while draining.
    pub terminating_status_code: u16,
    /// Ours: as in Traefik, 200 unless draining, instead of 200 only when ready.
    pub legacy: bool,
}

// === impl Config ===

impl Config {
    /// Everything that is wrong with it by itself. Key paths begin below `api`.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.base_path.starts_with('/') {
            problems.push(Problem::field("basePath", "`basePath` must begin with `/`"));
        } else if self.insecure && self.base_path != "/" {
            let message = "`insecure` and a `basePath` cannot be used together";
            problems.push(Problem::field("basePath", message));
        }
        problems
    }
}

impl Ping {
    /// Everything that is wrong with it by itself. Key paths begin below `ping`.
    pub fn check(&self) -> Option<Problem> {
        let is_status = (100..=599).contains(&self.terminating_status_code);
        let message = || format!("{} is not an HTTP status", self.terminating_status_code);
        (!is_status).then(|| Problem::field("terminatingStatusCode", message()))
    }
}

// === defaults ===

impl Default for Config {
    fn default() -> Self {
        Self {
            insecure: false,
            base_path: "/".to_owned(),
            dashboard: true,
            debug: false,
            disable_dashboard_ad: false,
            dashboard_name: String::new(),
        }
    }
}

impl Default for Ping {
    fn default() -> Self {
        Self {
            entry_point: "traefik".to_owned(),
            manual_routing: false,
            terminating_status_code: 503,
            legacy: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_served() {
        let check = |insecure: bool, base_path: &str| {
            let config = Config { insecure, base_path: base_path.to_owned(), ..Config::default() };
            config.check().iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(check(true, "/"), "");
        assert_eq!(check(false, "/base"), "");
        assert_eq!(check(false, "base"), "`basePath` must begin with `/`");
        assert_eq!(check(true, "/base"), "`insecure` and a `basePath` cannot be used together");
        let ping = Ping { terminating_status_code: 42, ..Ping::default() };
        assert_eq!(ping.check().map(|problem| problem.message), Some("42 is not an HTTP status".to_owned()));
    }
}
