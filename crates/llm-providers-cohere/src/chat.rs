//! The vendor side of the chat format.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::rerank::{RerankRequest, RerankResponse};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};
use serde::Deserialize;

use crate::embed::Embed;
use crate::rerank::Rerank;
use crate::{CHAT, error, request, response, stream};

/// Speaks the format to a vendor. The vendor's base address ends with the version (`/v2`).
#[derive(Clone, Debug, Default)]
pub struct Chat {
    quirks: ChatQuirks,
    embed: Embed,
    rerank: Rerank,
}

/// How a vendor of this format differs from its documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatQuirks {
    /// Body fields that the vendor refuses; left out and reported.
    pub drop_params: Vec<String>,
}

impl Chat {
    /// The format as a vendor with these quirks speaks it.
    pub fn new(quirks: ChatQuirks) -> Self {
        Self { quirks, ..Self::default() }
    }
}

impl Dialect for Chat {
    fn id(&self) -> DialectId {
        CHAT
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        request::encode(request, target, &self.quirks)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        request::forward(body, envelope, target, &self.quirks)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        response::decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        response::peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn tap(&self, _options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(stream::Tap::default())
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&self.embed)
    }

    fn rerank(&self) -> Option<&dyn Exchange<RerankRequest, RerankResponse>> {
        Some(&self.rerank)
    }
}
