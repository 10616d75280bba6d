//! The vendor side of the format.

use bytes::Bytes;
use llm_core::conversion::Conversion;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::images::{ImageRequest, ImageResponse};
use llm_core::speech::{SpeechRequest, SpeechResponse};
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};

use crate::embed::Embeddings;
use crate::images::Images;
use crate::quirks::GenerateQuirks;
use crate::speech::Speech;
use crate::{GENERATE, count, error, media, request, response, stream};

/// Speaks the format to a vendor. `/models/…` follows the vendor's base address, which ends with a version
/// (`/v1beta`) or with a publisher (`/publishers/google`).
#[derive(Clone, Debug, Default)]
pub struct Generate {
    quirks: GenerateQuirks,
    embeddings: Embeddings,
}

impl Generate {
    /// The format as a vendor with these quirks speaks it.
    pub fn new(quirks: GenerateQuirks) -> Self {
        let embeddings = Embeddings::new(quirks.embeddings);
        Self { quirks, embeddings }
    }
}

impl Dialect for Generate {
    fn id(&self) -> DialectId {
        GENERATE
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

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(stream::Tap::new(options))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn count_tokens(
        &self,
        body: &Bytes,
        envelope: &Envelope,
        target: &Target,
    ) -> Option<Result<WireRequest>> {
        Some(count::request(body, envelope, target, &self.quirks))
    }

    fn read_token_count(&self, body: &[u8]) -> Option<u64> {
        count::read(body)
    }

    fn takes_url(&self, url: &str) -> bool {
        media::is_own_address(url)
    }

    fn images(&self) -> Option<&dyn Conversion<ImageRequest, ImageResponse>> {
        Some(&Images)
    }

    fn speech(&self) -> Option<&dyn Conversion<SpeechRequest, SpeechResponse>> {
        Some(&Speech)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&self.embeddings)
    }
}
