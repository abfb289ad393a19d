//! Session tickets: one rotating key for the process, one scope for each set of options.
//!
//! The key is shared by all workers and survives reloads, or else a client that lands on another worker could
//! not resume. A ticket from options without client authentication must not open a session under options with
//! it, so the scope is written into the sealed ticket and checked when it comes back ("STEK sharing is not
//! caring", 2023).

use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use crate::digest::Digest;

/// `None` only where the system has no randomness at start: then nothing is resumed.
static KEYS: LazyLock<Option<Arc<dyn ProducesTickets>>> = LazyLock::new(|| Ticketer::new().ok());

#[derive(Debug)]
pub(crate) struct ScopedTickets {
    scope: Digest,
}

impl ScopedTickets {
    pub(crate) fn new(scope: Digest) -> Self {
        Self { scope }
    }
}

impl ProducesTickets for ScopedTickets {
    fn enabled(&self) -> bool {
        KEYS.as_ref().is_some_and(|keys| keys.enabled())
    }

    fn lifetime(&self) -> u32 {
        KEYS.as_ref().map_or(0, |keys| keys.lifetime())
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let bound = [&self.scope[..], plain].concat();
        KEYS.as_ref()?.encrypt(&bound)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let bound = KEYS.as_ref()?.decrypt(cipher)?;
        bound.strip_prefix(&self.scope[..]).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_only_in_its_own_scope() {
        let (lax, strict) = (ScopedTickets::new([1; 32]), ScopedTickets::new([2; 32]));
        let ticket = lax.encrypt(b"session").unwrap();
        assert_eq!(lax.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(ScopedTickets::new([1; 32]).decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(strict.decrypt(&ticket), None);
        assert_eq!(strict.decrypt(b"garbage"), None);
    }
}
