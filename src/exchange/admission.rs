//! What an entry point lets in, as far as a request's head decides it: asked of traffic, and by whoever explains
//! what would become of a request.

use http::{HeaderMap, HeaderName};

use crate::Kind;
use crate::canonical::Rules;

/// What one entry point wants done with heads. The default lets in and changes what Traefik's default does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    pub target: Rules,
    pub underscores: Underscores,
    pub encoded: EncodedCharacters,
}

/// What becomes of header names with underscores: the same word to a CGI-like service as the one with dashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    #[default]
    Keep,
    Delete,
    Reject,
}

/// Escapes that a path must not hold, as they stand in a canonical path: `%2F`, `%5C` …
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedCharacters {
    pub refused: Vec<&'static str>,
}

// === impl Underscores ===

impl Underscores {
    /// Leaves no such name, if they are not to be kept.
    ///
    /// # Errors
    /// When there is one and it is to be refused.
    pub fn apply(self, headers: &mut HeaderMap) -> Result<(), Kind> {
        match self {
            Self::Keep => Ok(()),
            Self::Reject if headers.keys().any(has_underscore) => Err(Kind::HeaderRefused),
            Self::Reject => Ok(()),
            Self::Delete => {
                let names: Vec<HeaderName> =
                    headers.keys().filter(|name| has_underscore(name)).cloned().collect();
                for name in names {
                    headers.remove(name);
                }
                Ok(())
            }
        }
    }
}

fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

// === impl EncodedCharacters ===

impl EncodedCharacters {
    /// Does the canonical path hold one of them?
    #[must_use]
    pub fn refuse(&self, path: &str) -> bool {
        !self.refused.is_empty()
            && path.contains('%')
            && self.refused.iter().any(|escape| path.contains(escape))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn underscores_are_kept_deleted_or_refused() {
        let done = |strategy: Underscores| {
            let names = ["x_a", "x-b"].map(HeaderName::from_static);
            let mut headers: HeaderMap =
                names.into_iter().map(|name| (name, HeaderValue::from_static("1"))).collect();
            strategy.apply(&mut headers).map(|()| headers.len())
        };
        assert_eq!(done(Underscores::Keep), Ok(2));
        assert_eq!(done(Underscores::Delete), Ok(1));
        assert_eq!(done(Underscores::Reject), Err(Kind::HeaderRefused));
    }

    #[test]
    fn escapes_are_refused_as_they_stand_in_a_canonical_path() {
        let encoded = EncodedCharacters { refused: vec!["%2F"] };
        assert!(encoded.refuse("/a%2Fb"));
        assert!(!encoded.refuse("/a%5Cb"));
        assert!(!EncodedCharacters::default().refuse("/a%2Fb"));
    }
}
