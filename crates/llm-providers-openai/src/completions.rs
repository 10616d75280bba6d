//! The older text completions (<https://platform.openai.com/docs/api-reference/completions>), as spoken by vendors
//! ([`Completions`]) and by clients ([`CompletionsIngress`]).
//!
//! What goes where beyond the documented format:
//! - a client's prompt is a user's message for vendors of conversations; several prompts, or one in tokens, only a
//!   vendor of this format can take;
//! - a conversation becomes a prompt by this template: the words of a single user alone stand as they are; else each
//!   message is a paragraph, those of the user begin with `User: `, those of the model with `Assistant: `, those of
//!   the operator with nothing, and `Assistant:` at the end asks for the answer, unless the model has begun it;
//! - answers and their chunks are read as those of chat completions, in which the text stands elsewhere.

mod answer;
mod logprobs;
mod request;
mod stream;
mod template;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{self, Encoded, Peek, TapOptions};
use llm_core::ingress::{Broken, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, EventEncoder, Ingress, Result,
    StreamDecoder, StreamTap, Target,
};
use serde::Deserialize;

use crate::chat::{self, encode_models};
use crate::error;

/// The name of the format.
pub const COMPLETIONS: DialectId = DialectId::new("openai.completions");

const PATH: &str = "/completions";

/// How a vendor's text completions differ, as named behaviours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompletionsQuirks {
    /// Body fields that the vendor refuses; left out and reported.
    pub drop_params: Vec<String>,
}

/// The format as a vendor speaks it.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    quirks: CompletionsQuirks,
}

impl Completions {
    /// The format with a vendor's quirks.
    pub fn new(quirks: CompletionsQuirks) -> Self {
        Self { quirks }
    }
}

impl Dialect for Completions {
    fn id(&self) -> DialectId {
        COMPLETIONS
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        request::encode(request, target, &self.quirks)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        request::forward(body, envelope, target, &self.quirks)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        answer::decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        chat::glance::peek(body, false)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(chat::stream::tap::Tap::new(options, false))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }
}

const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/v1/completions", Operation::Chat),
    Endpoint::new(PATH, Operation::Chat),
    Endpoint::new("/v1/engines/{model}/completions", Operation::Chat),
    Endpoint::new("/engines/{model}/completions", Operation::Chat),
];

/// The format as clients speak it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompletionsIngress;

impl Ingress for CompletionsIngress {
    fn id(&self) -> DialectId {
        COMPLETIONS
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS
    }

    fn forwarded_headers(&self) -> &'static [&'static str] {
        &["openai-beta"]
    }

    fn tells_choices(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        chat::request::as_asked(request, dialect::body_of(&Completions::default(), request)?)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        answer::encode(response, request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(request))
    }

    fn wants_usage(&self, body: &Bytes, envelope: &Envelope) -> bool {
        chat::request::wants_usage(body, envelope)
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        envelope.read(body, "max_tokens").ok().flatten()
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["max_tokens"]
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        self.stream_error_after(error, &Broken::default())
    }

    fn stream_error_after(&self, error: &Error, broken: &Broken<'_>) -> Bytes {
        chat::events::stream_error(error, "text_completion", broken)
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!("{{\"input_tokens\":{tokens}}}").into()
    }

    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        encode_models(models)
    }
}
