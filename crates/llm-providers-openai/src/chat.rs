//! The chat completions format (<https://platform.openai.com/docs/api-reference/chat>), as spoken by vendors
//! ([`ChatCompletions`]) and by clients ([`ChatIngress`]).
//!
//! What goes where beyond the documented format:
//! - thinking is shown to clients as `reasoning_content`, and as `thinking_blocks` where it has state that must come
//!   back; both are read from the history;
//! - the thought signature of a tool call travels in the call's id (`call_1#llmgw1.…`) through clients, unless it is
//!   this format's own `extra_content`, which stays where it is;
//! - an output limit read as `max_tokens` or `max_completion_tokens` is one and the same.

pub(crate) mod answer;
mod calls;
pub(crate) mod events;
mod fields;
pub(crate) mod finish;
pub(crate) mod glance;
mod message;
mod part;
mod reasoning;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod stream;
pub(crate) mod usage;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::conversion::ConversionIngress;
use llm_core::custom_tools::CustomTools;
use llm_core::dialect::{self, Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::{Exchange, ExchangeIngress};
use llm_core::images::{ImageRequest, ImageResponse};
use llm_core::ingress::{Broken, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::realtime::Realtime;
use llm_core::request::ChatRequest;
use llm_core::speech::{SpeechRequest, SpeechResponse};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatResponse, Dialect, DialectId, Envelope, Error, EventEncoder, Ingress, Passage, Result, StreamDecoder,
    StreamTap, Target,
};
use serde::Serialize;

use crate::embeddings::{Embeddings, EmbeddingsIngress};
use crate::images::ImagesIngress;
use crate::passage::{API, Api};
use crate::quirks::Quirks;
use crate::realtime::REALTIME;
use crate::speech::SpeechIngress;
use crate::{endpoints, error};

/// The name of the format.
pub const CHAT: DialectId = DialectId::new("openai.chat");

const PATH: &str = "/chat/completions";

/// The format as a vendor speaks it.
#[derive(Clone, Debug, Default)]
pub struct ChatCompletions {
    quirks: Quirks,
    embeddings: Embeddings,
    api: Api,
}

impl ChatCompletions {
    /// The format with a vendor's quirks.
    pub fn new(quirks: Quirks) -> Self {
        let embeddings = Embeddings::new(quirks.embeddings.clone());
        let api = Api::new(quirks.serves.clone());
        Self { quirks, embeddings, api }
    }
}

impl Dialect for ChatCompletions {
    fn id(&self) -> DialectId {
        CHAT
    }

    fn realtime(&self) -> Option<Realtime> {
        Some(REALTIME)
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        request::encode::encode(request, target, &self.quirks)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        request::forward::forward(body, envelope, target, &self.quirks)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        answer::decode(reply, self.quirks.completion_excludes_reasoning)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        glance::peek(body, self.quirks.completion_excludes_reasoning)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::decoder::Decoder::new(self.quirks.completion_excludes_reasoning))
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(stream::tap::Tap::new(options, self.quirks.completion_excludes_reasoning))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        self.api.serves(Operation::Embeddings).then_some(&self.embeddings as _)
    }

    fn passage(&self) -> Option<&dyn Passage> {
        Some(&self.api)
    }
}

/// The format as clients speak it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChatIngress;

impl Ingress for ChatIngress {
    fn id(&self) -> DialectId {
        CHAT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        endpoints::ALL
    }

    fn forwarded_headers(&self) -> &'static [&'static str] {
        &["openai-beta"]
    }

    fn key_subprotocol(&self) -> Option<&'static str> {
        Some("openai-insecure-api-key.")
    }

    fn tells_choices(&self) -> bool {
        true
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        request::decode(body)
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        request::as_asked(request, dialect::body_of(&ChatCompletions::default(), request)?)
    }

    fn encode(&self, response: &ChatResponse, request: &ChatRequest) -> Bytes {
        response::encode(&CustomTools::of(request).restore(response), request)
    }

    fn encoder(&self, request: &ChatRequest) -> Box<dyn EventEncoder> {
        CustomTools::of(request).encoder(Box::new(events::Encoder::new(request)))
    }

    fn wants_usage(&self, body: &Bytes, envelope: &Envelope) -> bool {
        request::wants_usage(body, envelope)
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        request::max_output_tokens(body, envelope)
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["max_completion_tokens", "max_tokens"]
    }

    fn error(&self, error: &Error) -> Bytes {
        error::body(error)
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        self.stream_error_after(error, &Broken::default())
    }

    fn stream_error_after(&self, error: &Error, broken: &Broken<'_>) -> Bytes {
        events::stream_error(error, "chat.completion.chunk", broken)
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

    fn embeddings(&self) -> Option<&dyn ExchangeIngress<EmbeddingRequest, EmbeddingResponse>> {
        Some(&EmbeddingsIngress)
    }

    fn passage(&self) -> Option<DialectId> {
        Some(API)
    }

    fn images(&self) -> Option<&dyn ConversionIngress<ImageRequest, ImageResponse>> {
        Some(&ImagesIngress)
    }

    fn speech(&self) -> Option<&dyn ConversionIngress<SpeechRequest, SpeechResponse>> {
        Some(&SpeechIngress)
    }
}

#[derive(Serialize)]
struct ShownModels<'a> {
    object: &'static str,
    data: Vec<ShownModel<'a>>,
}

#[derive(Serialize)]
struct ShownModel<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
}

pub(crate) fn encode_models(models: &[ModelCard]) -> Bytes {
    let data = models.iter().map(|model| ShownModel {
        id: &model.id,
        object: "model",
        // Constants that clients of other gateways know from there.
        created: 1_677_610_602,
        owned_by: "openai",
        mode: model.mode.as_deref(),
        max_input_tokens: model.max_input_tokens,
        max_output_tokens: model.max_output_tokens,
    });
    let shown = ShownModels { object: "list", data: data.collect() };
    serde_json::to_vec(&shown).expect("texts and numbers are always valid JSON").into()
}
