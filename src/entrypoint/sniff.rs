//! First bytes: a ClientHello with SNI and ALPN, HTTP/2 with prior knowledge, or HTTP/1.
//!
//! They are read into a buffer, never peeked at in the kernel, and go on from there into whatever takes over.

use std::io;

use tls::{ClientHello, Peek, peek};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// RFC 9113 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is read at once. Nearly every request head and ClientHello is smaller.
const FIRST_READ: usize = 4096;

/// What a connection begins with.
#[derive(Debug)]
pub(crate) enum Sniffed {
    Http1,
    Http2,
    Tls(ClientHello),
    /// Nothing that is spoken here.
    Refused(&'static str),
    /// The client closed without a word.
    Closed,
}

/// Reads until it is clear what is spoken. Dropping the future drops what was read.
///
/// # Errors
/// When the connection breaks.
pub(crate) async fn sniff(tcp: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Sniffed> {
    read.reserve(FIRST_READ);
    loop {
        if tcp.read_buf(read).await? == 0 {
            return Ok(Sniffed::Closed);
        }
        match peek(read) {
            Peek::Hello(hello) => return Ok(Sniffed::Tls(hello)),
            Peek::Malformed(why) => return Ok(Sniffed::Refused(why)),
            Peek::NeedMore if read.len() > tls::hello::MAX_HELLO => {
                return Ok(Sniffed::Refused("the ClientHello is too long"));
            }
            Peek::NeedMore => {}
            Peek::NotTls if is_preface(read) => return Ok(Sniffed::Http2),
            Peek::NotTls if PREFACE.starts_with(read) => {}
            Peek::NotTls => return Ok(Sniffed::Http1),
        }
    }
}

fn is_preface(read: &[u8]) -> bool {
    read.starts_with(PREFACE)
}
