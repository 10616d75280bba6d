//! What may stand between an upstream and the network: exchanges are kept on their way, or told again without it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use llm_core::Result;
use llm_core::provider::{BoxFuture, Deadlines};
use llm_core::wire::WireRequest;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::body::{Chunks, UpstreamBody};
use crate::deadline::Watch;
use crate::outgoing::Outgoing;
use crate::upstream::{Upstream, UpstreamReply};

/// How long the end of an answer may take that nobody reads any more, because its last frame was there.
const GRACE: Duration = Duration::from_millis(250);

/// A request as it goes to a vendor, credentials and all.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The whole path, with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer, whole, with the times at which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// The headers; those of an encoding that was undone are taken out.
    pub headers: HeaderMap,
    /// From the request to the head.
    pub head_after: Duration,
    /// The body, in the pieces that it came in.
    pub chunks: Vec<Chunk>,
}

/// A piece of an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// From the head to this piece.
    pub after: Duration,
    /// The bytes.
    pub bytes: Bytes,
}

/// Keeps exchanges, or tells them again.
pub trait Tape: Send + Sync + 'static {
    /// The answer in the network's place; `None`: the network is asked. What is told comes at its own times; a tape
    /// that is in a hurry sets them to zero.
    fn play<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Option<Told>>>;

    /// Takes a complete exchange in. Called on the way of a request: it must not block.
    fn keep(&self, asked: Asked, told: Told);
}

impl Asked {
    pub(crate) fn of(path: &PathAndQuery, request: &WireRequest) -> Self {
        Self {
            method: request.method.clone(),
            path: path.as_str().to_owned(),
            headers: request.headers.clone(),
            body: request.body.joined(),
        }
    }
}

impl Upstream {
    /// Answers from the tape, or lets it listen. Only answers that came whole are kept, whatever their status.
    pub(crate) async fn by_tape(
        &self,
        tape: &Arc<dyn Tape>,
        path: PathAndQuery,
        request: WireRequest,
        deadlines: &Deadlines,
    ) -> Result<UpstreamReply> {
        let asked = Asked::of(&path, &request);
        if let Some(told) = tape.play(&asked).await? {
            return self.told_again(told, deadlines).await;
        }
        let began = Instant::now();
        let UpstreamReply { status, headers, body } =
            self.by_network(path, Outgoing::new(request), deadlines).await?;
        let told = Told { status, headers: headers.clone(), head_after: began.elapsed(), chunks: Vec::new() };
        let keeping = Keeping {
            body: Some(body),
            exchange: Some(Box::new((asked, told))),
            tape: Arc::clone(tape),
            began: Instant::now(),
            left: self.max_body(),
        };
        let body = UpstreamBody::from_tape(Box::new(keeping), self.max_body());
        Ok(UpstreamReply { status, headers, body })
    }

    async fn told_again(&self, told: Told, deadlines: &Deadlines) -> Result<UpstreamReply> {
        let mut watch = Watch::begin(deadlines);
        let began = Instant::now();
        let mut timer = Timer(None);
        std::future::poll_fn(|context| match timer.poll(began + told.head_after, context) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => watch.poll_expired(context).map(Err),
        })
        .await?;
        watch.answered();
        let chunks = told.chunks.into();
        let playing = Playing { chunks, began: Instant::now(), watch, timer: Timer(None) };
        let body = UpstreamBody::from_tape(Box::new(playing), self.max_body());
        Ok(UpstreamReply { status: told.status, headers: told.headers, body })
    }
}

/// A body on its way past the tape.
struct Keeping {
    body: Option<UpstreamBody>,
    /// None when there is nothing to keep: it broke, it was too long, or it is kept already.
    exchange: Option<Box<(Asked, Told)>>,
    tape: Arc<dyn Tape>,
    began: Instant,
    /// The bytes that may still be held.
    left: usize,
}

impl Keeping {
    fn note(&mut self, next: Option<&Result<Bytes>>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        match next {
            Some(Ok(bytes)) if bytes.len() <= self.left => {
                self.left -= bytes.len();
                exchange.1.chunks.push(Chunk { after: self.began.elapsed(), bytes: bytes.clone() });
                self.exchange = Some(exchange);
            }
            Some(_) => {}
            None => {
                let (asked, told) = *exchange;
                self.tape.keep(asked, told);
            }
        }
    }
}

impl Chunks for Keeping {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let next = ready!(body.poll_chunk(context));
        self.note(next.as_ref());
        Poll::Ready(next)
    }
}

/// Who reads a stream may stop at its last frame, before the end of the body has come.
impl Drop for Keeping {
    fn drop(&mut self) {
        let (Some(mut body), Some(exchange)) = (self.body.take(), self.exchange.take()) else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let tape = Arc::clone(&self.tape);
        let mut rest =
            Self { body: None, exchange: Some(exchange), tape, began: self.began, left: self.left };
        runtime.spawn(timeout(GRACE, async move {
            loop {
                let next = body.chunk().await;
                rest.note(next.as_ref());
                if !matches!(next, Some(Ok(_))) {
                    return;
                }
            }
        }));
    }
}

/// A body that is told again, at its own times and under the deadlines of the call.
struct Playing {
    chunks: VecDeque<Chunk>,
    began: Instant,
    watch: Watch,
    timer: Timer,
}

impl Chunks for Playing {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(chunk) = self.chunks.front() else { return Poll::Ready(None) };
        if self.timer.poll(self.began + chunk.after, context).is_pending() {
            return self.watch.poll_expired(context).map(|late| Some(Err(late)));
        }
        self.watch.received();
        Poll::Ready(self.chunks.pop_front().map(|chunk| Ok(chunk.bytes)))
    }
}

struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        if due <= Instant::now() {
            self.0 = None;
            return Poll::Ready(());
        }
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(timer.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(())
    }
}
