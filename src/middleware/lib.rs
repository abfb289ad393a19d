//! What happens to a request on its way: middlewares, one file each, with configuration, behaviour and tests.
//!
//! - [`Config`] the catalogue · `step`: [`Step`], a built middleware · `run`: [`run()`], the loop over a route's steps
//! - paths: [`add_prefix`], [`strip_prefix`], [`strip_prefix_regex`], [`replace_path`], [`replace_path_regex`]
//! - redirects: [`redirect_regex`], [`redirect_scheme`] · who may pass: [`basic_auth`], [`ip_allow_list`]
//! - [`headers`] custom, CORS and security headers · [`rate_limit`] so many requests · [`chain`] several under one name
//! - [`unbuilt`] kinds that are read and not built yet
//! - shared: [`client_source`] for whom a request counts · `networks` sets of addresses · `users` htpasswd ·
//!   [`hashing`] slow computations · `secret_key` · `path` escaped paths · `redirect` the answer that redirects
//!
//! Used by `dynamic` (lists configurations), `snapshot` (builds), `entrypoint` (runs).
//!
//! Invariants: a step is `Send + Sync` and cheap to clone; clones share state, such as the buckets of a limit.
//! A step has a request half and perhaps a response half; only one that must wait is awaited. The answer of a step
//! passes the response halves of the steps before it. Nothing here blocks a worker: a password hash is computed on
//! other threads, of which a full queue answers 503.

pub mod add_prefix;
pub mod basic_auth;
pub mod chain;
pub mod client_source;
pub mod hashing;
pub mod headers;
pub mod ip_allow_list;
mod networks;
mod path;
pub mod rate_limit;
mod redirect;
pub mod redirect_regex;
pub mod redirect_scheme;
pub mod replace_path;
pub mod replace_path_regex;
mod run;
mod secret_key;
mod step;
pub mod strip_prefix;
pub mod strip_prefix_regex;
pub mod unbuilt;
mod users;

use std::path::PathBuf;

use document::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hashing::Hashing;
use crate::step::Action;
use crate::unbuilt::{Plugins, Unbuilt};

pub use crate::run::run;
pub use crate::step::Step;
pub(crate) use crate::step::{Flow, refuse_path, replaced, status_text, stripped};

/// A middleware as a document has it: exactly one kind, under its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Config {
    AddPrefix(add_prefix::Config),
    BasicAuth(basic_auth::Config),
    Chain(chain::Config),
    Headers(Box<headers::Config>),
    IpAllowList(ip_allow_list::Config),
    /// Old name of `ipAllowList`.
    IpWhiteList(ip_allow_list::OldConfig),
    RateLimit(rate_limit::Config),
    RedirectRegex(redirect_regex::Config),
    RedirectScheme(redirect_scheme::Config),
    ReplacePath(replace_path::Config),
    ReplacePathRegex(replace_path_regex::Config),
    StripPrefix(strip_prefix::Config),
    StripPrefixRegex(strip_prefix_regex::Config),
    // Not built yet.
    Buffering(Unbuilt),
    CircuitBreaker(Unbuilt),
    Compress(Unbuilt),
    ContentType(Unbuilt),
    DigestAuth(Unbuilt),
    EncodedCharacters(Unbuilt),
    Errors(Unbuilt),
    ForwardAuth(Unbuilt),
    GrpcWeb(Unbuilt),
    InFlightReq(Unbuilt),
    #[serde(rename = "passTLSClientCert")]
    PassTlsClientCert(Unbuilt),
    Retry(Unbuilt),
    Plugin(Plugins),
}

/// Resolves the names that a configuration holds.
pub trait Context {
    /// The steps of another middleware, as the one being built names it.
    ///
    /// # Errors
    /// When there is none of that name, or it is broken, or it refers back to the one being built.
    fn middleware(&self, name: &str) -> Result<Vec<Step>, Problem>;

    /// Where password hashes are computed.
    fn hashing(&self) -> Hashing {
        Hashing::shared()
    }
}

// === impl Config ===

