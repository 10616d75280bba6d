//! What the router calls, and what it gets: a [`Provider`] takes a [`Call`] and gives a [`Reply`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::value::BorrowedStrDeserializer;

use crate::dialect::{DialectId, Seen};
use crate::embedding::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse};
use crate::envelope::{Envelope, is_gateway_field};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::event::Event;
use crate::form::Form;
use crate::ingress::Ingress;
use crate::json::{RawObject, complaint};
use crate::loss::{Loss, LossPolicy};
use crate::operation::{Asked, Operation};
use crate::realtime::{Dial, Link};
use crate::relay::{RelayCall, RelayReply};
use crate::request::ChatRequest;
use crate::rerank::{RerankRequest, RerankResponse};
use crate::response::ChatResponse;
use crate::wire::WireBody;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Boxes a future that is made where it will lie.
///
/// [`Box::pin`] makes it on the stack and copies it: for the future of a call, which is some kilobytes large and nearly
/// all of it not in use yet, that copy is the dearest part of making it.
#[inline]
pub fn boxed<F>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    let place = Box::new_uninit();
    Box::into_pin(Box::write(place, make()))
}

/// A boxed stream.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// A client's request as it came, scanned once, decoded only when somebody needs it.
pub struct Inbound {
    /// The client's dialect.
    pub ingress: Arc<dyn Ingress>,
    /// What the path asks for.
    pub asked: Asked,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// Where its members stand; none when it is a form.
    pub envelope: Envelope,
    /// Where its fields stand, when it is a form.
    pub form: Option<Box<Form>>,
    decoded: OnceLock<Result<Box<ChatRequest>>>,
    embeddings: OnceLock<Result<Box<EmbeddingRequest>>>,
    rerank: OnceLock<Result<Box<RerankRequest>>>,
}

impl Inbound {
    /// Scans a body: a JSON object, or a form where the path takes one and the headers say so.
    ///
    /// # Errors
    /// When the body is neither (see [`Envelope::scan`], [`Form::scan`]).
    pub fn new(
        ingress: Arc<dyn Ingress>,
        asked: impl Into<Asked>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self> {
        let asked = asked.into();
        let form = if asked.operation.takes_forms() { form(&headers, &body)? } else { None };
        let envelope = if form.is_some() { Envelope::default() } else { Envelope::scan(&body)? };
        Ok(Self {
            ingress,
            asked,
            headers,
            body,
            envelope,
            form,
            decoded: OnceLock::new(),
            embeddings: OnceLock::new(),
            rerank: OnceLock::new(),
        })
    }

    /// A request for embeddings of the gateway's own. Its body is only as long as one would be: it is read by nobody.
    pub fn of_embeddings(ingress: Arc<dyn Ingress>, request: EmbeddingRequest) -> Self {
        let length = request.inputs.iter().map(|input| match input {
            EmbeddingInput::Text(text) => text.len(),
            EmbeddingInput::Tokens(tokens) => 4 * tokens.len(),
            EmbeddingInput::Parts(_) => 0,
        });
        Self {
            ingress,
            asked: Operation::Embeddings.into(),
            headers: HeaderMap::new(),
            body: format!("\"{}\"", "x".repeat(length.sum())).into(),
            envelope: Envelope::default(),
            form: None,
            decoded: OnceLock::new(),
            embeddings: OnceLock::from(Ok(Box::new(request))),
            rerank: OnceLock::new(),
        }
    }

    /// The chat request in canonical form; decoded on the first call, without the fields that speak to the gateway,
    /// with what the path says.
    ///
    /// # Errors
    /// When the body is no request of the client's dialect.
    pub fn decoded(&self) -> Result<&ChatRequest> {
        let decoded = self.decoded.get_or_init(|| {
            let mut request = self.ingress.decode(&self.body, &self.headers)?;
            request.extras = for_vendors(request.extras);
            if let Some(model) = &self.asked.model {
                request.model.clone_from(model);
            }
            request.stream = self.asked.stream.unwrap_or(request.stream);
            Ok(Box::new(request))
        });
        decoded.as_deref().map_err(Clone::clone)
    }

    /// The request for embeddings in canonical form, likewise.
    ///
    /// # Errors
    /// When the body is no such request, or clients of this dialect ask for no embeddings.
    pub fn embedding_request(&self) -> Result<&EmbeddingRequest> {
        let decoded = self.embeddings.get_or_init(|| {
            let ingress = self.ingress.embeddings().ok_or_else(|| self.not_asked())?;
            let mut request = ingress.decode(&self.body)?;
            request.extras = for_vendors(request.extras);
            if let Some(model) = &self.asked.model {
                request.model.clone_from(model);
            }
            Ok(Box::new(request))
        });
        decoded.as_deref().map_err(Clone::clone)
    }

    /// The request for reranking in canonical form, likewise.
    ///
    /// # Errors
    /// When the body is no such request, or clients of this dialect ask for no reranking.
    pub fn rerank_request(&self) -> Result<&RerankRequest> {
        let decoded = self.rerank.get_or_init(|| {
            let ingress = self.ingress.rerank().ok_or_else(|| self.not_asked())?;
            let mut request = ingress.decode(&self.body)?;
            request.extras = for_vendors(request.extras);
            if let Some(model) = &self.asked.model {
                request.model.clone_from(model);
            }
            Ok(Box::new(request))
        });
        decoded.as_deref().map_err(Clone::clone)
    }

    /// The same call with another chat request in canonical form. Its body is still the client's own.
    #[must_use]
    pub fn with_request(&self, request: ChatRequest) -> Self {
        Self {
            ingress: Arc::clone(&self.ingress),
            asked: self.asked.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            envelope: self.envelope.clone(),
            form: None,
            decoded: OnceLock::from(Ok(Box::new(request))),
            embeddings: OnceLock::new(),
            rerank: OnceLock::new(),
        }
    }

    fn not_asked(&self) -> Error {
        let (dialect, kind) = (self.dialect(), self.asked.operation.name());
        Error::internal(format!("clients of `{dialect}` have no `{kind}` requests"))
    }

    /// The client's dialect.
    pub fn dialect(&self) -> DialectId {
        self.ingress.id()
    }

    /// A gateway field of the body read as a type; a field of a form as the JSON that it may be, or as a text.
    ///
    /// # Errors
    /// When the field has another shape.
    pub fn option<'a, T: serde::Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>> {
        let Some(form) = &self.form else { return self.envelope.read(&self.body, key) };
        let Some(text) = form.text(&self.body, key)? else { return Ok(None) };
        let read = serde_json::from_str(text).or_else(|_| T::deserialize(BorrowedStrDeserializer::new(text)));
        read.map(Some).map_err(|fault: serde_json::Error| {
            Error::invalid(format!("invalid `{key}`: {}", complaint(&fault))).with_param(key)
        })
    }
}

