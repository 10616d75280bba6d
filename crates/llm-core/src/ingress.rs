//! What a wire format must be able to do in front of us, towards clients: [`Ingress`]. Everything here is synchronous
//! and pure.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::conversion::ConversionIngress;
use crate::dialect::DialectId;
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::envelope::Envelope;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::exchange::ExchangeIngress;
use crate::images::{ImageRequest, ImageResponse};
use crate::inquiry::{About, Inquiry};
use crate::operation::Endpoint;
use crate::request::ChatRequest;
use crate::rerank::{RerankRequest, RerankResponse};
use crate::response::ChatResponse;
use crate::speech::{SpeechRequest, SpeechResponse};
use crate::usage::Usage;

/// A model as listed to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCard {
    /// The public name.
    pub id: String,
    /// What it is for (`chat`, `embedding` …).
    pub mode: Option<String>,
    /// The most prompt tokens.
    pub max_input_tokens: Option<u64>,
    /// The most answer tokens.
    pub max_output_tokens: Option<u64>,
    /// What it is known to be able to do.
    pub abilities: Abilities,
}

/// What a model is known to be able to do; `None`: nobody said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// It calls tools.
    pub tools: Option<bool>,
    /// It sees images.
    pub vision: Option<bool>,
    /// It thinks before it answers.
    pub thinking: Option<bool>,
}

/// How long an answer took, from when the client's request was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Until its end.
    pub total: Duration,
    /// Until its first content; `None` when it came in one piece.
    pub first_content: Option<Duration>,
}

