//! A client that writes what it is told and reads answers byte by byte: no library corrects it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A POST with a body of a known length.
pub(crate) fn post(body: &str) -> String {
    format!("POST /v1/chat HTTP/1.1\r\nhost: gateway\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A POST for a model.
pub(crate) fn ask(model: &str) -> String {
    post(&format!(r#"{{"model":"{model}"}}"#))
}

/// A POST for a model whose answer is streamed.
pub(crate) fn ask_stream(model: &str) -> String {
    post(&format!(r#"{{"model":"{model}","stream":true}}"#))
}

/// A request without a body.
pub(crate) fn bare(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\n\r\n")
}

/// A request with a body of a known length.
pub(crate) fn with_body(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {length}\r\n\r\n{body}")
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("the server listens");
        Self { socket, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await
    }

    /// Reads a whole answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        if answer.status == 100 || answer.status == 204 {
            return answer;
        }
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                answer.body.push_str(&chunk);
            }
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a number");
            answer.body = self.take(length).await;
        } else {
            answer.body = self.rest().await;
        }
        answer
    }

    /// Reads an answer's head.
    pub(crate) async fn head(&mut self) -> Answer {
        let head = self.until("\r\n\r\n").await;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status line");
        Answer { status, head, body: String::new() }
    }

    /// Reads one chunk of a chunked body; `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let size = usize::from_str_radix(self.until("\r\n").await.trim(), 16).expect("a chunk size");
        let chunk = self.take(size).await;
        self.take(2).await;
        (size > 0).then_some(chunk)
    }

    /// Reads until the server closes, or resets.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        let rest = self.unread.split_off(0);
        String::from_utf8(rest).expect("text")
    }

    async fn until(&mut self, end: &str) -> String {
        loop {
            let found = std::str::from_utf8(&self.unread).expect("text").find(end);
            if let Some(at) = found {
                return self.take(at + end.len()).await;
            }
            assert!(self.more().await, "the server closed after {:?}", self.unread);
        }
    }

    async fn take(&mut self, length: usize) -> String {
        while self.unread.len() < length {
            assert!(self.more().await, "the server closed too early");
        }
        let rest = self.unread.split_off(length);
        String::from_utf8(std::mem::replace(&mut self.unread, rest)).expect("text")
    }

    async fn more(&mut self) -> bool {
        let read =
            timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await.expect("the server answers");
        read.unwrap_or(0) > 0
    }
}
