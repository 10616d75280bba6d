//! The vendor side of the format.

use bytes::Bytes;
use llm_core::conversion::Conversion;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::images::{ImageRequest, ImageResponse};
use llm_core::wire::{Framing, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};

use crate::embeddings::InvokeEmbeddings;
use crate::images::InvokeImages;
use crate::quirks::ConverseQuirks;
use crate::{CONVERSE, error, request, response, stream};

/// Speaks the format to a vendor. The vendor's base address is its host.
#[derive(Clone, Debug, Default)]
pub struct Converse {
    quirks: ConverseQuirks,
    embeddings: InvokeEmbeddings,
}

impl Converse {
    /// The format as a vendor with these quirks speaks it.
    pub fn new(quirks: ConverseQuirks) -> Self {
        Self { quirks, embeddings: InvokeEmbeddings }
    }
}

impl Dialect for Converse {
    fn id(&self) -> DialectId {
        CONVERSE
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

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn takes_url(&self, url: &str) -> bool {
        url.starts_with("s3://")
    }

    fn images(&self) -> Option<&dyn Conversion<ImageRequest, ImageResponse>> {
        Some(&InvokeImages)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&self.embeddings)
    }
}
