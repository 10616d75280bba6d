//! Vendors with embeddings and reranking and without chat, and what the calls without a stream share.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::rerank::{RerankRequest, RerankResponse};
use llm_core::wire::{Frame, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Event, Losses, RawJson, RawObject,
    Result, Seen, StreamDecoder, StreamTap, Target, Usage, Verdict, json,
};

use crate::request::{add, wire_request};
use crate::wire::{Fields, Malformed, ObjectWriter};
use crate::{RERANK, embed, error, rerank};

/// A format of embeddings and reranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrievalFormat {
    /// Cohere's reranking alone, as several servers of open models speak it.
    Cohere,
    /// Jina's embeddings and reranking.
    Jina,
    /// Voyage's embeddings and reranking.
    Voyage,
    /// The reranking of servers of Text Embeddings Inference.
    Tei,
}

/// Speaks to vendors that have no chat.
#[derive(Clone, Copy, Debug)]
pub struct Retrieval {
    format: RetrievalFormat,
}

impl Retrieval {
    /// A vendor's side of a format.
    pub const fn new(format: RetrievalFormat) -> Self {
        Self { format }
    }

    /// The names of the formats, each with its own.
    pub const FORMATS: [(DialectId, RetrievalFormat); 4] = [
        (RERANK, RetrievalFormat::Cohere),
        (DialectId::new("jina"), RetrievalFormat::Jina),
        (DialectId::new("voyage"), RetrievalFormat::Voyage),
        (DialectId::new("tei"), RetrievalFormat::Tei),
    ];
}

impl Dialect for Retrieval {
    fn id(&self) -> DialectId {
        let found = Self::FORMATS.iter().find(|(_, format)| *format == self.format);
        found.map_or(RERANK, |(id, _)| *id)
    }

    fn encode(&self, _request: &ChatRequest, _target: &Target) -> Result<Encoded> {
        Err(no_chat())
    }

    fn forward(&self, _body: &Bytes, _envelope: &Envelope, _target: &Target) -> Result<Encoded> {
        Err(no_chat())
    }

    fn decode(&self, _reply: &WireResponse) -> Result<ChatResponse> {
        Err(no_chat())
    }

    fn peek(&self, _body: &[u8]) -> Result<Peek> {
        Err(no_chat())
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(NoChat)
    }

    fn tap(&self, _options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(NoChat)
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        match self.format {
            RetrievalFormat::Jina => Some(&embed::Jina),
            RetrievalFormat::Voyage => Some(&embed::Voyage),
            RetrievalFormat::Cohere | RetrievalFormat::Tei => None,
        }
    }

    fn rerank(&self) -> Option<&dyn Exchange<RerankRequest, RerankResponse>> {
        Some(match self.format {
            RetrievalFormat::Cohere => &rerank::Rerank,
            RetrievalFormat::Jina => &rerank::Jina,
            RetrievalFormat::Voyage => &rerank::Voyage,
            RetrievalFormat::Tei => &rerank::TextEmbeddingsInference,
        })
    }
}

fn no_chat() -> Error {
    Error::unsupported("this vendor has no chat: its models make embeddings or rank documents")
        .with_param("model")
}

/// The stream of a vendor that has none.
struct NoChat;

impl StreamDecoder for NoChat {
    fn push(&mut self, _frame: Frame<'_>, _out: &mut Vec<Event>) -> Result<()> {
        Err(no_chat())
    }

    fn finish(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        Err(no_chat())
    }
}

impl StreamTap for NoChat {
    fn frame(&mut self, _frame: &[u8], _seen: &mut Seen) -> Result<Verdict> {
        Err(no_chat())
    }

    fn finish(&mut self, _seen: &mut Seen) -> Result<Bytes> {
        Err(no_chat())
    }
}

/// Ends a body: fields of the client that only this format has, and what the deployment takes out and sets.
pub(crate) fn finish(
    mut body: ObjectWriter,
    own: DialectId,
    extras: Option<&(DialectId, RawObject)>,
    target: &Target,
    losses: &mut Losses,
) -> Result<Vec<u8>> {
    if let Some((origin, extras)) = extras {
        for (name, value) in extras.iter() {
            if *origin == own {
                body.member(name, value);
            } else {
                losses.tuning(name.to_owned())?;
            }
        }
    }
    if target.drop_fields.is_empty() && target.extra_body.is_empty() {
        return Ok(body.finish());
    }
    let written: RawObject = body.json().read().unwrap_or_default();
    let mut kept: RawObject =
        written.into_iter().filter(|(name, _)| !target.drop_fields.contains(name)).collect();
    target.extra_body.iter().for_each(|(name, value)| kept.insert(name, value.clone()));
    Ok(ObjectWriter::new().members(&kept).finish())
}

/// Makes a request out of a client's body of the same format.
pub(crate) fn forward(path: &str, body: &Bytes, envelope: &Envelope, target: &Target) -> Encoded {
    let mut edit = envelope.edit(body);
    edit.set("model", RawJson::string(&target.model).get().to_owned());
    add(&mut edit, target);
    Encoded { request: wire_request(path, edit.finish()), losses: Vec::new() }
}

/// The body of an answer that is no error.
pub(crate) fn body(reply: &WireResponse) -> Result<Fields> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let body = Fields::of_body(&reply.body).map_err(Malformed::of_vendor)?;
    if error::is_error(&body) { Err(error::classify(reply)) } else { Ok(body) }
}

/// Tokens of kindred formats: `usage.total_tokens`, all of them of the prompt.
pub(crate) fn totals(body: &Fields) -> Usage {
    let usage = body.object("usage").ok().flatten().unwrap_or_default();
    let input = usage.count("total_tokens").or_else(|| usage.count("prompt_tokens"));
    Usage { input, ..Usage::default() }
}

/// What metering needs of an answer of a kindred format.
pub(crate) fn peek_totals(body: &[u8]) -> Result<Peek> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::new("", "not UTF-8").of_vendor())?;
    let fields = Fields::parse(text).map_err(Malformed::of_vendor)?;
    if error::is_error(&fields) {
        return Err(error::of_stream(&fields));
    }
    // Read once more, borrowed, for the place of the name.
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        model: Option<&'a serde_json::value::RawValue>,
    }
    let named = serde_json::from_str::<Named<'_>>(text).ok().and_then(|named| named.model);
    let model = named.and_then(|model| json::place(text, model.get()));
    Ok(Peek { usage: totals(&fields), finish: None, model })
}
