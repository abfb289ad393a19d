//! String literals of Go: raw between backticks, or interpreted between double quotes.

/// A broken literal: what is wrong, and where in bytes from its start.
pub(super) struct Mistake {
    pub(super) range: (usize, usize),
    pub(super) message: String,
}

/// Reads the literal a text begins with: its value and its length.
pub(super) fn string(text: &str) -> Result<(String, usize), Mistake> {
    match text.strip_prefix('`') {
        Some(rest) => raw(rest),
        None => interpreted(text.strip_prefix('"').unwrap_or(text)),
    }
}

fn raw(rest: &str) -> Result<(String, usize), Mistake> {
    let Some((value, _)) = rest.split_once('`') else {
        return Err(not_closed());
    };
    // Go drops carriage returns, so that a file means the same with either kind of line end.
    Ok((value.replace('\r', ""), value.len() + 2))
}

fn interpreted(rest: &str) -> Result<(String, usize), Mistake> {
    let mut value = Vec::new();
    let mut chars = rest.chars();
    loop {
        let position = rest.len() - chars.as_str().len() + 1;
        match chars.next() {
            None | Some('\n') => return Err(not_closed()),
            Some('"') => {
                let length = position + 1;
                // Traefik: such a rule is accepted and its string compared byte by byte; hosts, paths and header
                // values are text here.
                let value = String::from_utf8(value).map_err(|_| Mistake {
                    range: (0, length),
                    message: "string is not valid UTF-8".to_owned(),
                })?;
                return Ok((value, length));
            }
            Some('\\') => {
                let escape = chars.as_str();
                let Some(length) = unescape(escape, &mut value) else {
                    let width = 1 + escape.chars().next().map_or(0, char::len_utf8);
                    return Err(Mistake {
                        range: (position, position + width),
                        message: format!("unknown escape `\\{}`", escape.chars().take(1).collect::<String>()),
                    });
                };
                chars = escape.get(length..).unwrap_or_default().chars();
            }
            Some(c) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Reads what follows a backslash: writes its bytes, gives its length.
fn unescape(escape: &str, value: &mut Vec<u8>) -> Option<usize> {
    let byte = match escape.bytes().next()? {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        c @ (b'\\' | b'"') => c,
        b'x' => return push_byte(number(escape, 1, 2, 16)?, value, 3),
        b'0'..=b'7' => return push_byte(number(escape, 0, 3, 8)?, value, 3),
        b'u' => return push_char(number(escape, 1, 4, 16)?, value, 5),
        b'U' => return push_char(number(escape, 1, 8, 16)?, value, 9),
        _ => return None,
    };
    value.push(byte);
    Some(1)
}

fn number(escape: &str, start: usize, digits: usize, radix: u32) -> Option<u32> {
    let digits = escape.get(start..start + digits)?;
    // `from_str_radix` would take a sign.
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

fn push_byte(code: u32, value: &mut Vec<u8>, length: usize) -> Option<usize> {
    value.push(u8::try_from(code).ok()?);
    Some(length)
}

fn push_char(code: u32, value: &mut Vec<u8>, length: usize) -> Option<usize> {
    let c = char::from_u32(code)?;
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(length)
}

fn not_closed() -> Mistake {
    Mistake { range: (0, 1), message: "string is not closed".to_owned() }
}
