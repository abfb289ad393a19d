//! A connection through a SOCKS 5 proxy (RFC 1928), with user and password where it wants them (RFC 1929).

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the connection to the proxy broke")]
    Io(#[from] io::Error),
    #[error("it does not speak SOCKS 5")]
    Version,
    #[error("it takes no way of authentication that we have")]
    Method,
    #[error("it does not accept the user and password")]
    Password,
    #[error("a user, password or host is longer than 255 bytes")]
    TooLong,
    #[error("it answered {0}")]
    Refused(u8),
}

/// Asks for a connection to a host, whose name the proxy looks up.
pub(super) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &str,
    port: u16,
    credentials: Option<(&str, &str)>,
) -> Result<(), Error> {
    let methods: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, PASSWORD],
    };
    say(stream, methods).await?;
    let [version, method] = read(stream).await?;
    if version != VERSION {
        return Err(Error::Version);
    }
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {}
        (PASSWORD, Some((user, password))) => authenticate(stream, user, password).await?,
        _ => return Err(Error::Method),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.push(NAME);
            push(&mut request, host)?;
        }
    }
    request.extend(port.to_be_bytes());
    say(stream, &request).await?;
    let [version, answer, _reserved, kind] = read(stream).await?;
    if version != VERSION {
        return Err(Error::Version);
    }
    if answer != 0 {
        return Err(Error::Refused(answer));
    }
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(stream).await?[0]),
        _ => return Err(Error::Version),
    };
    // The address and port it dials from; nobody needs them.
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await?;
    Ok(())
}

async fn authenticate(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    user: &str,
    password: &str,
) -> Result<(), Error> {
    let mut request = vec![1];
    push(&mut request, user)?;
    push(&mut request, password)?;
    say(stream, &request).await?;
    match read(stream).await? {
        [_, 0] => Ok(()),
        _ => Err(Error::Password),
    }
}

/// A text with its length in front.
fn push(request: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    request.push(u8::try_from(text.len()).map_err(|_too_long| Error::TooLong)?);
    request.extend_from_slice(text.as_bytes());
    Ok(())
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Error, connect};

    /// What is said, in turn with what the proxy answers.
    async fn check(
        host: &str,
        credentials: Option<(&str, &str)>,
        script: &[(&[u8], &[u8])],
    ) -> Result<(), Error> {
        let (mut ours, mut proxy) = tokio::io::duplex(1024);
        let play = async {
            for (said, answer) in script {
                let mut heard = vec![0; said.len()];
                proxy.read_exact(&mut heard).await.unwrap();
                assert_eq!(heard, *said);
                proxy.write_all(answer).await.unwrap();
            }
        };
        tokio::join!(connect(&mut ours, host, 443, credentials), play).0
    }

    #[tokio::test]
    async fn names_are_left_to_the_proxy() {
        let request = b"\x05\x01\x00\x03\x04shop\x01\xbb";
        let script: &[(&[u8], &[u8])] =
            &[(b"\x05\x01\x00", b"\x05\x00"), (request, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")];
        check("shop", None, script).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_is_shown_where_the_proxy_asks() {
        let script: &[(&[u8], &[u8])] = &[
            (b"\x05\x02\x00\x02", b"\x05\x02"),
            (b"\x01\x02me\x03pwd", b"\x01\x00"),
            (b"\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb", b"\x05\x00\x00\x03\x01x\x00\x00"),
        ];
        check("10.0.0.1", Some(("me", "pwd")), script).await.unwrap();
    }

    #[tokio::test]
    async fn refusals_are_told_apart() {
        let refused = check("a", None, &[(b"\x05\x01\x00", b"\x05\xff")]).await;
        assert!(matches!(refused, Err(Error::Method)));
        let script: &[(&[u8], &[u8])] =
            &[(b"\x05\x01\x00", b"\x05\x00"), (b"\x05\x01\x00\x03\x01a\x01\xbb", b"\x05\x05\x00\x01")];
        assert!(matches!(check("a", None, script).await, Err(Error::Refused(5))));
        let wrong: &[(&[u8], &[u8])] =
            &[(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x02me\x03pwd", b"\x01\x01")];
        assert!(matches!(check("a", Some(("me", "pwd")), wrong).await, Err(Error::Password)));
        assert!(matches!(check("a", None, &[(b"\x05\x01\x00", b"HT")]).await, Err(Error::Version)));
    }
}
