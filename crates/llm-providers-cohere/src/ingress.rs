//! The client side of the formats.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::ExchangeIngress;
use llm_core::ingress::{Broken, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::rerank::{RerankRequest, RerankResponse};
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, Result, Usage};

use crate::embed::EmbedIngress;
use crate::rerank::RerankIngress;
use crate::{CHAT, error, listing, request, response, stream};

const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/v2/chat", Operation::Chat),
    Endpoint::new("/v2/embed", Operation::Embeddings),
    Endpoint::new("/v2/rerank", Operation::Rerank),
];

/// Speaks version 2 of the formats to clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct CohereIngress;

impl Ingress for CohereIngress {
    fn id(&self) -> DialectId {
        CHAT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&crate::Chat::default(), request)
    }

    fn encode(&self, response: &ChatResponse, _request: &ChatRequest) -> Bytes {
        response::encode(response)
    }

    fn encoder(&self, _request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::default())
    }

    /// Streams of this format always tell the usage.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        envelope.read(body, "max_tokens").ok().flatten()
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["max_tokens"]
    }

    /// A model that is not there is 404 in this format.
    fn error_status(&self, error: &Error) -> u16 {
        error.status_with_unknown_model(404)
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::error_frames(error, &Usage::default())
    }

    fn stream_error_after(&self, error: &Error, broken: &Broken<'_>) -> Bytes {
        stream::error_frames(error, &broken.usage)
    }

    /// The shape of the format's own tokenizer, which counts texts.
    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!("{{\"tokens\":{tokens}}}").into()
    }

    fn claims_model_list(&self, headers: &HeaderMap) -> bool {
        headers.get("x-fern-sdk-name").is_some_and(|name| name.as_bytes().starts_with(b"cohere"))
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        listing::encode(models)
    }

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        Some(&EmbedIngress::BY_TYPE)
    }

    fn rerank(&self) -> Option<&dyn ExchangeIngress<RerankRequest, RerankResponse>> {
        Some(&RerankIngress::TEXTS)
    }
}

const V1_ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/v1/chat", Operation::Chat),
    Endpoint::new("/v1/embed", Operation::Embeddings),
    // Everybody else's reranking has this shape too, and these paths.
    Endpoint::new("/v1/rerank", Operation::Rerank),
    Endpoint::new("/rerank", Operation::Rerank),
];

/// Speaks version 1 of the embed and rerank formats to clients: vectors without types come as a plain list, documents
/// may be objects, and answers may repeat them. Chat of that version is refused: its connectors, its rewritten queries and
/// the events of its streams have no like in any other format, and Cohere leads its clients to version 2.
#[derive(Clone, Copy, Debug, Default)]
pub struct CohereV1Ingress;

/// The name of the first version.
const V1: DialectId = DialectId::new("cohere.v1");

impl Ingress for CohereV1Ingress {
    fn id(&self) -> DialectId {
        V1
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        V1_ENDPOINTS
    }

    fn decode(&self, _body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        let what = "version 1 of Cohere's chat is not translated: send `messages` to `/v2/chat` (`ClientV2` of Cohere's \
                    SDK), or the same body to `/cohere/v1/chat`, which passes it to Cohere as it is";
        Err(Error::invalid(what).with_param("message"))
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        CohereIngress.encode(response, request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        CohereIngress.encoder(request)
    }

    fn wants_usage(&self, body: &Bytes, envelope: &Envelope) -> bool {
        CohereIngress.wants_usage(body, envelope)
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        CohereIngress.max_output_tokens(body, envelope)
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["max_tokens"]
    }

    fn error_status(&self, error: &Error) -> u16 {
        CohereIngress.error_status(error)
    }

    fn error(&self, error: &Error) -> Bytes {
        CohereIngress.error(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        CohereIngress.stream_error(error)
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        CohereIngress.encode_token_count(tokens)
    }

    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        CohereIngress.encode_models(models)
    }

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        Some(&EmbedIngress::PLAIN)
    }

    fn rerank(&self) -> Option<&dyn ExchangeIngress<RerankRequest, RerankResponse>> {
        Some(&RerankIngress::OBJECTS)
    }
}
