//! A client that writes what it is told and reads what comes: no library corrects either side.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::request::Request;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection to a gateway.
pub struct Client {
    socket: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body so far.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not UTF-8: no answer of the gateway is anything else.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.text()))
    }

    /// Head and body as one text, for searches of what must not be there.
    pub fn everything(&self) -> String {
        let head = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        head.collect::<String>() + &String::from_utf8_lossy(&self.body)
    }
}

/// Sends one request on a connection of its own and reads the whole answer.
pub async fn call(address: SocketAddr, request: &Request) -> Answer {
    Client::connect(address).await.call(request).await
}

impl Client {
    /// Opens a connection.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("the gateway listens");
        Self { socket, unread: Vec::new() }
    }

    /// Writes bytes. A gateway that has refused already may close while they are written: that is no fault, its
    /// answer tells.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        timeout(PATIENCE, self.socket.write_all(bytes.as_ref())).await.expect("the gateway reads").is_ok()
    }

    /// Sends a request and reads the whole answer.
    pub async fn call(&mut self, request: &Request) -> Answer {
        self.send(request.bytes()).await;
        self.answer().await
    }

    /// Sends a request and reads the answer's head; the body is read by [`Client::piece`].
    pub async fn open(&mut self, request: &Request) -> Answer {
        self.send(request.bytes()).await;
        self.head().await
    }

    /// Reads a whole answer.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        if answer.status == 204 {
            return answer;
        }
        if answer.header("transfer-encoding").is_some() {
            while let Some(piece) = self.piece().await {
                answer.body.extend_from_slice(&piece);
            }
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length is a number");
            answer.body = self.take(length).await;
        } else {
            while self.more().await {}
            answer.body = std::mem::take(&mut self.unread);
        }
        answer
    }

    async fn head(&mut self) -> Answer {
        let head = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(head).expect("heads are ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Answer { status: status.expect("a status line"), headers: headers.collect(), body: Vec::new() }
    }

    /// Reads one piece of a chunked body; `None` after the last.
    ///
    /// # Panics
    /// When the connection is cut before the last piece.
    pub async fn piece(&mut self) -> Option<Vec<u8>> {
        let size = self.until(b"\r\n").await;
        let size =
            std::str::from_utf8(&size).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let size = size.expect("a chunk begins with its size");
        let piece = self.take(size).await;
        self.take(2).await;
        (size > 0).then_some(piece)
    }

    /// Whether the gateway closes the connection without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && !self.more().await
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len()).await;
            }
            let cut = format!("cut after {:?}", String::from_utf8_lossy(&self.unread));
            assert!(self.more().await, "{cut}");
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(self.more().await, "cut in the middle of a body");
        }
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.socket.read_buf(&mut self.unread)).await;
        read.expect("the gateway says something in time").unwrap_or(0) > 0
    }
}
