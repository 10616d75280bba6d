//! The client side of the format.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::ingress::ModelCard;
use llm_core::operation::{Endpoint, Operation};
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, Result};

use crate::{MESSAGES, error, listing, request, response, stream};

const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("/v1/messages", Operation::Chat),
    Endpoint::new("/messages", Operation::Chat),
    Endpoint::new("/v1/messages/count_tokens", Operation::CountTokens),
    Endpoint::new("/messages/count_tokens", Operation::CountTokens),
    // As clients of a cloud ask: the version stands in the body, and whose project it is does not matter here.
    Endpoint::streamed(
        "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:rawPredict",
        Operation::Chat,
        false,
    ),
    Endpoint::streamed(
        "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:streamRawPredict",
        Operation::Chat,
        true,
    ),
];

/// Speaks the format to clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagesIngress;

impl Ingress for MessagesIngress {
    fn id(&self) -> DialectId {
        MESSAGES
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS
    }

    fn forwarded_headers(&self) -> &'static [&'static str] {
        &["anthropic-version", "anthropic-beta"]
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&crate::Messages::default(), request)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        response::encode(response, request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::new(request))
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

    /// As its documentation: 404 with `not_found_error` (<https://docs.claude.com/en/api/errors>).
    fn error_status(&self, error: &Error) -> u16 {
        error.status_with_unknown_model(404)
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::error_frame(error)
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!("{{\"input_tokens\":{tokens}}}").into()
    }

    fn claims_model_list(&self, headers: &HeaderMap) -> bool {
        headers.contains_key("anthropic-version")
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        listing::encode(models)
    }
}
