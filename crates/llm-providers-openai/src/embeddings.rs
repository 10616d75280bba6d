//! The embeddings format (<https://platform.openai.com/docs/api-reference/embeddings>), as spoken by vendors
//! ([`Embeddings`]) and by clients ([`EmbeddingsIngress`]).
//!
//! `input_type` (or another field, by the vendor's quirks) says what vectors are for; the documented format has no
//! such field, many vendors of the format have.

mod inputs;
mod quirks;
mod request;
mod response;

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, Target};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::{Exchange, ExchangeIngress};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Result};

pub use quirks::{EmbeddingPurposes, EmbeddingQuirks};

/// The name of the format.
pub const EMBEDDINGS: DialectId = DialectId::new("openai.embeddings");

/// The name of the format when a vendor's base64 means something else: bodies are translated, not forwarded.
const SMALL: DialectId = DialectId::new("openai.embeddings.int8");

/// The format as a vendor speaks it.
#[derive(Clone, Debug, Default)]
pub struct Embeddings {
    quirks: EmbeddingQuirks,
}

impl Embeddings {
    /// The format with a vendor's quirks.
    pub fn new(quirks: EmbeddingQuirks) -> Self {
        Self { quirks }
    }
}

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embeddings {
    fn id(&self) -> DialectId {
        if self.quirks.int8 { SMALL } else { EMBEDDINGS }
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        request::encode(request, target, &self.quirks)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        request::forward(body, envelope, target, &self.quirks)
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        response::decode(reply, request, &self.quirks)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        response::peek(body)
    }

    fn most_inputs(&self) -> Option<usize> {
        self.quirks.most_inputs
    }
}

/// The format as clients speak it.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddingsIngress;

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for EmbeddingsIngress {
    fn id(&self) -> DialectId {
        EMBEDDINGS
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        request::decode(body)
    }

    fn encode(&self, answer: &EmbeddingResponse, request: &EmbeddingRequest) -> Bytes {
        response::encode(answer, request)
    }
}
