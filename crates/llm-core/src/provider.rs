//! What the router calls, and what it gets: a [`Provider`] takes a [`Call`] and gives a [`Reply`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;

use crate::dialect::{DialectId, Ingress, Operation, Seen};
use crate::envelope::{Envelope, is_gateway_field};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::loss::{Loss, LossPolicy};
use crate::request::ChatRequest;
use crate::response::ChatResponse;
use crate::wire::WireBody;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed stream.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// A client's request as it came, scanned once, decoded only when somebody needs it.
pub struct Inbound {
    /// The client's dialect.
    pub ingress: Arc<dyn Ingress>,
    /// What is asked.
    pub operation: Operation,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// Where its members stand.
    pub envelope: Envelope,
    decoded: OnceLock<Result<ChatRequest>>,
}

impl Inbound {
    /// Scans a body.
    ///
    /// # Errors
    /// When the body is no JSON object (see [`Envelope::scan`]).
    pub fn new(
        ingress: Arc<dyn Ingress>,
        operation: Operation,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self> {
        let envelope = Envelope::scan(&body)?;
        Ok(Self { ingress, operation, headers, body, envelope, decoded: OnceLock::new() })
    }

    /// The request in canonical form; decoded on the first call, without the fields that speak to the gateway.
    ///
    /// # Errors
    /// When the body is no request of the client's dialect.
    pub fn decoded(&self) -> Result<&ChatRequest> {
        let decoded = self.decoded.get_or_init(|| {
            let mut request = self.ingress.decode(&self.body, &self.headers)?;
            request.extras = request.extras.map(|(origin, fields)| {
                (origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect())
            });
            Ok(request)
        });
        decoded.as_ref().map_err(Clone::clone)
    }

    /// The client's dialect.
    pub fn dialect(&self) -> DialectId {
        self.ingress.id()
    }

    /// A gateway field of the body read as a type.
    ///
    /// # Errors
    /// When the field has another shape.
    pub fn option<'a, T: serde::Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>> {
        self.envelope.read(&self.body, key)
    }
}

/// How long each phase of an attempt may take. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection stands.
    pub connect: Option<Duration>,
    /// From the request's last byte to the answer's head.
    pub headers: Option<Duration>,
    /// From the attempt's start to the first event with content (streams).
    pub first_content: Option<Duration>,
    /// Between two chunks.
    pub idle: Option<Duration>,
    /// When the whole call must be done.
    pub total: Option<Instant>,
}

/// One attempt at one deployment.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The request.
    pub inbound: &'a Inbound,
    /// The model in the vendor's words.
    pub model: &'a str,
    /// The model's name as the client wrote it; answers show this one.
    pub public_model: &'a str,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What to do with what the vendor's dialect cannot express; `None`: as the deployment says.
    pub policy: Option<LossPolicy>,
    /// How long it may take.
    pub deadlines: Deadlines,
}

/// A vendor's answer on its way to the client.
pub struct Reply {
    /// The vendor's headers.
    pub headers: HeaderMap,
    /// What could not be carried to the vendor.
    pub losses: Vec<Loss>,
    /// The answer.
    pub body: ReplyBody,
}

/// An answer in one of four forms: whole or streamed, in the client's own dialect or canonical.
pub enum ReplyBody {
    /// Whole, bytes of the client's dialect.
    Native {
        /// The body, `model` already the public name.
        body: WireBody,
        /// What metering needs of it.
        seen: Box<Seen>,
    },
    /// Whole, canonical.
    Decoded(Box<ChatResponse>),
    /// Streamed, bytes of the client's dialect.
    NativeStream(Pin<Box<dyn NativeStream>>),
    /// Streamed, canonical. Each item holds the events of some frames, in order.
    Events(BoxStream<Result<Vec<Event>>>),
}

/// A stream whose bytes go on as they are, watched on the side. Dropping it cancels the vendor's work.
///
/// # Behavior
/// - Ends with `None` only after a complete answer; anything else ends with an error.
/// - [`NativeStream::seen`] is true for all bytes given so far.
pub trait NativeStream: Send {
    /// The next bytes, whole frames.
    fn poll_bytes(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>>;

    /// What went by so far.
    fn seen(&self) -> &Seen;

    /// Whether it is known that nothing follows the bytes given so far. A stream that cannot tell ends with `None`.
    fn is_complete(&self) -> bool {
        false
    }
}

/// A vendor's API at the end of a transport. Dropping a future or stream of it cancels the vendor's work.
pub trait Provider: Send + Sync + 'static {
    /// The dialect that the vendor speaks.
    fn dialect(&self) -> DialectId;

    /// Asks for a chat answer.
    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>>;

    /// Counts the tokens of a chat request. `Ok(None)`: the vendor cannot for this client's dialect.
    fn count_tokens<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Option<u64>>> {
        let _ = call;
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The error of a stream that ended before the answer did.
pub fn truncated() -> Error {
    Error::new(ErrorKind::Truncated, "the vendor's stream ended before the answer did")
}
