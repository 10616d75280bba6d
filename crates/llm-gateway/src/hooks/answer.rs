//! An answer as hooks see it.

use bytes::Bytes;
use llm_core::provider::Inbound;
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, Error, Result, Seen, Usage};
use llm_router::Started;

/// A whole answer that may be changed.
pub struct HookedAnswer<'a> {
    inbound: &'a Inbound,
    answer: Started,
}

impl<'a> HookedAnswer<'a> {
    /// `None` is a stream.
    pub(super) fn new(inbound: &'a Inbound, answer: Started) -> Self {
        Self { inbound, answer }
    }

    pub(super) fn into_answer(self) -> Started {
        self.answer
    }

    /// The answer of a chat in canonical form; `None` when it passes in the vendor's own bytes, which the client's
    /// dialect has ([`super::Wants::canonical`] rules that out), or is no chat.
    pub fn chat(&mut self) -> Option<&mut ChatResponse> {
        match &mut self.answer {
            Started::Decoded(response) => Some(response),
            _ => None,
        }
    }

    /// The answer in the client's dialect.
    ///
    /// # Errors
    /// When the request cannot be read any more, which it is written for.
    pub fn body(&self) -> Result<Bytes> {
        let ingress = &self.inbound.ingress;
        match &self.answer {
            Started::Native { body, .. } => Ok(body.joined()),
            Started::Decoded(response) => Ok(ingress.encode(response, self.inbound.decoded()?)),
            Started::Embeddings(response) => {
                let client = ingress.embeddings().ok_or_else(no_answer)?;
                Ok(client.encode(response, self.inbound.embedding_request()?))
            }
            Started::Rerank(response) => {
                let client = ingress.rerank().ok_or_else(no_answer)?;
                Ok(client.encode(response, self.inbound.rerank_request()?))
            }
            Started::NativeStream { .. } | Started::Events { .. } => Err(no_answer()),
        }
    }

    /// The body of the request that it answers, in the client's dialect.
    pub fn request_body(&self) -> &Bytes {
        &self.inbound.body
    }

    /// Puts another answer in the place of this one, in the client's dialect. What the call used stays as the vendor
    /// said it.
    pub fn set_body(&mut self, body: Bytes) {
        let seen = match &self.answer {
            Started::Native { seen, .. } => (**seen).clone(),
            _ => Seen { content: true, ended: true, usage: self.usage(), ..Seen::default() },
        };
        self.answer = Started::Native { body: WireBody::from(body), seen: Box::new(seen) };
    }

    /// What it used.
    pub(super) fn usage(&self) -> Usage {
        match &self.answer {
            Started::Native { seen, .. } => seen.usage,
            Started::Decoded(response) => response.usage,
            Started::Embeddings(response) => response.usage,
            Started::Rerank(response) => response.usage,
            Started::NativeStream { .. } | Started::Events { .. } => Usage::default(),
        }
    }
}

fn no_answer() -> Error {
    Error::internal("a hook was shown an answer that is none")
}
