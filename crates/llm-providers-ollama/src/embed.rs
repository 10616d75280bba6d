//! Vectors: `/api/embed` towards servers and clients, and the older `/api/embeddings` towards clients.

mod read;
mod write;

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, Target};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::{Exchange, ExchangeIngress};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Result};

use crate::{EMBED, EMBEDDINGS};

/// Asks a server for vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embed;

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embed {
    fn id(&self) -> DialectId {
        EMBED
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        write::request(request, target)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        write::forwarded(body, envelope, target)
    }

    fn decode(&self, reply: &WireResponse, _request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        read::answer(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        read::peek(body)
    }
}

/// Answers clients that ask for vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbedIngress;

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for EmbedIngress {
    fn id(&self) -> DialectId {
        EMBED
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        read::request(body)
    }

    fn encode(&self, answer: &EmbeddingResponse, request: &EmbeddingRequest) -> Bytes {
        write::answer(answer, request)
    }
}

/// Answers clients that ask for one vector in the older way.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddingsIngress;

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for EmbeddingsIngress {
    fn id(&self) -> DialectId {
        EMBEDDINGS
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        read::prompt(body)
    }

    fn encode(&self, answer: &EmbeddingResponse, _request: &EmbeddingRequest) -> Bytes {
        write::single(answer)
    }
}
