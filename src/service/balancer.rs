//! Strategies by which a load balancer chooses; each is one file below.

mod round_robin;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use round_robin::RoundRobin;

/// The catalogue of strategies, by Traefik's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Strategy {
    /// Weighted round robin.
    #[default]
    #[serde(rename = "wrr", alias = "", alias = "RoundRobin")]
    #[schemars(extend("x-aliases" = ["", "RoundRobin"]))]
    RoundRobin,
    /// The better of two random choices. Not served yet.
    #[serde(rename = "p2c")]
    P2c,
    /// Highest random weight by client. Not served yet.
    #[serde(rename = "hrw")]
    Rendezvous,
    /// Fastest answer. Not served yet.
    #[serde(rename = "leasttime")]
    LeastTime,
}

impl Strategy {
    /// Traefik's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "wrr",
            Self::P2c => "p2c",
            Self::Rendezvous => "hrw",
            Self::LeastTime => "leasttime",
        }
    }
}
