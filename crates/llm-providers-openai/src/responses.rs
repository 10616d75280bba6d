//! The OpenAI Responses format (`/v1/responses`) in both directions.
//!
//! Towards vendors [`Responses`], towards clients [`ResponsesIngress`]. Three things set this format apart:
//!
//! - An answer is a list of items, and an item's id is not the id of the call in it: results name the call.
//! - Vendors may keep answers, and requests may refer to them (`previous_response_id`). Only a vendor of this
//!   format can be asked such a thing; for others it is a part of the conversation that they cannot be told.
//! - State of a model (encrypted reasoning) travels in the items. That of models that other formats speak to
//!   travels in reasoning items of ours; how, says the private module `reasoning`.

mod answer;
mod content;
mod decoder;
mod encode;
mod encoder;
mod fields;
mod forward;
mod ingress;
mod input;
mod items;
mod output;
mod quirks;
mod reasoning;
mod rendering;
mod request;
mod response;
mod tap;
mod tools;
mod usage;
mod write;

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions, Target};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Passage, Result, StreamDecoder, StreamTap,
};

pub use self::ingress::ResponsesIngress;
pub use self::quirks::ResponsesQuirks;
use crate::embeddings::Embeddings;
use crate::error;
use crate::passage::Api;

/// The name of this format.
pub const RESPONSES: DialectId = DialectId::new("openai.responses");

/// A vendor of this format.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    quirks: ResponsesQuirks,
    embeddings: Embeddings,
    api: Api,
}

impl Responses {
    /// A vendor that differs in these ways from what the format's author documents.
    pub fn new(quirks: ResponsesQuirks) -> Self {
        Self { quirks, embeddings: Embeddings::default(), api: Api::default() }
    }
}

impl Dialect for Responses {
    fn id(&self) -> DialectId {
        RESPONSES
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        encode::encode(&self.quirks, request, target)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        forward::forward(&self.quirks, body, envelope, target)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        response::decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        response::peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::<decoder::Decoder>::default()
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(tap::Tap::new(options))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn count_tokens_path(&self) -> Option<&'static str> {
        self.quirks.count_tokens.then_some("/responses/input_tokens")
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&self.embeddings)
    }

    fn passage(&self) -> Option<&dyn Passage> {
        Some(&self.api)
    }
}

#[cfg(test)]
mod tests;
