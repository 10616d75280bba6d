//! The question of a health check: a word, and one token of answer. It is asked in no client's dialect, so that every
//! vendor gets it translated.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::event::Event;
use llm_core::ingress::{EventEncoder, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::provider::Inbound;
use llm_core::{ChatRequest, ChatResponse, DialectId, Envelope, Error, Ingress, Message, Result, Role};

const DIALECT: DialectId = DialectId::new("gateway.check");

/// What is asked.
const WORDS: &str = "ping";

/// The question.
///
/// # Errors
/// Never: its body is an object.
pub(super) fn question() -> Result<Inbound> {
    Inbound::new(Arc::new(Question), Operation::Chat, HeaderMap::new(), Bytes::from_static(b"{}"))
}

/// A dialect in which one thing can be said, and whose answers nobody reads.
struct Question;

impl Ingress for Question {
    fn id(&self) -> DialectId {
        DIALECT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &[]
    }

    fn decode(&self, _body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        Ok(ChatRequest {
            messages: vec![Message::text(Role::User, WORDS)],
            max_output_tokens: Some(1),
            ..ChatRequest::default()
        })
    }

    fn encode(&self, _response: &ChatResponse, _request: &ChatRequest) -> Bytes {
        Bytes::new()
    }

    fn encoder(&self, _request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(Unread)
    }

    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        true
    }

    fn max_output_tokens(&self, _body: &Bytes, _envelope: &Envelope) -> Option<u64> {
        Some(1)
    }

    fn error(&self, _error: &Error) -> Bytes {
        Bytes::new()
    }

    fn stream_error(&self, _error: &Error) -> Bytes {
        Bytes::new()
    }

    fn encode_token_count(&self, _tokens: u64) -> Bytes {
        Bytes::new()
    }

    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, _models: &[ModelCard]) -> Bytes {
        Bytes::new()
    }
}

struct Unread;

impl EventEncoder for Unread {
    fn push(&mut self, _event: &Event, _out: &mut BytesMut) {}
}
