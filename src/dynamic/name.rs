//! `auth@file`: names and whom they belong to. Traefik, "Provider namespace".
//!
//! A reference without `@` means an object of the provider that holds the reference.

use std::fmt;
use std::sync::Arc;

/// What separates a name from its provider; forbidden in names that users choose.
pub const SEPARATOR: char = '@';

/// A qualified name in its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a> {
    /// As the user wrote it.
    pub local: &'a str,
    pub provider: &'a str,
}

// === impl Name ===

impl<'a> Name<'a> {
    #[must_use]
    pub fn new(local: &'a str, provider: &'a str) -> Self {
        Self { local, provider }
    }

    /// `None` when no provider is named.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (local, provider) = text.rsplit_once(SEPARATOR)?;
        Some(Self { local, provider })
    }

    /// What `reference` means in a document of `provider`.
    #[must_use]
    pub fn resolve(reference: &'a str, provider: &'a str) -> Self {
        Self::parse(reference).unwrap_or(Self::new(reference, provider))
    }

    #[must_use]
    pub fn to_arc(self) -> Arc<str> {
        self.to_string().into()
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.local, self.provider)
    }
}

/// Has a reference its provider already?
#[must_use]
pub fn is_qualified(reference: &str) -> bool {
    reference.contains(SEPARATOR)
}

/// Completes a reference that an object of `provider` holds. An empty one stays empty: nothing is referred to.
pub fn qualify(reference: &mut String, provider: &str) {
    if !reference.is_empty() && !is_qualified(reference) {
        reference.push(SEPARATOR);
        reference.push_str(provider);
    }
}

/// The full name of TLS options or a TLS store: `default` is one for all providers and never qualified.
#[must_use]
pub fn qualified_tls(local: &str, provider: &str) -> Arc<str> {
    if local == tls::config::DEFAULT { local.into() } else { Name::resolve(local, provider).to_arc() }
}

/// As [`qualify`], for a reference to TLS options.
pub fn qualify_tls(reference: &mut String, provider: &str) {
    if reference != tls::config::DEFAULT {
        qualify(reference, provider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_belongs_to_the_holder() {
        assert_eq!(Name::resolve("auth", "file").to_string(), "auth@file");
        assert_eq!(Name::resolve("auth@kubernetescrd", "file").provider, "kubernetescrd");
        assert_eq!(Name::parse("auth"), None);
    }

    #[test]
    fn nothing_is_not_qualified() {
        let mut reference = String::new();
        qualify(&mut reference, "file");
        assert_eq!(reference, "");
    }

    #[test]
    fn default_tls_options_are_global() {
        assert_eq!(&*qualified_tls("default", "file"), "default");
        assert_eq!(&*qualified_tls("modern", "file"), "modern@file");
        let mut reference = "default".to_owned();
        qualify_tls(&mut reference, "file");
        assert_eq!(reference, "default");
    }
}
