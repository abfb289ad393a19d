//! MD5-crypt, as `htpasswd -m` (`$apr1$`) and old Unix systems (`$1$`) have it; a thousand rounds.

use md5::{Digest, Md5};

/// The alphabet of crypt, least significant digit first.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The order in which the digest's bytes are written, three to four digits.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Magic word and salt of `$magic$salt$hash`.
pub(super) fn parts(hash: &str) -> Option<(&str, &str)> {
    let mut parts = hash.strip_prefix('$')?.splitn(3, '$');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(magic), Some(salt), Some(_)) => Some((magic, salt)),
        _ => None,
    }
}

/// The whole of `$magic$salt$hash`.
pub(super) fn hash(password: &[u8], magic: &str, salt: &str) -> String {
    let mut digest = first(password, magic, salt);
    for round in 0..1000 {
        let mut md5 = Md5::new();
        let odd = round % 2 == 1;
        if odd {
            md5.update(password)
        } else {
            md5.update(digest)
        }
        if round % 3 != 0 {
            md5.update(salt);
        }
        if round % 7 != 0 {
            md5.update(password);
        }
        if odd {
            md5.update(digest)
        } else {
            md5.update(password)
        }
        digest = md5.finalize().into();
    }
    format!("${magic}${salt}${}", encode(&digest))
}

fn first(password: &[u8], magic: &str, salt: &str) -> [u8; 16] {
    let mut inner = Md5::new();
    inner.update(password);
    inner.update(salt);
    inner.update(password);
    let inner: [u8; 16] = inner.finalize().into();

    let mut md5 = Md5::new();
    md5.update(password);
    md5.update(format!("${magic}$"));
    md5.update(salt);
    md5.update(inner.iter().cycle().take(password.len()).copied().collect::<Vec<_>>());
    let mut bits = password.len();
    while bits > 0 {
        let byte = if bits & 1 == 1 { 0 } else { password.first().copied().unwrap_or(0) };
        md5.update([byte]);
        bits >>= 1;
    }
    md5.finalize().into()
}

fn encode(digest: &[u8; 16]) -> String {
    let byte = |index: usize| u32::from(digest.get(index).copied().unwrap_or(0));
    let mut out = String::with_capacity(22);
    for [high, middle, low] in ORDER {
        push(&mut out, byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    push(&mut out, byte(11), 2);
    out
}

fn push(out: &mut String, mut bits: u32, digits: usize) {
    for _ in 0..digits {
        let digit = usize::try_from(bits & 63).unwrap_or(0);
        out.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'.')));
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        for (password, wanted) in [
            ("apr-pass", "$apr1$saltsalt$tvnTM1G/rBiwizF/7yxDJ."),
            ("md5-pass", "$1$saltsalt$FKHgTyqFOookmXImT/Dsu/"),
            ("", "$apr1$abcdefgh$L.PT565ESX4Tp2bqNs7Ie."),
            ("a-rather-long-password-of-40-characters!", "$apr1$abc$DhYfDtsS5ACVXJsVVSNeY0"),
            ("é", "$1$x$IyT2FJT7pv0vKIR0z/IaI0"),
        ] {
            let (magic, salt) = parts(wanted).unwrap();
            assert_eq!(hash(password.as_bytes(), magic, salt), wanted);
        }
    }

    #[test]
    fn needs_three_parts() {
        assert_eq!(parts("$apr1$salt$hash"), Some(("apr1", "salt")));
        assert_eq!(parts("$apr1$salt"), None);
        assert_eq!(parts("plain"), None);
    }
}
