//! Traefik's scalars: durations, sizes, secrets, files or contents.
//!
//! Each reads what Traefik reads (`github.com/traefik/paerser/types`, `pkg/types/file_or_content.go`).

mod duration;
mod file_or_content;
mod secret;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

pub use duration::{Duration, DurationError};
pub use file_or_content::FileOrContent;
pub use secret::Secret;

/// A number of bytes. Traefik writes -1 for "no limit", so the sign is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ByteSize(pub i64);

impl ByteSize {
    /// The number, unless it is negative, which means no limit.
    pub fn limit(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl From<i64> for ByteSize {
    fn from(bytes: i64) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteSizeVisitor)
    }
}

struct ByteSizeVisitor;

impl de::Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes")
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        i64::try_from(bytes).map(ByteSize).map_err(|_| E::custom("the number of bytes is too large"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.trim().parse().map(ByteSize).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl JsonSchema for ByteSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "description": "A number of bytes." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_or_its_text() {
        let read = |text: &str| serde_json::from_str::<ByteSize>(text).map_err(|e| e.to_string());
        assert_eq!(read("1048576"), Ok(ByteSize(1_048_576)));
        assert_eq!(read("-1"), Ok(ByteSize(-1)));
        assert_eq!(read("\"64\""), Ok(ByteSize(64)));
        assert!(read("\"64k\"").is_err());
        assert_eq!(ByteSize(-1).limit(), None);
        assert_eq!(ByteSize(0).limit(), Some(0));
        assert_eq!(serde_json::to_string(&ByteSize(5)).unwrap(), "5");
    }
}
