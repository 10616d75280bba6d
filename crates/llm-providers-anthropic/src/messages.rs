//! The vendor side of the format.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};

use crate::quirks::MessagesQuirks;
use crate::wire::Members;
use crate::{MESSAGES, error, request, response, stream};

/// Speaks the format to a vendor. The vendor's base address ends with the version (`/v1`).
#[derive(Clone, Debug, Default)]
pub struct Messages {
    quirks: MessagesQuirks,
}

impl Messages {
    /// The format as a vendor with these quirks speaks it.
    pub fn new(quirks: MessagesQuirks) -> Self {
        Self { quirks }
    }
}

impl Dialect for Messages {
    fn id(&self) -> DialectId {
        MESSAGES
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
        request::count(body, envelope, target, &self.quirks).map(Ok)
    }

    fn read_token_count(&self, body: &[u8]) -> Option<u64> {
        let members = Members::parse(std::str::from_utf8(body).ok()?).ok()?;
        members.read("input_tokens", "a count").ok()?
    }

    fn count_tokens_path(&self) -> Option<&'static str> {
        self.quirks.path.is_none().then_some("/messages/count_tokens")
    }
}
