//! The gateway from outside: the real binary, real sockets, and the rules of the house.
#![cfg(test)]

mod harness;

mod facts;
mod routing;
mod middlewares;
mod file_provider;
mod reload;
mod drain;

mod tidy;
