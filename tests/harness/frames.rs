//! HTTP/2 by hand: header blocks and frames that no library would send.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::connection::{PATIENCE, Stream, dial};
use super::secure::ClientTls;
use super::wire::Reader;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GO_AWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const PADDED: u8 = 8;

/// One frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A whole answer.
    Answer(u16),
    /// The stream was reset, with this code.
    Reset(u32),
    /// The connection was, with this code.
    GoAway(u32),
    Closed,
    Silence,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block of literals, neither indexed nor compressed: names and values are whatever they are.
pub(crate) fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: &[(N, V)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        literal(&mut bytes, name.as_ref());
        literal(&mut bytes, value.as_ref());
    }
    bytes
}

fn literal(into: &mut Vec<u8>, text: &[u8]) {
    let mut left = text.len();
    if left < 127 {
        into.push(u8::try_from(left).unwrap());
    } else {
        into.push(127);
        left -= 127;
        while left >= 128 {
            into.push(u8::try_from(left % 128).unwrap() | 128);
            left /= 128;
        }
        into.push(u8::try_from(left).unwrap());
    }
    into.extend(text);
}

/// The 31 or 32 bits at this place of a payload; 0 when they are not there.
pub(crate) fn number(payload: &[u8], at: usize) -> u32 {
    payload.get(at..at + 4).map_or(0, |b| u32::from_be_bytes(b.try_into().unwrap()))
}

/// A connection on which a test says every frame.
pub(crate) struct Frames {
    reader: Reader<Stream>,
}

impl Frames {
    /// Opens one, with preface and settings.
    pub(crate) async fn open(address: SocketAddr, tls: Option<&ClientTls>) -> io::Result<Self> {
        let stream = dial(address, None).await?;
        let stream: Stream = match tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.clone().alpn(&["h2"]).connect(stream).await?.0),
        };
        let mut frames = Self { reader: Reader::new(stream) };
        frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await?;
        Ok(frames)
    }

    /// The other half: what an endpoint finds on a connection, once the preface has come.
    pub(crate) async fn accept(stream: Stream) -> io::Result<Self> {
        let mut frames = Self { reader: Reader::new(stream) };
        if frames.reader.exactly(PREFACE.len()).await? != PREFACE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        frames.send(&frame(SETTINGS, 0, 0, &[])).await?;
        Ok(frames)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.io.write_all(bytes).await?;
        self.reader.io.flush().await
    }

    /// The next frame; `None` when the peer closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let head = self.reader.exactly(9).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let payload = self.reader.exactly(usize::try_from(length).unwrap()).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// As `next`; none in time is a failure.
    pub(crate) async fn next_in_time(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.next()).await.expect("a frame, or the end")
    }

    /// Reads until this stream, or the connection, has come to its end.
    pub(crate) async fn end(&mut self, stream: u32) -> End {
        timeout(PATIENCE, self.until_end(stream)).await.unwrap_or(End::Silence)
    }

    async fn until_end(&mut self, stream: u32) -> End {
        let mut status = 0;
        while let Some(frame) = self.next().await {
            let code = |at: usize| number(&frame.payload, at);
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => {
                    drop(self.send(&self::frame(SETTINGS, ACK, 0, &[])).await)
                }
                PING if frame.flags & ACK == 0 => {
                    drop(self.send(&self::frame(PING, ACK, 0, &frame.payload)).await)
                }
                GO_AWAY if code(4) != 0 => return End::GoAway(code(4)),
                RST_STREAM if frame.stream == stream => {
                    // An answer that was complete may be followed by a reset that only says: send no more body.
                    return if status != 0 && code(0) == 0 {
                        End::Answer(status)
                    } else {
                        End::Reset(code(0))
                    };
                }
                HEADERS if frame.stream == stream && status == 0 => status = status_of(&frame),
                _ => {}
            }
            if frame.stream == stream
                && [HEADERS, DATA].contains(&frame.kind)
                && frame.flags & END_STREAM != 0
            {
                return End::Answer(status);
            }
        }
        End::Closed
    }
}

/// Sends one request made of these headers, and perhaps this body, and gives its end.
pub(crate) async fn ask<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    frames: &mut Frames,
    stream: u32,
    headers: &[(N, V)],
    body: Option<&[u8]>,
) -> End {
    let flags = END_HEADERS | if body.is_none() { END_STREAM } else { 0 };
    let mut bytes = frame(HEADERS, flags, stream, &block(headers));
    if let Some(body) = body {
        bytes.extend(frame(DATA, END_STREAM, stream, body));
    }
    if frames.send(&bytes).await.is_err() {
        return End::Closed;
    }
    frames.end(stream).await
}

/// The status in a header block: by the static table, or spelled out, perhaps with Huffman's code.
fn status_of(frame: &Frame) -> u16 {
    let mut block = frame.payload.as_slice();
    if frame.flags & PADDED != 0 {
        block = &block[1..];
    }
    while block.first().is_some_and(|b| b & 0xe0 == 0x20) {
        block = &block[1..];
    }
    let first = block[0];
    let index = if first & 0x80 != 0 { first & 0x7f } else { first & 0x3f };
    if first & 0x80 != 0 {
        return match index {
            8 => 200,
            9 => 204,
            10 => 206,
            11 => 304,
            12 => 400,
            13 => 404,
            14 => 500,
            _ => 0,
        };
    }
    digits(&block[1..])
}

/// Three digits as HPACK writes them: `0`, `1`, `2` in five bits, the others in six.
fn digits(text: &[u8]) -> u16 {
    let length = usize::from(text[0] & 0x7f);
    let bytes = &text[1..=length];
    if text[0] & 0x80 == 0 {
        return String::from_utf8_lossy(bytes).parse().unwrap_or_default();
    }
    let bits: String = bytes.iter().map(|b| format!("{b:08b}")).collect();
    let mut at = 0;
    let mut number = 0;
    for _ in 0..3 {
        let short = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let digit = if short < 3 { short } else { u16::from_str_radix(&bits[at..at + 6], 2).unwrap() - 22 };
        at += if short < 3 { 5 } else { 6 };
        number = number * 10 + digit;
    }
    number
}
