//! The gateway from outside: the real binary, real sockets, and the rules of the house.
//!
//! In the order in which a reader would ask: is it Traefik's behaviour, where do requests go, what happens to
//! them, where does it come from, what happens while it changes, what can go wrong, what is seen of it.
#![cfg(test)]

mod harness;

#[cfg(feature = "test-hooks")]
mod actors;
mod api;
mod cli;
mod data_plane;
mod drain;
mod entry_points;
mod facts;
mod file_provider;
mod limits;
mod manifests;
mod middlewares;
mod protocols;
mod proxies;
mod reasons;
mod reload;
mod routing;
mod smuggling;
mod telemetry;
mod tls;
mod upstreams;

mod tidy;
