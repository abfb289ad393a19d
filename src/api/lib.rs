//! What the gateway answers about itself: the API, probes, metrics.
//!
//! - [`config`] the sections `api` and `ping` · [`internal`] the routers that they and `metrics` ask for
//! - `routes` [`Api`]: paths → resources · `resources` routers, services, middlewares · `certificates`
//!   · `overview` counts and facts · `explain` what would happen to a request · `listing` search, order, pages · `query` decoded queries
//! - `probes` [`Probes`]: `/ping`, `/livez`, `/readyz`, `/startupz` · [`readiness`] what they ask
//! - `prometheus` [`Prometheus`]: a scrape · `desk` hands work to the control runtime
//!
//! Used by the root, which makes the handlers services of the snapshot (`api@internal` and its kin).
//!
//! Invariants: probes are answered on the worker, from atomics. Everything else is computed on the control
//! runtime, a bounded number at a time, and waited for with a deadline. Nothing here changes anything.

pub mod config;
pub mod internal;
pub mod readiness;

mod certificates;
mod desk;
mod explain;
mod listing;
mod overview;
mod probes;
mod prometheus;
mod query;
mod resources;
mod routes;

#[cfg(test)]
mod tests;

pub use crate::config::{Config, Ping};
pub use crate::overview::{Facts, Features};
pub use crate::probes::Probes;
pub use crate::prometheus::Prometheus;
pub use crate::readiness::{Readiness, Unready};
pub use crate::routes::Api;
