//! A format of OpenAI's at Azure's paths.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::{Framing, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Passage, Result, StreamDecoder,
    StreamTap, Target,
};

use crate::error;
use crate::surface::Surface;

/// The format `D` as Azure serves it: its bytes and its id, at the paths of a surface.
#[derive(Clone, Debug)]
pub struct Azure<D> {
    pub(crate) format: D,
    pub(crate) surface: Surface,
}

impl<D> Azure<D> {
    /// A format at a base URL that has the path of a [`crate::place::Place`].
    pub fn new(format: D, base_url: &str) -> Self {
        Self { format, surface: Surface::of(base_url) }
    }

    pub(crate) fn moved(&self, mut encoded: Encoded, target: &Target) -> Encoded {
        encoded.request.path = self.surface.path(&encoded.request.path, &target.model);
        encoded
    }
}

impl<D: Dialect> Dialect for Azure<D> {
    fn id(&self) -> DialectId {
        self.format.id()
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        self.format.encode(request, target).map(|encoded| self.moved(encoded, target))
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        self.format.forward(body, envelope, target).map(|encoded| self.moved(encoded, target))
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        self.format.decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        self.format.peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        self.format.decoder()
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        self.format.tap(options)
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::explained(self.format.classify(reply))
    }

    fn framing(&self) -> Framing {
        self.format.framing()
    }

    fn count_tokens_path(&self) -> Option<&'static str> {
        self.format.count_tokens_path()
    }

    fn takes_url(&self, url: &str) -> bool {
        self.format.takes_url(url)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        self.format.embeddings().map(|_| self as &dyn Exchange<_, _>)
    }

    fn passage(&self) -> Option<&dyn Passage> {
        self.format.passage().map(|_| self as &dyn Passage)
    }
}
