//! A value that is given in place, or by the path of a file that holds it.
//!
//! Traefik decides by looking: if a file of that name exists it is read, else the text is the content.

use std::borrow::Cow;
use std::path::Path;
use std::{fmt, fs, io};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::secret::REDACTED;

/// A path or the content itself.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct FileOrContent(String);

/// Endings of files that hold keys and certificates, so that a wrong path can be named in a message.
const PEM_ENDINGS: [&str; 5] = ["pem", "crt", "cer", "cert", "key"];

/// Longer than any path (`PATH_MAX` on Linux).
const LONGEST_PATH: usize = 4096;

impl FileOrContent {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was written, content included: not to be printed.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// The text is PEM itself.
    pub fn is_pem(&self) -> bool {
        self.0.contains("-----BEGIN ")
    }

    /// The path of the file, for reading and for watching, if such a file exists now.
    pub fn path(&self) -> Option<&Path> {
        let could_be =
            !self.0.is_empty() && self.0.len() < LONGEST_PATH && !self.is_pem() && !self.0.contains('\0');
        let path = Path::new(&self.0);
        (could_be && path.is_file()).then_some(path)
    }

    /// The file's content, or the text itself where no such file exists.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self.path() {
            Some(path) => fs::read(path),
            None => Ok(self.0.clone().into_bytes()),
        }
    }

    /// As [`read`](Self::read), but text that is neither a file nor PEM is a missing file: a mistyped path
    /// is named as such and not as a certificate that cannot be decoded.
    pub fn read_pem(&self) -> io::Result<Vec<u8>> {
        match self.path() {
            Some(path) => fs::read(path),
            None if self.is_pem() => Ok(self.0.clone().into_bytes()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such file, and not PEM itself")),
        }
    }

    /// The path where this is one, stars where it may be the content of a key.
    fn shown(&self) -> &str {
        let ending = Path::new(&self.0).extension().and_then(|ending| ending.to_str());
        let named_as_pem =
            ending.is_some_and(|ending| PEM_ENDINGS.contains(&ending)) && !self.0.contains('\n');
        if self.0.is_empty() || named_as_pem || self.path().is_some() { &self.0 } else { REDACTED }
    }
}

impl From<&str> for FileOrContent {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for FileOrContent {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for FileOrContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl fmt::Debug for FileOrContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.shown(), f)
    }
}

impl Serialize for FileOrContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl JsonSchema for FileOrContent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FileOrContent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "writeOnly": true,
            "description": "The path of a file, or its content."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_its_own_text_and_not_shown() {
        let key = FileOrContent::from("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        assert_eq!(key.path(), None);
        assert_eq!(key.read().unwrap(), key.as_written().as_bytes());
        assert_eq!(key.read_pem().unwrap(), key.as_written().as_bytes());
        assert_eq!(format!("{key} {key:?}"), "*** \"***\"");
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"***\"");
    }

    #[test]
    fn an_existing_file_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let file = FileOrContent::from(path);
        assert_eq!(file.path(), Some(Path::new(path)));
        assert!(file.read().unwrap().starts_with(b"[package]"));
        assert_eq!(file.to_string(), path);
    }

    #[test]
    fn a_missing_file_is_named() {
        let file = FileOrContent::from("/nowhere/tls.crt");
        assert_eq!(file.read().unwrap(), b"/nowhere/tls.crt");
        assert_eq!(file.read_pem().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(file.to_string(), "/nowhere/tls.crt");
    }
}
