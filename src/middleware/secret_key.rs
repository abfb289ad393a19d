//! A secret of this process, for digests and random texts that nobody outside can foresee.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use sha1::{Digest, Sha1};

/// A key that nobody else knows.
///
/// SHA-1 under a secret key: its known weakness, collisions, needs an attacker who knows the key.
pub(crate) struct SecretKey {
    key: [u8; 32],
    counter: AtomicU64,
}

// === impl SecretKey ===

impl SecretKey {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        // The standard library takes these from the system's random source.
        let source = RandomState::new();
        for (index, chunk) in key.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&source.hash_one(index).to_ne_bytes());
        }
        Self { key, counter: AtomicU64::new(0) }
    }

    /// The digest of these parts. The same parts cut elsewhere give another one.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 20] {
        let mut sha1 = Sha1::new();
        sha1.update(self.key);
        for part in parts {
            sha1.update((part.len() as u64).to_be_bytes());
            sha1.update(part);
        }
        sha1.finalize().into()
    }

    /// Sixteen bytes, others each time.
    pub(crate) fn random(&self) -> [u8; 16] {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let digest = self.digest(&[b"random", &count.to_be_bytes()]);
        let mut random = [0; 16];
        random.iter_mut().zip(digest).for_each(|(out, byte)| *out = byte);
        random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_another_each_time() {
        let (a, b) = (SecretKey::new(), SecretKey::new());
        assert_ne!(a.digest(&[b"x"]), b.digest(&[b"x"]));
        assert_eq!(a.digest(&[b"x"]), a.digest(&[b"x"]));
        assert_ne!(a.digest(&[b"x", b"y"]), a.digest(&[b"xy", b""]));
        assert_ne!(a.random(), a.random());
    }
}
