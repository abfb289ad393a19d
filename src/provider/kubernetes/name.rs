//! Names of what is generated, exactly as Traefik makes them: metrics, dashboards and references depend on them.

use sha2::{Digest, Sha256};

/// Letters and digits, with one `-` for each run of anything else between them.
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for piece in text.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty()) {
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(piece);
    }
    name
}

/// The first ten bytes of the SHA-256 of a text, as 20 hex digits.
#[must_use]
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(10).fold(String::with_capacity(20), |mut hex, byte| {
        for half in [byte >> 4, byte & 0xf] {
            hex.extend(char::from_digit(u32::from(half), 16));
        }
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_other_characters_become_one_dash() {
        assert_eq!(normalize("shop-a.b/c__d"), "shop-a-b-c-d");
        assert_eq!(normalize("-default-bücher.example-"), "default-bücher-example");
        assert_eq!(normalize(""), "");
    }

    #[test]
    fn hashes_ten_bytes() {
        // echo -n 'Host(`a`)' | sha256sum | cut -c1-20
        assert_eq!(hash("").len(), 20);
        assert_eq!(hash(""), "e3b0c44298fc1c149afb");
    }
}
