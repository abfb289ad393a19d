//! ClientHellos whole, in pieces, and broken.

use rustls::pki_types::ServerName;

use super::*;
use crate::ClientConfig;
use crate::parameters;

/// A ClientHello as rustls makes it.
fn bytes(name: &str, alpn: &[&str]) -> Vec<u8> {
    let config = rustls::ClientConfig::builder_with_provider(parameters::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut conn = rustls::ClientConnection::new_with_alpn(config.into(), name, alpn).unwrap();
    let mut bytes = Vec::new();
    conn.write_tls(&mut bytes).unwrap();
    bytes
}

/// The same message in records of so many bytes.
fn fragmented(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes[RECORD_HEADER..].chunks(size) {
        out.extend([0x16, 3, 1]);
        out.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
        out.extend(chunk);
    }
    out
}

fn check(read: &[u8], sni: Option<&str>, alpn: &[&str]) {
    let alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    assert_eq!(peek(read), Peek::Hello(ClientHello { sni: sni.map(str::to_owned), alpn }));
}

#[test]
fn reads_name_and_protocols() {
    check(&bytes("Shop.Example", &["h2", "http/1.1"]), Some("shop.example"), &["h2", "http/1.1"]);
    check(&bytes("shop.example", &[]), Some("shop.example"), &[]);
    check(&bytes("192.0.2.1", &[]), None, &[]);
}

#[test]
fn what_follows_does_not_matter() {
    let mut read = bytes("a.test", &[]);
    read.extend(b"\x14\x03\x03\x00\x01\x01");
    check(&read, Some("a.test"), &[]);
}

#[test]
fn wants_more_until_the_last_byte() {
    for whole in [bytes("a.test", &["h2"]), fragmented(&bytes("a.test", &["h2"]), 7)] {
        for length in 0..whole.len() {
            assert_eq!(peek(&whole[..length]), Peek::NeedMore, "after {length} bytes");
        }
        check(&whole, Some("a.test"), &["h2"]);
    }
}

#[test]
fn a_message_may_be_spread_over_records() {
    for size in [1, 2, 3, 4, 5, 64, 200] {
        check(&fragmented(&bytes("a.test", &["h2"]), size), Some("a.test"), &["h2"]);
    }
}

#[test]
fn other_protocols_are_told_by_the_first_byte() {
    assert_eq!(peek(b""), Peek::NeedMore);
    assert_eq!(peek(b"G"), Peek::NotTls);
    assert_eq!(peek(b"SSH-2.0-"), Peek::NotTls);
    assert_eq!(peek(&[0, 0, 0, 8]), Peek::NotTls);
    assert_eq!(peek(&[0x80, 0x2e, 1]), Peek::Malformed("an SSL 2 hello"));
}

#[test]
fn nonsense_behind_a_good_beginning_is_refused() {
    let refused = |read: &[u8]| assert!(matches!(peek(read), Peek::Malformed(_)), "{read:?}");
    refused(&[0x16, 2]);
    refused(&[0x16, 3, 1, 0, 0]);
    refused(&[0x16, 3, 1, 0xff, 0xff]);
    refused(&[0x16, 3, 1, 0, 1, 2]); // a ServerHello
    refused(&[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]); // 16 MiB
    refused(&[0x16, 3, 1, 0, 4, 1, 0, 0, 0]); // nothing in it
    refused(&[0x16, 3, 1, 0, 1, 1, 0x17, 3, 3]); // application data in the middle
}

#[test]
fn any_damaged_byte_is_answered() {
    let whole = bytes("a.test", &["h2", "http/1.1"]);
    for index in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[index] ^= flip;
            // Whatever it says, it neither panics nor runs on.
            let _ = peek(&damaged);
        }
    }
}

#[test]
fn a_dot_at_the_end_is_no_part_of_the_name() {
    let mut list = vec![HOST_NAME, 0, 7];
    list.extend(b"A.TEST.");
    assert_eq!(server_name(Reader(&list)), Some(Some("a.test".to_owned())));
    assert_eq!(server_name(Reader(&[])), Some(None));
    assert_eq!(server_name(Reader(&[HOST_NAME, 0, 7, 1])), None);
    assert_eq!(server_name(Reader(&[HOST_NAME, 0, 1, 0xff])), None);
}

#[tokio::test]
async fn reads_what_our_own_client_sends() {
    let connector = ClientConfig::default().build().unwrap();
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let read = async {
        let mut read = Vec::new();
        loop {
            tokio::io::AsyncReadExt::read_buf(&mut far, &mut read).await.unwrap();
            if let Peek::Hello(hello) = peek(&read) {
                return hello;
            }
        }
    };
    tokio::select! {
        hello = read => assert_eq!(hello.sni.as_deref(), Some("up.test")),
        _ = connector.connect("up.test", &[b"h2"], near) => unreachable!("nobody answers"),
    }
}