/// The client side of a wire format.
///
/// # Behavior
/// - Every method is pure and never panics, whatever bytes come in.
/// - `decode` refuses what the format does not allow with [`Error::invalid`], naming the field.
pub trait Ingress: Send + Sync + 'static {
    /// The format's name.
    fn id(&self) -> DialectId;

    /// Paths that clients of this format POST to, with what they mean.
    fn endpoints(&self) -> &'static [Endpoint];

    /// The format as a request with this query is answered, where the query changes it (`alt=sse`).
    fn with_query(&self, _query: &str) -> Option<Arc<dyn Ingress>> {
        None
    }

    /// The name under which clients of this format may show their key in the query of a path.
    fn key_in_query(&self) -> Option<&'static str> {
        None
    }

    /// The path under which clients of this format, and no others, list the models.
    fn model_list_path(&self) -> Option<&'static str> {
        None
    }

    /// Whether a body that does not say `stream` asks for a streamed answer.
    fn streams_by_default(&self) -> bool {
        false
    }

    /// Whether answers of this format tell every choice. Others tell the first.
    fn tells_choices(&self) -> bool {
        false
    }

    /// Names of request headers that belong to the format and go on to a vendor of the same format.
    fn forwarded_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The WebSocket subprotocol in which browsers, which cannot set headers, send the key: what stands before it.
    fn key_subprotocol(&self) -> Option<&'static str> {
        None
    }

    /// Reads a client's request. What its path says (the model, the stream) is added by the caller.
    ///
    /// # Errors
    /// When the body is not a request of this format.
    fn decode(&self, body: &Bytes, headers: &HeaderMap) -> Result<ChatRequest>;

    /// Writes a request as a client of this format would: [`Ingress::decode`] the other way round, for those who change
    /// requests on their way. What the format cannot say is left out.
    ///
    /// # Errors
    /// When requests of this format cannot be written.
    fn write_request(&self, _request: &ChatRequest) -> Result<Bytes> {
        let what = format!("requests of the format `{}` cannot be changed on their way", self.id());
        Err(Error::unsupported(what))
    }

    /// Writes a whole answer. `request` is what the client asked.
    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes;

    /// The same, for formats that tell how long an answer took.
    fn encode_timed(&self, response: &ChatResponse, request: &ChatRequest, _took: Took) -> Bytes {
        self.encode(response, request)
    }

    /// Whether answers tell how long they took, so that the same one is written anew each time.
    fn tells_time(&self) -> bool {
        false
    }

    /// Writes a stream. `request` is what the client asked.
    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder>;

    /// Whether the client of a same-format stream asked for usage in it, by its body.
    fn wants_usage(&self, body: &Bytes, envelope: &Envelope) -> bool;

    /// The most answer tokens that the body asks for, without decoding it.
    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64>;

    /// Where a body says the most answer tokens, as [`crate::output_limit::with_limit`] reads it; none: nowhere.
    fn output_limit(&self) -> &'static [&'static str] {
        &[]
    }

    /// An error as the body of an answer.
    fn error(&self, error: &Error) -> Bytes;

    /// The status of an answer that is an error.
    fn error_status(&self, error: &Error) -> u16 {
        error.status()
    }

    /// Headers of an answer that is an error, where the format has any.
    fn error_headers(&self, _error: &Error) -> HeaderMap {
        HeaderMap::new()
    }

    /// An error in a stream that passes through as it is, after which the stream ends.
    fn stream_error(&self, error: &Error) -> Bytes;

    /// The same, for formats that number their events or tell what was used until then.
    fn stream_error_after(&self, error: &Error, _broken: &Broken<'_>) -> Bytes {
        self.stream_error(error)
    }

    /// The content type of a stream.
    fn stream_content_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// The answer to a count of tokens.
    fn encode_token_count(&self, tokens: u64) -> Bytes;

    /// Whether a request for the list of models is one of this format, by its headers.
    fn claims_model_list(&self, headers: &HeaderMap) -> bool;

    /// The list of models.
    fn encode_models(&self, models: &[ModelCard]) -> Bytes;

    /// Paths on which clients of this format ask about models.
    fn inquiries(&self) -> &'static [Inquiry] {
        &[]
    }

    /// The model that the body of a question about one model names.
    ///
    /// # Errors
    /// When the body names none.
    fn inquired_model(&self, body: &Bytes) -> Result<String> {
        let _ = body;
        Err(Error::unsupported("this format has no question about one model"))
    }

    /// The answer to a question about these models.
    fn encode_inquiry(&self, about: About, models: &[ModelCard]) -> Bytes {
        let _ = about;
        self.encode_models(models)
    }

    /// Embeddings, where clients of this format ask for them.
    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        None
    }

    /// The format of the kinds of calls that go through as they are, where clients of this format ask for such.
    fn passage(&self) -> Option<DialectId> {
        None
    }

    /// Pictures, where clients of this format ask for them.
    fn images(&self) -> Option<&dyn ConversionIngress<ImageRequest, ImageResponse>> {
        None
    }

    /// Texts read aloud, where clients of this format ask for them.
    fn speech(&self) -> Option<&dyn ConversionIngress<SpeechRequest, SpeechResponse>> {
        None
    }

    /// Reranking, where clients of this format ask for it.
    fn rerank(&self) -> Option<&dyn ExchangeIngress<RerankRequest, RerankResponse>> {
        None
    }
}

/// How far a stream came that passes through as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Broken<'a> {
    /// The answer's id, where the vendor says one at the beginning.
    pub id: &'a str,
    /// The bytes that went by last.
    pub last: &'a [u8],
    /// What was used; nothing where the client does not want to be told.
    pub usage: Usage,
}

/// Writes a canonical stream for a client.
///
/// # Behavior
/// - Fed the events of one answer in order, it writes a complete stream of the format, terminator included.
/// - [`Event::Error`] is written as the format's error event; [`Event::End`] after it writes the terminator.
pub trait EventEncoder: Send {
    /// Adds the frames that an event means.
    fn push(&mut self, event: &Event, out: &mut BytesMut);

    /// How long the answer took: told before [`Event::End`] is pushed, for formats that tell it.
    fn took(&mut self, _took: Took) {}
}
