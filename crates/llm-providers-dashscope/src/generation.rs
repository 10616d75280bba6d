//! The vendor side of the format.

use bytes::Bytes;
use llm_core::conversion::Conversion;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::images::{ImageRequest, ImageResponse};
use llm_core::rerank::{RerankRequest, RerankResponse};
use llm_core::speech::{SpeechRequest, SpeechResponse};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};

use crate::embeddings::Embeddings;
use crate::images::Images;
use crate::quirks::GenerationQuirks;
use crate::rerank::Rerank;
use crate::speech::Speech;
use crate::{GENERATION, error, request, response, stream};

/// Speaks the format to a vendor. The vendor's base address ends with the version (`/api/v1`).
#[derive(Clone, Debug, Default)]
pub struct Generation {
    quirks: GenerationQuirks,
}

impl Generation {
    /// The format as a vendor with these quirks speaks it.
    pub fn new(quirks: GenerationQuirks) -> Self {
        Self { quirks }
    }
}

impl Dialect for Generation {
    fn id(&self) -> DialectId {
        GENERATION
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
        // Frames of this format name no model, and each of them has usage and content.
        Box::new(stream::Tap::default())
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&Embeddings)
    }

    fn images(&self) -> Option<&dyn Conversion<ImageRequest, ImageResponse>> {
        Some(&Images)
    }

    fn speech(&self) -> Option<&dyn Conversion<SpeechRequest, SpeechResponse>> {
        Some(&Speech)
    }

    fn rerank(&self) -> Option<&dyn Exchange<RerankRequest, RerankResponse>> {
        Some(&Rerank)
    }
}
