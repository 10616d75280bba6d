//! The vendor side of text generation. No client of ours speaks it.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, Seen, StreamDecoder, StreamTap,
    Target, Verdict,
};

use crate::features::FeatureExtraction;
use crate::{TEXT, error, request, response, stream};

/// Speaks text generation to models that Hugging Face runs itself and to servers of Text Generation Inference.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextGeneration;

impl Dialect for TextGeneration {
    fn id(&self) -> DialectId {
        TEXT
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        request::encode(request, target)
    }

    fn forward(&self, _body: &Bytes, _envelope: &Envelope, _target: &Target) -> Result<Encoded> {
        Err(no_client())
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        response::decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        let answer = response::decode(&reply)?;
        let finish = answer.choices.into_iter().next().and_then(|choice| choice.finish);
        Ok(Peek { usage: answer.usage, finish, model: None })
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn tap(&self, _options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(NoClient)
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&FeatureExtraction)
    }
}

fn no_client() -> Error {
    Error::internal("text generation has no client side: nothing can pass through it as it is")
}

struct NoClient;

impl StreamTap for NoClient {
    fn frame(&mut self, _frame: &[u8], _seen: &mut Seen) -> Result<Verdict> {
        Err(no_client())
    }

    fn finish(&mut self, _seen: &mut Seen) -> Result<Bytes> {
        Err(no_client())
    }
}