fn form(headers: &HeaderMap, body: &Bytes) -> Result<Option<Box<Form>>> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.filter(|content_type| Form::is_one(content_type));
    content_type.map(|content_type| Form::scan(content_type, body).map(Box::new)).transpose()
}

/// What of a request's other fields may reach a vendor.
fn for_vendors(extras: Option<(DialectId, RawObject)>) -> Option<(DialectId, RawObject)> {
    let (origin, fields) = extras?;
    Some((origin, fields.into_iter().filter(|(name, _)| !is_gateway_field(name)).collect()))
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
    /// Whether the answer must be canonical, to a client of the vendor's own dialect too: another vendor may have to go
    /// on with it.
    pub canonical: bool,
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

/// An answer whole or streamed, in the client's own dialect or canonical.
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
    /// Whole embeddings, canonical.
    Embeddings(Box<EmbeddingResponse>),
    /// A whole ranking, canonical.
    Rerank(Box<RerankResponse>),
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

    /// Opens a conversation over a WebSocket.
    fn realtime<'a>(&'a self, dial: Dial<'a>) -> BoxFuture<'a, Result<Link>> {
        let _ = dial;
        let message = "this model's vendor has no realtime API: ask for its answers by chat";
        Box::pin(std::future::ready(Err(Error::unsupported(message))))
    }

    /// Whether it can answer what a request asks for. What is not chat need not be there.
    fn serves(&self, inbound: &Inbound) -> bool {
        inbound.asked.operation.is_chat()
    }

    /// Answers a call of any other kind than chat, by what its request asks for.
    fn exchange<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(std::future::ready(Err(not_served(call.public_model, call.inbound.asked.operation))))
    }

    /// Counts the tokens of a chat request. `Ok(None)`: the vendor cannot for this client's dialect.
    fn count_tokens<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Option<u64>>> {
        let _ = call;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Sends a request on as it is, with the vendor's credentials. A bad status is an answer.
    fn relay(&self, call: RelayCall) -> BoxFuture<'_, Result<RelayReply>> {
        let _ = call;
        let error = Error::unsupported("this vendor takes no requests as they are");
        Box::pin(std::future::ready(Err(error)))
    }
}

/// The error of a kind of call that a model's vendor does not have, or that this gateway does not translate for it.
/// Another vendor may.
pub fn not_served(model: &str, operation: Operation) -> Error {
    let (shown, kind): (String, _) = (model.chars().take(128).collect(), operation.name());
    Error::unsupported(format!(
        "the model `{shown}` does not serve `{kind}` requests here: ask for another model (GET /v1/models lists them)"
    ))
    .with_param("model")
    .with_code("unsupported_operation")
    .with_type("invalid_request_error")
    .with_retry(Retry::Elsewhere)
}

/// The error of a stream that ended before the answer did.
pub fn truncated() -> Error {
    Error::new(ErrorKind::Truncated, "the vendor's stream ended before the answer did")
}
