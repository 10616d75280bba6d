//! The client side of the format.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::ExchangeIngress;
use llm_core::ingress::ModelCard;
use llm_core::operation::{Endpoint, Operation};
use llm_core::{
    ChatRequest, ChatResponse, DialectId, Envelope, Error, EventEncoder, Ingress, RawObject, Result,
};

use crate::embed::{BatchClient, SingleClient};
use crate::stream::{Encoder, Form};
use crate::wire::{Members, camel};
use crate::{GENERATE, GENERATE_ARRAY, error, listing, request, response, stream};

/// The path that clients of the cloud have: whose project and which location does not matter here.
macro_rules! cloud {
    ($version:literal, $verb:literal) => {
        concat!(
            "/",
            $version,
            "/projects/{project}/locations/{location}/publishers/google/models/{model}:",
            $verb
        )
    };
}

const WHOLE: &[Endpoint] = &[
    Endpoint::streamed("/v1beta/models/{model}:generateContent", Operation::Chat, false),
    Endpoint::streamed("/v1/models/{model}:generateContent", Operation::Chat, false),
    Endpoint::streamed("/v1/publishers/google/models/{model}:generateContent", Operation::Chat, false),
    Endpoint::streamed("/v1beta1/publishers/google/models/{model}:generateContent", Operation::Chat, false),
    Endpoint::streamed(cloud!("v1", "generateContent"), Operation::Chat, false),
    Endpoint::streamed(cloud!("v1beta1", "generateContent"), Operation::Chat, false),
    Endpoint::new("/v1beta/models/{model}:countTokens", Operation::CountTokens),
    Endpoint::new("/v1/models/{model}:countTokens", Operation::CountTokens),
    Endpoint::new("/v1/publishers/google/models/{model}:countTokens", Operation::CountTokens),
    Endpoint::new("/v1beta1/publishers/google/models/{model}:countTokens", Operation::CountTokens),
    Endpoint::new(cloud!("v1", "countTokens"), Operation::CountTokens),
    Endpoint::new(cloud!("v1beta1", "countTokens"), Operation::CountTokens),
    Endpoint::new("/v1beta/models/{model}:embedContent", Operation::Embeddings),
    Endpoint::new("/v1/models/{model}:embedContent", Operation::Embeddings),
];

const STREAM: &[Endpoint] = &[
    Endpoint::streamed("/v1beta/models/{model}:streamGenerateContent", Operation::Chat, true),
    Endpoint::streamed("/v1/models/{model}:streamGenerateContent", Operation::Chat, true),
    Endpoint::streamed("/v1/publishers/google/models/{model}:streamGenerateContent", Operation::Chat, true),
    Endpoint::streamed(
        "/v1beta1/publishers/google/models/{model}:streamGenerateContent",
        Operation::Chat,
        true,
    ),
    Endpoint::streamed(cloud!("v1", "streamGenerateContent"), Operation::Chat, true),
    Endpoint::streamed(cloud!("v1beta1", "streamGenerateContent"), Operation::Chat, true),
];

const BATCH: &[Endpoint] = &[
    Endpoint::new("/v1beta/models/{model}:batchEmbedContents", Operation::Embeddings),
    Endpoint::new("/v1/models/{model}:batchEmbedContents", Operation::Embeddings),
];

/// Speaks the format to clients, on some of its paths. The answers of one path may have another form than those of
/// the next, so each form is a value of its own; [`GenerateIngress::all`] gives them.
#[derive(Clone, Copy, Debug)]
pub struct GenerateIngress {
    surface: Surface,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    /// Answers that come whole, and streams of server-sent events.
    Whole,
    /// Streams that are one JSON array, unless the query asks for events.
    Array,
    /// Several embeddings at once.
    Batch,
}

impl GenerateIngress {
    /// All paths of the format.
    pub fn all() -> [Self; 3] {
        [Surface::Whole, Surface::Array, Surface::Batch].map(|surface| Self { surface })
    }

    /// The form in which a stream of server-sent events is answered.
    pub fn events() -> Self {
        Self { surface: Surface::Whole }
    }

    /// The form in which a stream is one JSON array.
    pub fn array() -> Self {
        Self { surface: Surface::Array }
    }

    fn form(&self) -> Form {
        if self.surface == Surface::Array { Form::Array } else { Form::Events }
    }
}

impl Ingress for GenerateIngress {
    fn id(&self) -> DialectId {
        if self.surface == Surface::Array { GENERATE_ARRAY } else { GENERATE }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        match self.surface {
            Surface::Whole => WHOLE,
            Surface::Array => STREAM,
            Surface::Batch => BATCH,
        }
    }

    fn with_query(&self, query: &str) -> Option<Arc<dyn Ingress>> {
        let asks = |pair: &str| matches!(pair, "alt=sse" | "$alt=sse" | "%24alt=sse");
        let events = self.surface == Surface::Array && query.split('&').any(asks);
        events.then(|| Arc::new(Self::events()) as Arc<dyn Ingress>)
    }

    fn key_in_query(&self) -> Option<&'static str> {
        Some("key")
    }

    fn tells_choices(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        llm_core::dialect::body_of(&crate::Generate::default(), request)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        response::encode(response, request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(Encoder::new(request, self.form()))
    }

    /// Streams of this format always tell the usage.
    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        let keys = ["generationConfig", "generation_config"];
        let config: RawObject = keys.iter().find_map(|key| envelope.read(body, key).ok().flatten())?;
        let limit = config.iter().find(|(name, _)| camel((*name).into()) == "maxOutputTokens");
        let whole = format!("{{\"limit\":{}}}", limit?.1.get());
        Members::parse(&whole).ok()?.count("limit").ok().flatten()
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &[
            "generationConfig.maxOutputTokens",
            "generationConfig.max_output_tokens",
            "generation_config.max_output_tokens",
            "generation_config.maxOutputTokens",
        ]
    }

    /// A model that is not there is 404 `NOT_FOUND` in this format.
    fn error_status(&self, error: &Error) -> u16 {
        error.status_with_unknown_model(404)
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        stream::error_frame(error)
    }

    fn stream_content_type(&self) -> &'static str {
        match self.form() {
            Form::Events => "text/event-stream",
            Form::Array => "application/json; charset=UTF-8",
        }
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        format!("{{\"totalTokens\":{tokens}}}").into()
    }

    fn claims_model_list(&self, headers: &HeaderMap) -> bool {
        self.surface == Surface::Whole && headers.contains_key("x-goog-api-key")
    }

    fn model_list_path(&self) -> Option<&'static str> {
        (self.surface == Surface::Whole).then_some("/v1beta/models")
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        listing::encode(models)
    }

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        match self.surface {
            Surface::Whole => Some(&SingleClient),
            Surface::Batch => Some(&BatchClient),
            Surface::Array => None,
        }
    }
}
