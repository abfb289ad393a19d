//! Character classes in brackets. Each is taken apart and written anew, so that nothing in it can mean a nested class
//! or a set operation to the engine.

use super::{PatternError, escape, take, take_char};

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// After `[`: takes the class up to its `]` and writes it.
pub(super) fn translate(rest: &mut &str, out: &mut String) -> Result<(), PatternError> {
    out.push_str(if take(rest, "^") { "[^" } else { "[" });
    let mut first = true;
    loop {
        // As the first thing in a class, `]` is a plain character.
        if !first && take(rest, "]") {
            out.push(']');
            return Ok(());
        }
        first = false;
        if posix(rest, out)? {
            continue;
        }
        if let Some(mut escaped) = rest.strip_prefix('\\')
            && escape::class(&mut escaped, out)?
        {
            *rest = escaped;
            continue;
        }
        range(rest, out)?;
    }
}

/// `[:name:]` or `[:^name:]`. Without a `:]` the bracket is a plain character.
fn posix(rest: &mut &str, out: &mut String) -> Result<bool, PatternError> {
    let Some((name, after)) = rest.strip_prefix("[:").and_then(|inside| inside.split_once(":]")) else {
        return Ok(false);
    };
    if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(PatternError::Class(format!("[:{name}:]")));
    }
    out.push_str("[:");
    out.push_str(name);
    out.push_str(":]");
    *rest = after;
    Ok(true)
}

/// One character, or two with a dash between. A dash before the closing bracket is a plain one.
fn range(rest: &mut &str, out: &mut String) -> Result<(), PatternError> {
    let low = character(rest)?;
    push(out, low);
    let is_range = rest.strip_prefix('-').is_some_and(|after| !after.is_empty() && !after.starts_with(']'));
    if is_range && take(rest, "-") {
        let high = character(rest)?;
        if high < low {
            return Err(PatternError::Class(format!("{low}-{high}")));
        }
        out.push('-');
        push(out, high);
    }
    Ok(())
}

fn character(rest: &mut &str) -> Result<char, PatternError> {
    match take_char(rest) {
        None => Err(PatternError::OpenClass),
        Some('\\') => escape::character(rest),
        Some(c) => Ok(c),
    }
}

fn push(out: &mut String, c: char) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}
