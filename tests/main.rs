//! The gateway from outside: the real binary, real sockets, and the rules of the house.
#![cfg(test)]

mod harness;

mod drain;
mod facts;
mod file_provider;
mod limits;
mod middlewares;
mod protocols;
mod reload;
mod routing;
mod smuggling;
mod tls;

mod tidy;
