//! A client that writes what it is told and reads what comes, as slowly as it likes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct Client {
    socket: TcpStream,
    unread: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Asks on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    Client::connect(address).await?.ask(request).await
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let socket =
            timeout(PATIENCE, TcpStream::connect(address)).await.context("no connection in time")??;
        socket.set_nodelay(true)?;
        Ok(Self { socket, unread: Vec::new() })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request).await?;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(PATIENCE, self.socket.write_all(bytes)).await.context("the gateway reads nothing")??;
        Ok(())
    }

    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        Ok(self.timed_answer().await?.0)
    }

    /// A whole answer, and when its first bytes were there: of a stream the first chunk, else the head.
    pub(crate) async fn timed_answer(&mut self) -> Result<(Answer, Instant)> {
        let head = self.head().await?;
        let mut first = Instant::now();
        let mut body = Vec::new();
        if head.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await? {
                if body.is_empty() {
                    first = Instant::now();
                }
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = head.header("content-length") {
            body = self.take(length.parse()?).await?;
        } else {
            while self.more().await? {}
            body = std::mem::take(&mut self.unread);
        }
        Ok((Answer { head, body }, first))
    }

    pub(crate) async fn head(&mut self) -> Result<Head> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8(head)?;
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Ok(Head { status: status.context("no status line")?, headers: headers.collect() })
    }

    /// A piece of a chunked body; `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let size = String::from_utf8(self.until(b"\r\n").await?)?;
        let size = usize::from_str_radix(size.trim(), 16).context("a chunk begins with its size")?;
        let piece = self.take(size).await?;
        self.take(2).await?;
        Ok((size > 0).then_some(piece))
    }

    /// Says that nothing more is sent.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        Ok(self.socket.shutdown().await?)
    }

    /// Whether a part of an answer came.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Reads so many bytes of a body and forgets them.
    pub(crate) async fn skip(&mut self, length: usize) -> Result<()> {
        self.take(length).await.map(drop)
    }

    /// Whether the gateway closes without another byte, within a time.
    pub(crate) async fn is_closed_within(&mut self, time: Duration) -> bool {
        let closed = async { while matches!(self.socket.read_buf(&mut self.unread).await, Ok(1..)) {} };
        timeout(time, closed).await.is_ok()
    }

    async fn until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len()).await;
            }
            ensure!(self.more().await?, "closed after {} bytes", self.unread.len());
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            if !self.more().await? {
                bail!("closed in the middle of a body");
            }
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    async fn more(&mut self) -> Result<bool> {
        let read = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
        Ok(read.context("the gateway says nothing")?? > 0)
    }
}
