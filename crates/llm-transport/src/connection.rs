//! One connection to a vendor: hyper's end of it, the task that drives it, and who may use it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use llm_core::hush::Hushable;
use llm_core::{Error, ErrorKind, Result};
use tokio::runtime::{Handle, Id};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::failure;
use crate::outgoing::RequestBody;
use crate::stream::{Heard, Listening, Stream};

/// How often a peer of HTTP/2 calls in flight must show that it lives.
const PING: Duration = Duration::from_secs(20);

/// What one HTTP/2 stream and one connection may send ahead of us.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// What became of a request: the answer's head, or the error and, if it never left, the request.
pub(crate) type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// An HTTP/1.1 connection; one call at a time.
pub(crate) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    driver: AbortHandle,
    heard: Heard,
    /// Its driver runs there, and a runtime that is not running now would leave a call hanging.
    pub(crate) runtime: Id,
    /// When the last call ended.
    pub(crate) idle_since: Instant,
}

impl Http1 {
    /// Sets up a fresh stream and starts its driver on the current runtime.
    pub(crate) async fn open(stream: Stream) -> Result<Self> {
        let heard = Heard::default();
        let io = TokioIo::new(Listening::new(stream, heard.clone()));
        let (sender, mut connection) =
            http1::Builder::new().handshake(io).await.map_err(|cause| failure::exchanging(&cause))?;
        let mut hushable = Hushable::default();
        // Polled where it is captured: moved into a place of its own, it would have room twice in the task of each
        // connection. How it ends is told to the call in flight; without one nobody needs to know.
        let driver = async move {
            drop(
                poll_fn(|context| hushable.poll(context, |context| Pin::new(&mut connection).poll(context)))
                    .await,
            );
        };
        let driver = tokio::spawn(driver).abort_handle();
        Ok(Self { sender, driver, heard, runtime: Handle::current().id(), idle_since: Instant::now() })
    }

    /// Sends; the call is cancelled and the connection closed when the future is dropped.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Sent> + Send + use<> {
        self.heard.forget();
        self.sender.try_send_request(request)
    }

    /// Whether the peer said anything since the last call began.
    pub(crate) fn answered(&self) -> bool {
        self.heard.anything()
    }

    /// Whether it can take a call now.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it is closed for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Closes it at once, whatever is under way.
    pub(crate) fn cut(self) {
        self.driver.abort();
    }
}

/// An HTTP/2 connection; many calls at a time.
pub(crate) struct Http2 {
    sender: http2::SendRequest<RequestBody>,
    /// Calls under way.
    streams: Arc<AtomicUsize>,
    allowed: Arc<Allowed>,
    /// See [`Http1::runtime`].
    pub(crate) runtime: Id,
    /// When a call last began.
    pub(crate) used: Instant,
}

impl Http2 {
    /// Sets up a fresh stream, starts its driver on the current runtime, and waits for the peer's settings.
    pub(crate) async fn open(stream: Stream) -> Result<Self> {
        let heard = Heard::default();
        let io = TokioIo::new(Listening::new(stream, heard.clone()));
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // Until the peer says how many: a guess too high would make calls wait where nobody sees it.
            .initial_max_send_streams(0)
            .handshake(io)
            .await
            .map_err(|cause| failure::exchanging(&cause))?;
        let allowed = Arc::<Allowed>::default();
        tokio::spawn(drive(connection, heard, Arc::clone(&allowed)));
        allowed.known.notified().await;
        if sender.is_closed() {
            return Err(Error::new(
                ErrorKind::Connection,
                "the vendor closed the connection instead of speaking HTTP/2",
            ));
        }
        let streams = Arc::new(AtomicUsize::new(0));
        Ok(Self { sender, streams, allowed, runtime: Handle::current().id(), used: Instant::now() })
    }

    /// Takes one of the streams that the peer allows, when one is free.
    pub(crate) fn stream(&mut self, reused: bool) -> Option<Http2Stream> {
        let allowed = self.allowed.streams.load(Ordering::Relaxed);
        if self.is_closed() || self.streams.load(Ordering::Relaxed) >= allowed {
            return None;
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.used = Instant::now();
        Some(Http2Stream { sender: self.sender.clone(), streams: Arc::clone(&self.streams), reused })
    }

    /// Whether no call is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.load(Ordering::Relaxed) == 0
    }

    /// Whether it is closed for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Calls that a peer lets be under way on one connection; more would wait in silence.
#[derive(Default)]
struct Allowed {
    streams: AtomicUsize,
    known: Notify,
}

type Driver = http2::Connection<TokioIo<Listening>, RequestBody, TokioExecutor>;

/// Drives a connection, and notes on the way how many streams its peer allows by now.
async fn drive(mut connection: Driver, heard: Heard, allowed: Arc<Allowed>) {
    poll_fn(|context| {
        if allowed.streams.load(Ordering::Relaxed) == 0 {
            heard.wake_at_next(context);
        }
        let done = Pin::new(&mut connection).poll(context);
        let streams = connection.current_max_send_streams();
        if allowed.streams.swap(streams, Ordering::Relaxed) == 0 && streams > 0 {
            allowed.known.notify_one();
        }
        // How it ends is told to the calls in flight; without one nobody needs to know.
        done.map(drop)
    })
    .await;
    drop(connection);
    allowed.known.notify_one();
}

/// One call's place on an HTTP/2 connection, free again when dropped.
pub(crate) struct Http2Stream {
    sender: http2::SendRequest<RequestBody>,
    streams: Arc<AtomicUsize>,
    /// Whether the connection was there before this call.
    pub(crate) reused: bool,
}

impl Http2Stream {
    /// Sends; the stream is reset when the future is dropped.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Sent> + Send + use<> {
        self.sender.try_send_request(request)
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
