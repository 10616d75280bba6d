//! The router's chat: OpenAI's format below `/v1`, with the names of models made the router's.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};
use llm_providers_openai::{ChatCompletions, Quirks};

use crate::features::FeatureExtraction;
use crate::models;

/// The name of the router's chat in the vendors table. On the wire it is OpenAI's format.
pub const ROUTER: DialectId = DialectId::new("huggingface.chat");

/// Speaks to the router, or to a server of one's own that speaks OpenAI's format below `/v1` (TGI, a dedicated
/// endpoint). The base address ends without the version: vectors are made beside it.
#[derive(Clone, Debug)]
pub struct RouterChat {
    chat: ChatCompletions,
}

impl RouterChat {
    /// The chat with these quirks of OpenAI's format.
    pub fn new(quirks: Quirks) -> Self {
        Self { chat: ChatCompletions::new(quirks) }
    }
}

fn routed(target: &Target) -> Target {
    Target { model: models::routed(&target.model), ..target.clone() }
}

fn below_version(mut encoded: Encoded) -> Encoded {
    encoded.request.path.insert_str(0, "/v1");
    encoded
}

impl Dialect for RouterChat {
    fn id(&self) -> DialectId {
        self.chat.id()
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        self.chat.encode(request, &routed(target)).map(below_version)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        self.chat.forward(body, envelope, &routed(target)).map(below_version)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        self.chat.decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        self.chat.peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        self.chat.decoder()
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        self.chat.tap(options)
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        self.chat.classify(reply)
    }

    fn takes_url(&self, url: &str) -> bool {
        self.chat.takes_url(url)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&FeatureExtraction)
    }
}
