//! The query string, read pair by pair and only when a rule asks for it.

use std::borrow::Cow;

/// The values of a key, still escaped. Pairs with a broken escape or a semicolon are not there, as Go has it.
pub(crate) fn values<'q>(query: &'q str, key: &str) -> impl Iterator<Item = &'q str> {
    query.split('&').filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // An empty pair is none, even for an empty key.
        let is_wanted = !pair.is_empty() && equals(name, key);
        (is_wanted && !pair.contains(';') && is_sound(value)).then_some(value)
    })
}

/// Whether an escaped text is this one when decoded. One with a broken escape equals nothing.
pub(crate) fn equals(escaped: &str, text: &str) -> bool {
    if is_plain(escaped) {
        return escaped == text;
    }
    is_sound(escaped) && Decoded(escaped.as_bytes().iter()).eq(text.bytes())
}

/// The bytes of an escaped text.
pub(crate) fn decode(escaped: &str) -> Cow<'_, [u8]> {
    if is_plain(escaped) {
        return Cow::Borrowed(escaped.as_bytes());
    }
    Cow::Owned(Decoded(escaped.as_bytes().iter()).collect())
}

fn is_plain(escaped: &str) -> bool {
    !escaped.bytes().any(|b| matches!(b, b'%' | b'+'))
}

/// Whether two hexadecimal digits follow each percent sign.
fn is_sound(escaped: &str) -> bool {
    escaped.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Decodes a sound text, `+` as a space.
struct Decoded<'a>(std::slice::Iter<'a, u8>);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        match self.0.next()? {
            b'%' => Some((digit(*self.0.next()?)? << 4) | digit(*self.0.next()?)?),
            b'+' => Some(b' '),
            byte => Some(*byte),
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    fn check(query: &str, key: &str, expected: &[&str]) {
        let values: Vec<_> = super::values(query, key).map(|v| super::decode(v).into_owned()).collect();
        let values: Vec<_> = values.iter().map(|v| std::str::from_utf8(v).unwrap()).collect();
        assert_eq!(values, expected, "{query} {key}");
    }

    #[test]
    fn gives_each_value_of_the_key() {
        check("q=0&r=2&q=1&q&q=", "q", &["0", "1", "", ""]);
        check("", "q", &[]);
        check("Q=1", "q", &[]);
        check("q=a=b", "q", &["a=b"]);
    }

    #[test]
    fn decodes_keys_and_values() {
        check("%71=a+b%2B", "q", &["a b+"]);
        check("a+b=1", "a b", &["1"]);
    }

    #[test]
    fn drops_pairs_it_cannot_read() {
        check("z=%zz&q=1", "q", &["1"]);
        check("q=a%zz&q=%2", "q", &[]);
        check("q=a;b&q=c", "q", &["c"]);
    }
}