impl Config {
    /// The kind's name in a document.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AddPrefix(_) => "addPrefix",
            Self::BasicAuth(_) => "basicAuth",
            Self::Chain(_) => "chain",
            Self::Headers(_) => "headers",
            Self::IpAllowList(_) => "ipAllowList",
            Self::IpWhiteList(_) => "ipWhiteList",
            Self::RateLimit(_) => "rateLimit",
            Self::RedirectRegex(_) => "redirectRegex",
            Self::RedirectScheme(_) => "redirectScheme",
            Self::ReplacePath(_) => "replacePath",
            Self::ReplacePathRegex(_) => "replacePathRegex",
            Self::StripPrefix(_) => "stripPrefix",
            Self::StripPrefixRegex(_) => "stripPrefixRegex",
            Self::Buffering(_) => "buffering",
            Self::CircuitBreaker(_) => "circuitBreaker",
            Self::Compress(_) => "compress",
            Self::ContentType(_) => "contentType",
            Self::DigestAuth(_) => "digestAuth",
            Self::EncodedCharacters(_) => "encodedCharacters",
            Self::Errors(_) => "errors",
            Self::ForwardAuth(_) => "forwardAuth",
            Self::GrpcWeb(_) => "grpcWeb",
            Self::InFlightReq(_) => "inFlightReq",
            Self::PassTlsClientCert(_) => "passTLSClientCert",
            Self::Retry(_) => "retry",
            Self::Plugin(_) => "plugin",
        }
    }

    /// The steps of this middleware; a chain has those of its members. `name` is the one with its provider.
    ///
    /// # Errors
    /// What is wrong in the configuration, with the key path from the kind on.
    pub fn build(&self, name: &str, context: &dyn Context) -> Result<Vec<Step>, Problem> {
        let action = match self {
            Self::Chain(config) => return config.build(context).map_err(|problem| self.complete(problem)),
            Self::AddPrefix(config) => config.build().map(Action::from),
            Self::BasicAuth(config) => config.build(context.hashing()).map(Action::from),
            Self::Headers(config) => config.build().map(Action::from),
            Self::IpAllowList(config) => config.build().map(Action::from),
            Self::IpWhiteList(config) => ip_allow_list::Config::from(config).build().map(Action::from),
            Self::RateLimit(config) => config.build().map(Action::from),
            Self::RedirectRegex(config) => config.build().map(Action::from),
            Self::RedirectScheme(config) => config.build().map(Action::from),
            Self::ReplacePath(config) => config.build().map(Action::from),
            Self::ReplacePathRegex(config) => config.build().map(Action::from),
            Self::StripPrefix(config) => config.build().map(Action::from),
            Self::StripPrefixRegex(config) => config.build().map(Action::from),
            Self::Plugin(plugins) => Err(unsupported_plugin(plugins)),
            Self::Buffering(_)
            | Self::CircuitBreaker(_)
            | Self::Compress(_)
            | Self::ContentType(_)
            | Self::DigestAuth(_)
            | Self::EncodedCharacters(_)
            | Self::Errors(_)
            | Self::ForwardAuth(_)
            | Self::GrpcWeb(_)
            | Self::InFlightReq(_)
            | Self::PassTlsClientCert(_)
            | Self::Retry(_) => Err(self.unsupported()),
        };
        let action = action.map_err(|problem| self.complete(problem))?;
        Ok(vec![Step::new(name, self.kind(), action)])
    }

    /// What can be built and is hardly meant. Key paths begin with the kind.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        match self {
            Self::BasicAuth(config) => {
                config.warnings().into_iter().map(|problem| problem.under(self.kind())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Files that the built steps depend on beside the configuration: equal configurations do not make equal steps.
    #[must_use]
    pub fn reads_files(&self) -> Vec<PathBuf> {
        match self {
            Self::BasicAuth(config) => config.users_file().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The problem with its path from the kind on; one of another object is left alone.
    fn complete(&self, problem: Problem) -> Problem {
        if problem.object.is_some() { problem } else { problem.under(self.kind()) }
    }

    fn unsupported(&self) -> Problem {
        let message = format!("the middleware kind `{}` is not supported yet", self.kind());
        Problem::error("unsupported_middleware", message)
    }
}

fn unsupported_plugin(plugins: &Plugins) -> Problem {
    let names: Vec<String> = plugins.keys().map(|name| format!("`{name}`")).collect();
    let message = match names.as_slice() {
        [] => "plugins are not supported".to_owned(),
        names => format!("plugins are not supported: {}", names.join(", ")),
    };
    Problem::error("unsupported_middleware", message)
}

/// For serde: leave out what says nothing.
pub(crate) fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
