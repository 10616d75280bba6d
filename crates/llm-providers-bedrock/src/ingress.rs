//! The client side of the format.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::ingress::{Broken, ModelCard, Took};
use llm_core::operation::{Endpoint, Operation};
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, Result};

use crate::wire::ObjectWriter;
use crate::{CONVERSE, error, request, response, stream};

const ENDPOINTS: &[Endpoint] = &[
    Endpoint::streamed("/model/{model}/converse", Operation::Chat, false),
    Endpoint::streamed("/model/{model}/converse-stream", Operation::Chat, true),
];

/// Speaks the format to clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConverseIngress;

impl Ingress for ConverseIngress {
    fn id(&self) -> DialectId {
        CONVERSE
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        ENDPOINTS
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&crate::Converse::default(), request)
    }

    fn encode(&self, response: &ChatResponse, _request: &ChatRequest) -> Bytes {
        response::encode(response, None)
    }

    fn encode_timed(&self, response: &ChatResponse, _request: &ChatRequest, took: Took) -> Bytes {
        response::encode(response, Some(took))
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn encoder(&self, _request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(stream::Encoder::default())
    }

    /// Streams of this format always tell the usage.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        request::inference(envelope.value(body, "inferenceConfig")?)
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["inferenceConfig.maxTokens"]
    }

    /// A model that is not there is 404 `ResourceNotFoundException` in this format.
    fn error_status(&self, error: &Error) -> u16 {
        error.status_with_unknown_model(404)
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn error_headers(&self, error: &Error) -> HeaderMap {
        error::headers(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::exception(error)
    }

    fn stream_error_after(&self, error: &Error, broken: &Broken<'_>) -> Bytes {
        stream::exception_after(error, &broken.usage)
    }

    fn stream_content_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!("{{\"inputTokens\":{tokens}}}").into()
    }

    /// Models are listed by another of the vendor's APIs, at another host.
    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        let summary = |card: &ModelCard| {
            let mut object = ObjectWriter::new();
            object.member("modelId", &card.id).member("modelName", &card.id);
            object.json()
        };
        let mut object = ObjectWriter::new();
        object.member("modelSummaries", &models.iter().map(summary).collect::<Vec<_>>());
        object.finish().into()
    }
}
