//! What a ClientHello says, read from bytes that stay where they are (RFC 8446, 4.1.2; RFC 6066, 3; RFC
//! 7301).
//!
//! An entry point needs the name and the protocols before it knows who answers: a TCP service that gets these
//! bytes untouched, or a handshake under some options. So it gathers bytes, asks [`peek`], and passes all of
//! them on.

use std::borrow::Cow;

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek {
    /// Not enough to tell.
    NeedMore,
    /// A whole ClientHello.
    Hello(ClientHello),
    /// Some other protocol.
    NotTls,
    /// Begins like TLS and cannot be a ClientHello: to be closed.
    Malformed(&'static str),
}

/// What the client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The name in lower case, without a dot at its end.
    pub sni: Option<String>,
    /// The client's order.
    pub alpn: Vec<Vec<u8>>,
}

/// As much as rustls takes of one handshake message. It also bounds what must be gathered for [`peek`].
pub const MAX_HELLO: usize = 0xffff;

const RECORD_HEADER: usize = 5;
const MAX_RECORD: usize = 1 << 14;
const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const HOST_NAME: u8 = 0;

/// Looks at what has been read of a connection so far, from its first byte on.
pub fn peek(read: &[u8]) -> Peek {
    match read.first() {
        None => return Peek::NeedMore,
        Some(&HANDSHAKE) => {}
        // Traefik counts it as TLS as well, and nobody speaks it any more.
        Some(0x80) => return Peek::Malformed("an SSL 2 hello"),
        Some(_) => return Peek::NotTls,
    }
    let message = match first_message(read) {
        Ok(message) => message,
        Err(peek) => return peek,
    };
    match hello(&message) {
        Some(hello) => Peek::Hello(hello),
        None => Peek::Malformed("the ClientHello is damaged"),
    }
}

/// The body of the first handshake message, which may be spread over records.
fn first_message(read: &[u8]) -> Result<Cow<'_, [u8]>, Peek> {
    let mut rest = read;
    let mut joined: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    loop {
        let (payload, behind) = record(rest)?;
        if joined.is_empty() {
            joined = Cow::Borrowed(payload);
        } else {
            joined.to_mut().extend_from_slice(payload);
        }
        if let Some(length) = message_length(&joined)? {
            let body = match joined {
                Cow::Borrowed(bytes) => bytes.get(4..4 + length).map(Cow::Borrowed),
                Cow::Owned(bytes) => bytes.get(4..4 + length).map(|body| Cow::Owned(body.to_vec())),
            };
            return body.ok_or(Peek::NeedMore);
        }
        // Only the last record that was read may be incomplete.
        rest = behind;
    }
}

/// What there is of one record, and what follows it.
fn record(bytes: &[u8]) -> Result<(&[u8], &[u8]), Peek> {
    let mut reader = Reader(bytes);
    let kind = reader.u8().ok_or(Peek::NeedMore)?;
    if kind != HANDSHAKE {
        return Err(Peek::Malformed("a handshake that stops half-way"));
    }
    let major = reader.u8().ok_or(Peek::NeedMore)?;
    if major != 3 {
        return Err(Peek::Malformed("no version of TLS"));
    }
    reader.u8().ok_or(Peek::NeedMore)?;
    let length = usize::from(reader.u16().ok_or(Peek::NeedMore)?);
    if length == 0 || length > MAX_RECORD {
        return Err(Peek::Malformed("a record of impossible length"));
    }
    match bytes.split_at_checked(RECORD_HEADER + length) {
        Some((record, behind)) => Ok((record.get(RECORD_HEADER..).unwrap_or(&[]), behind)),
        None => Err(Peek::NeedMore),
    }
}

/// The length of the message's body once all of it is there.
fn message_length(message: &[u8]) -> Result<Option<usize>, Peek> {
    let mut reader = Reader(message);
    match reader.u8() {
        None => return Ok(None),
        Some(CLIENT_HELLO) => {}
        Some(_) => {
            return Err(Peek::Malformed("a handshake that does not begin with a ClientHello"));
        }
    }
    let Some(length) = reader.u24() else {
        return Ok(None);
    };
    if length > MAX_HELLO {
        return Err(Peek::Malformed("a ClientHello that is too long"));
    }
    Ok((reader.0.len() >= length).then_some(length))
}

fn hello(body: &[u8]) -> Option<ClientHello> {
    let mut reader = Reader(body);
    // Version and random.
    reader.take(2 + 32)?;
    let (_session, _suites, _compression) = (reader.vec8()?, reader.vec16()?, reader.vec8()?);
    let mut found = ClientHello::default();
    if reader.0.is_empty() {
        return Some(found);
    }
    let mut extensions = Reader(reader.vec16()?);
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let mut data = Reader(extensions.vec16()?);
        match kind {
            SERVER_NAME => found.sni = server_name(Reader(data.vec16()?))?,
            ALPN => found.alpn = protocols(Reader(data.vec16()?))?,
            _ => {}
        }
    }
    reader.0.is_empty().then_some(found)
}

/// The outer `None` is a damaged list; the inner one a list without a host name.
fn server_name(mut list: Reader<'_>) -> Option<Option<String>> {
    let mut found = None;
    while !list.0.is_empty() {
        let kind = list.u8()?;
        let name = list.vec16()?;
        if kind == HOST_NAME && found.is_none() {
            let name = std::str::from_utf8(name).ok()?;
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            found = Some(name).filter(|name| !name.is_empty());
        }
    }
    Some(found)
}

fn protocols(mut list: Reader<'_>) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    while !list.0.is_empty() {
        found.push(list.vec8()?.to_vec());
    }
    Some(found)
}

/// What is left to read. Every step gives `None` at the end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<usize> {
        let bytes = self.take(length)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn u8(&mut self) -> Option<u8> {
        self.number(1).and_then(|number| u8::try_from(number).ok())
    }

    fn u16(&mut self) -> Option<u16> {
        self.number(2).and_then(|number| u16::try_from(number).ok())
    }

    fn u24(&mut self) -> Option<usize> {
        self.number(3)
    }

    fn vec8(&mut self) -> Option<&'a [u8]> {
        self.number(1).and_then(|length| self.take(length))
    }

    fn vec16(&mut self) -> Option<&'a [u8]> {
        self.number(2).and_then(|length| self.take(length))
    }
}

#[cfg(test)]
mod tests;
