//! A tiny HTTP/1 server that does to each connection what a test's script says, and what tests ask for over it.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method};
use llm_core::provider::Deadlines;
use llm_core::wire::WireRequest;
use llm_transport::{Options, Proxy, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A whole answer that leaves the connection open.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The head of an answer whose body comes in chunks.
pub(crate) const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Runs the script for each connection, with the connection's number.
    pub(crate) async fn start<F, Script>(script: Script) -> Self
    where
        Script: Fn(usize, Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(number, Connection { stream, read: Vec::new() }));
            }
        });
        Self { address, accepted }
    }

    /// Answers each request of each connection with these bytes.
    pub(crate) async fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |_, mut connection| async move {
            while connection.request().await.is_some() {
                connection.send(answer).await;
            }
        })
        .await
    }

    /// Answers the first request of each connection with these bytes and closes it.
    pub(crate) async fn answering_once(answer: &'static [u8]) -> Self {
        Self::start(move |_, mut connection| async move {
            connection.request().await;
            connection.send(answer).await;
        })
        .await
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// An upstream at this server.
    pub(crate) fn upstream(&self) -> Arc<Upstream> {
        self.upstream_with(Options::default())
    }

    /// An upstream at this server, with settings.
    pub(crate) fn upstream_with(&self, options: Options) -> Arc<Upstream> {
        upstream(&format!("http://{}/v1", self.address), options)
    }
}

/// An upstream that does not mind the machine's own proxy settings.
pub(crate) fn upstream(base_url: &str, mut options: Options) -> Arc<Upstream> {
    if options.proxy == Proxy::Environment {
        options.proxy = Proxy::None;
    }
    Upstream::new(base_url, &options).expect("good settings")
}

/// A request as it came over the wire.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// One connection of the server.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// The next request, whole; `None` when the client is gone.
    pub(crate) async fn request(&mut self) -> Option<Received> {
        let end = loop {
            match self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).expect("heads are text");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            self.more().await?;
        }
        Some(Received { head, body: self.read.drain(..length).collect() })
    }

    /// Sends bytes; a client that is gone is no error.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).await.is_ok() {
            let _gone = self.stream.flush().await;
        }
    }

    /// Sends a chunk of a chunked body.
    pub(crate) async fn chunk(&mut self, bytes: &[u8]) {
        self.send(format!("{:x}\r\n", bytes.len()).as_bytes()).await;
        self.send(bytes).await;
        self.send(b"\r\n").await;
    }

    /// Waits until the client closes.
    pub(crate) async fn closed(&mut self) {
        while self.more().await.is_some() {}
    }

    /// Closes with a reset instead of an orderly end.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a socket option");
    }

    /// The socket, for what is no HTTP.
    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.read.is_empty(), "bytes were read and would be lost");
        self.stream
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.read).await.unwrap_or(0);
        (read > 0).then_some(())
    }
}

/// A small request.
pub(crate) fn request() -> WireRequest {
    with_body(Bytes::from_static(b"{\"model\":\"m\"}"))
}

/// A request with a body.
pub(crate) fn with_body(body: Bytes) -> WireRequest {
    WireRequest {
        method: Method::POST,
        path: "/chat/completions".into(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

/// Sends a small request and reads its answer.
pub(crate) async fn call(upstream: &Upstream) -> llm_core::Result<Bytes> {
    upstream.send(request(), &Deadlines::default()).await?.body.collect().await
}

/// The error of a call that must fail.
pub(crate) async fn failing_call(upstream: &Upstream) -> llm_core::Error {
    call(upstream).await.expect_err("the call must fail")
}
