//! The endpoint as a WebSocket server: every message comes back.

use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Seen;
use crate::harness::connection::Stream;
use crate::harness::wire::Reader;

pub(super) async fn echo(mut reader: Reader<Stream>, seen: &Seen) -> io::Result<()> {
    let key = seen.values("Sec-WebSocket-Key").first().copied().unwrap_or_default().to_owned();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    reader.io.write_all(head.as_bytes()).await?;
    let mut socket = WebSocketStream::from_partially_read(reader.io, reader.buffer, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() || socket.send(message).await.is_err() {
            break;
        }
    }
    let _ = socket.close(None).await;
    Ok(())
}
