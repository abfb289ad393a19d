//! Reading configuration text: bytes and a format become a value with places, or every problem in them.
//!
//! - [`problem`] one mistake: where, what, and a hint · [`name`] the nearest name, for hints
//! - [`pattern`] regular expressions as Go's `regexp` reads them
//! - [`scalar`] Traefik's scalars: durations, sizes, secrets, files or contents
//! - [`value`] a document as a tree with places · [`read`](mod@read) YAML, TOML, JSON → value · [`template`] Go
//!   templates, which are refused by name · [`source`] a text with its name: places → origins · `inside` the places
//!   of a scalar's characters · `redaction` what is not shown of it
//! - [`tree`] a value that is read from its text again when it is asked for
//! - [`schema`] value → a type, checked against the type's own JSON schema · [`deserialize`] the last step of it
//!
//! Used by every crate that has configuration. Knows no section and no object of it.
//!
//! Invariant: reading never stops at the first mistake it can go past, and never panics on input.

pub mod deserialize;
pub mod name;
pub mod pattern;
pub mod problem;
pub mod read;
pub mod scalar;
pub mod schema;
pub mod source;
pub mod template;
pub mod tree;
pub mod value;

mod inside;
mod redaction;

pub use deserialize::deserialize;
pub use problem::{Origin, Problem, Severity};
pub use read::{Format, parse, parse_documents};
pub use scalar::{ByteSize, Duration, FileOrContent, Secret};
pub use schema::Schema;
pub use source::Source;
pub use tree::Tree;
pub use value::{Kind, Member, Place, Value, locate};
