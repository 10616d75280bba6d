//! The client side of the format: conversations and single prompts.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::ExchangeIngress;
use llm_core::ingress::{ModelCard, Took};
use llm_core::inquiry::{About, Inquiry};
use llm_core::operation::{Endpoint, Operation};
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, Result};

use crate::response::Shape;
use crate::{CHAT, EmbedIngress, EmbeddingsIngress, GENERATE, error, models, request, response, stream};

const STREAM: &str = "application/x-ndjson";

const CHAT_ENDPOINTS: &[Endpoint] =
    &[Endpoint::new("/api/chat", Operation::Chat), Endpoint::new("/api/embed", Operation::Embeddings)];

const GENERATE_ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/api/generate", Operation::Chat),
    Endpoint::new("/api/embeddings", Operation::Embeddings),
];

/// Speaks the format of conversations to clients, and the current format of vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChatIngress;

/// Speaks the format of single prompts to clients, and the older format of vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerateIngress;

/// A count of tokens by the name that answers of this format give it; there is no path of its own for one.
fn tokens(tokens: u64) -> Bytes {
    format!("{{\"prompt_eval_count\":{tokens}}}").into()
}

impl Ingress for ChatIngress {
    fn id(&self) -> DialectId {
        CHAT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        CHAT_ENDPOINTS
    }

    fn streams_by_default(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&crate::Chat::default(), request)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        response::encode(Shape::Chat, response, request, None)
    }

    fn encode_timed(&self, response: &ChatResponse, request: &ChatRequest, took: Took) -> Bytes {
        response::encode(Shape::Chat, response, request, Some(took))
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(Shape::Chat, request))
    }

    /// Streams of this format always tell the usage.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        request::max_output_tokens(body, envelope)
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["options.num_predict"]
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn error_status(&self, error: &Error) -> u16 {
        error::status(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::error_line(error)
    }

    fn stream_content_type(&self) -> &'static str {
        STREAM
    }

    fn encode_token_count(&self, count: u64) -> Bytes {
        tokens(count)
    }

    /// The list of this format has a path of its own.
    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        models::answer(About::Models, models)
    }

    fn inquiries(&self) -> &'static [Inquiry] {
        models::INQUIRIES
    }

    fn inquired_model(&self, body: &Bytes) -> Result<String> {
        request::named_model(body)
    }

    fn encode_inquiry(&self, about: About, models: &[ModelCard]) -> Bytes {
        models::answer(about, models)
    }

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        Some(&EmbedIngress)
    }
}

impl Ingress for GenerateIngress {
    fn id(&self) -> DialectId {
        GENERATE
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        GENERATE_ENDPOINTS
    }

    fn streams_by_default(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode_prompt(body)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        response::encode(Shape::Generate, response, request, None)
    }

    fn encode_timed(&self, response: &ChatResponse, request: &ChatRequest, took: Took) -> Bytes {
        response::encode(Shape::Generate, response, request, Some(took))
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(Shape::Generate, request))
    }

    /// Streams of this format always tell the usage.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        request::max_output_tokens(body, envelope)
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["options.num_predict"]
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn error_status(&self, error: &Error) -> u16 {
        error::status(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::error_line(error)
    }

    fn stream_content_type(&self) -> &'static str {
        STREAM
    }

    fn encode_token_count(&self, count: u64) -> Bytes {
        tokens(count)
    }

    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        models::answer(About::Models, models)
    }

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        Some(&EmbeddingsIngress)
    }
}
