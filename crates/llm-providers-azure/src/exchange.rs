//! Embeddings of a format at Azure's paths.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{Dialect, DialectId, Envelope, Error, Result, Target};

use crate::dialect::Azure;

type Embeddings<'a> = dyn Exchange<EmbeddingRequest, EmbeddingResponse> + 'a;

impl<D: Dialect> Azure<D> {
    fn embeddings_of_format(&self) -> Result<&Embeddings<'_>> {
        self.format.embeddings().ok_or_else(|| Error::unsupported("this format has no embeddings"))
    }
}

impl<D: Dialect> Exchange<EmbeddingRequest, EmbeddingResponse> for Azure<D> {
    fn id(&self) -> DialectId {
        self.format.embeddings().map_or_else(|| self.format.id(), |embeddings| embeddings.id())
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        self.embeddings_of_format()?.encode(request, target).map(|encoded| self.moved(encoded, target))
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        let forwarded = self.embeddings_of_format()?.forward(body, envelope, target);
        forwarded.map(|encoded| self.moved(encoded, target))
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        self.embeddings_of_format()?.decode(reply, request)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        self.embeddings_of_format()?.peek(body)
    }

    fn most_inputs(&self) -> Option<usize> {
        self.format.embeddings()?.most_inputs()
    }
}
