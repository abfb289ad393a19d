//! What follows a backslash, in and out of a class.

use super::{PatternError, take_char};

/// After `\`: takes a class — `d`, `w`, `s`, `pL`, `p{Greek}` and their opposites — and writes it in brackets, or as
/// the engine's own Unicode class. False, with nothing taken, for any other escape.
pub(super) fn class(rest: &mut &str, out: &mut String) -> Result<bool, PatternError> {
    let mut ahead = *rest;
    // Spelled out, since the engine's own are Unicode. Go's `\s` is without the vertical tab.
    let written = match take_char(&mut ahead) {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('w') => "[0-9A-Za-z_]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('s') => "[\\t\\n\\f\\r ]",
        Some('S') => "[^\\t\\n\\f\\r ]",
        Some(sign @ ('p' | 'P')) => {
            out.push_str(&unicode(sign, &mut ahead)?);
            ""
        }
        _ => return Ok(false),
    };
    out.push_str(written);
    *rest = ahead;
    Ok(true)
}

/// After `\p`: one letter, or a name in braces. Go writes `\p{^Greek}` too.
fn unicode(sign: char, rest: &mut &str) -> Result<String, PatternError> {
    let invalid = |text: &str| PatternError::Class(format!("\\{sign}{text}"));
    let before = *rest;
    let name = match take_char(rest) {
        Some('{') => {
            let (name, after) = rest.split_once('}').ok_or_else(|| invalid(before))?;
            *rest = after;
            name
        }
        Some(c) => before.get(..c.len_utf8()).unwrap_or_default(),
        None => return Err(invalid("")),
    };
    let (name, negated) = match name.strip_prefix('^') {
        Some(name) => (name, sign == 'p'),
        None => (name, sign == 'P'),
    };
    if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
        return Err(invalid(before));
    }
    Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
}

/// After `\`: one character — octal, hexadecimal, a control letter, or itself if it is ASCII punctuation.
pub(super) fn character(rest: &mut &str) -> Result<char, PatternError> {
    let before = *rest;
    let invalid = || PatternError::Escape(format!("\\{}", before.chars().take(1).collect::<String>()));
    let c = take_char(rest).ok_or_else(invalid)?;
    match c {
        '0'..='7' => octal(c, rest).ok_or_else(invalid),
        'x' => hexadecimal(rest).ok_or_else(invalid),
        'a' => Ok('\x07'),
        'f' => Ok('\x0C'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\x0B'),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
        _ => Err(invalid()),
    }
}

/// Up to three octal digits. A single one but `\0` would be a back-reference, which does not exist.
fn octal(first: char, rest: &mut &str) -> Option<char> {
    let mut value = first.to_digit(8)?;
    let more = rest.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if more == 0 && first != '0' {
        return None;
    }
    for _ in 0..more {
        value = value * 8 + take_char(rest)?.to_digit(8)?;
    }
    char::from_u32(value)
}

/// After `\x`: two digits, or any number of them in braces.
fn hexadecimal(rest: &mut &str) -> Option<char> {
    let (digits, after) = match rest.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => rest.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    *rest = after;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
