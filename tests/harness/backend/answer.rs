//! How an endpoint answers: well by default, badly where a test asks for it.

use std::io;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::Seen;
use crate::harness::connection::Stream;
use crate::harness::wire::Headers;

/// One answer. The default is 200 with what was seen, as JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Answer {
    status: Option<u16>,
    headers: Headers,
    body: Option<String>,
    /// Sent as chunks, one write each.
    chunks: Option<Vec<String>>,
    /// After the chunks.
    trailers: Headers,
    /// Statuses of 1xx answers sent first.
    early: Vec<u16>,
    /// These bytes and nothing else.
    raw: Option<String>,
    /// Not before `Backend::release`.
    hold: bool,
    close: Close,
}

/// When the endpoint closes the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Close {
    #[default]
    Never,
    /// Without an answer.
    Before,
    /// In the middle of the body it promised.
    Mid,
    /// After a whole answer, without having said so.
    After,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    pub(crate) fn raw(bytes: &str) -> Self {
        Self { raw: Some(bytes.to_owned()), ..Self::default() }
    }

    pub(crate) fn hold(mut self) -> Self {
        self.hold = true;
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn chunks(mut self, chunks: &[&str]) -> Self {
        self.chunks = Some(chunks.iter().map(|&chunk| chunk.to_owned()).collect());
        self
    }

    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn early(mut self, status: u16) -> Self {
        self.early.push(status);
        self
    }

    pub(crate) fn close(mut self, close: Close) -> Self {
        self.close = close;
        self
    }

    pub(super) fn held(&self) -> bool {
        self.hold
    }

    /// Sends it; false when the connection is to end.
    pub(super) async fn send(&self, io: &mut Stream, seen: &Seen, echo: &Value) -> io::Result<bool> {
        if self.close == Close::Before {
            return Ok(false);
        }
        if let Some(raw) = &self.raw {
            io.write_all(raw.as_bytes()).await?;
            return Ok(self.close != Close::After);
        }
        for status in &self.early {
            io.write_all(format!("HTTP/1.1 {status} Early\r\n\r\n").as_bytes()).await?;
        }
        let status = self.status.unwrap_or(200);
        let mut head = format!("HTTP/1.1 {status} Status\r\n");
        let typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        if self.body.is_none() && self.chunks.is_none() && !typed {
            head += "Content-Type: application/json\r\n";
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(chunks) = &self.chunks {
            return self.send_chunks(io, head, chunks).await;
        }
        let body = self.body.clone().unwrap_or_else(|| echo.to_string());
        self.send_sized(io, head, status, body.as_bytes(), seen.method == "HEAD").await
    }

    async fn send_chunks(&self, io: &mut Stream, mut head: String, chunks: &[String]) -> io::Result<bool> {
        head += "Transfer-Encoding: chunked\r\n";
        if !self.trailers.is_empty() {
            let names: Vec<&str> = self.trailers.iter().map(|(name, _)| name.as_str()).collect();
            head += &format!("Trailer: {}\r\n", names.join(", "));
        }
        io.write_all(format!("{head}\r\n").as_bytes()).await?;
        for chunk in chunks {
            io.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await?;
            io.flush().await?;
            if self.close == Close::Mid {
                return Ok(false);
            }
        }
        let trailers: String =
            self.trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        io.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).await?;
        Ok(self.close != Close::After)
    }

    async fn send_sized(
        &self,
        io: &mut Stream,
        mut head: String,
        status: u16,
        body: &[u8],
        is_head: bool,
    ) -> io::Result<bool> {
        let bodiless = matches!(status, 100..200 | 204 | 304);
        if !bodiless {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        if self.close == Close::Mid {
            bytes.extend(&body[..body.len() / 2]);
            io.write_all(&bytes).await?;
            return Ok(false);
        }
        if !bodiless && !is_head {
            bytes.extend(body);
        }
        io.write_all(&bytes).await?;
        io.flush().await?;
        Ok(self.close != Close::After)
    }
}
