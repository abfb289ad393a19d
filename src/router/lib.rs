//! Routing: from a rule's text to the route of a request or a connection.
//!
//! - [`rule`] the rule as data, its text, its evaluation · [`parser`] text → rule, over the tokens of `lexer`
//! - [`http`] and [`tcp`] the matchers of each language and the [`View`], [`TcpView`] they look at
//! - [`host`], [`path`], [`regexp`], `address`, `query` what matchers are made of
//! - [`table`] many rules → one index; `find` gives the entry of the highest rank whose rule holds
//!
//! Used by `dynamic` (parses) and `snapshot` (compiles). Reads nothing, awaits nothing.
//!
//! Invariants: a table gives what a scan over all rules by rank would give (see the property tests).
//! `find` allocates nothing, unless a rule compares escaped query values or text that is not UTF-8 with a pattern.
//! Neither a runtime nor an HTTP library is known here: a view is borrowed from whoever has the request.

pub mod host;
pub mod http;
pub mod parser;
pub mod path;
pub mod regexp;
pub mod rule;
pub mod table;
pub mod tcp;

mod address;
mod lexer;
mod query;

pub use host::HostPattern;
pub use http::{HttpMatcher, View, parse_http};
pub use parser::SyntaxError;
pub use path::{BadEscape, routing_path};
pub use regexp::Regexp;
pub use rule::{Matcher, Rule};
pub use table::{Entry, Index, Rank, Table, TcpTable};
pub use tcp::{TcpMatcher, TcpView, parse_tcp};
