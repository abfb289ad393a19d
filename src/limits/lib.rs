//! Limits kept in memory: how often a source may do something.
//!
//! - [`gcra`] the arithmetic of a token bucket, one number of state
//! - [`table`] that number for many sources, in memory of a fixed size
//! - [`buckets`] both together: one limit for all its sources
//!
//! Used by `middleware`. Reads no clock (time is passed in), awaits nothing, knows no request.
//!
//! Invariants: a source that is not in the table has a full bucket, so forgetting one whose bucket is full changes
//! nothing. No lock is held for longer than it takes to look at one set of slots. Memory never grows past the
//! table's size, however many sources there are.

pub mod buckets;
pub mod gcra;
pub mod table;

pub use crate::buckets::Buckets;
pub use crate::gcra::{Gcra, Verdict};
pub use crate::table::Table;
