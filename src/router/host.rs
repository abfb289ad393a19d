//! The name in `Host` and `HostSNI`: any, one name, or all names with one more label.

/// A host a rule names, lower-case and without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`: every host, and none at all.
    Any,
    /// Exactly this one.
    Exact(Box<str>),
    /// Exactly one label before this one; written `*.` and the name.
    Wildcard(Box<str>),
}

/// A name no host can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    #[error("non-ASCII characters are not allowed in a host")]
    NotAscii,
    #[error("the host has no name")]
    Empty,
}

// === impl HostPattern ===

impl HostPattern {
    /// Reads an ASCII name of a rule. A star anywhere but alone or as the first label is an ordinary character.
    pub(crate) fn parse(text: &str) -> Result<Self, BadHost> {
        if !text.is_ascii() {
            return Err(BadHost::NotAscii);
        }
        let name = undotted(text).to_ascii_lowercase();
        match name.as_str() {
            "*" if text == "*" => Ok(Self::Any),
            "" | "*" => Err(BadHost::Empty),
            _ if name.starts_with("*.") => Ok(Self::Wildcard(name.into())),
            _ => Ok(Self::Exact(name.into())),
        }
    }

    /// The name as a rule writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Exact(name) | Self::Wildcard(name) => name,
        }
    }

    /// Whether a lower-case host without port and brackets is meant. A final dot makes no difference.
    pub fn matches(&self, host: &str) -> bool {
        let host = undotted(host);
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Wildcard(name) => parent(host).is_some_and(|parent| name.get(2..) == Some(parent)),
        }
    }
}

/// Without a final dot.
pub(crate) fn undotted(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// What follows the first label, if there is one.
pub(crate) fn parent(host: &str) -> Option<&str> {
    host.split_once('.').filter(|(label, _)| !label.is_empty()).map(|(_, parent)| parent)
}
