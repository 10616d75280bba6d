//! The vendor side of the format.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::{Framing, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};

use crate::quirks::ChatQuirks;
use crate::{CHAT, Embed, error, request, response, stream};

/// Speaks the format to a server. The server's base address ends before `/api`.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    quirks: ChatQuirks,
}

impl Chat {
    /// The format as a server with these quirks speaks it.
    pub fn new(quirks: ChatQuirks) -> Self {
        Self { quirks }
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

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(stream::Tap::new(&options))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn framing(&self) -> Framing {
        Framing::JsonLines
    }

    /// Servers of this format take the bytes of pictures only.
    fn takes_url(&self, _url: &str) -> bool {
        false
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&Embed)
    }
}
