//! The client side of embeddings. Its two paths are two forms: one request, or a list of them.

use bytes::Bytes;
use llm_core::embedding::{Embedding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::ExchangeIngress;
use llm_core::message::Reasoning;
use llm_core::{DialectId, Error, Part, RawJson, Result};

use super::purpose;
use crate::GENERATE;
use crate::parts::{Piece, Side, read_part};
use crate::usage;
use crate::wire::{Malformed, Members, ObjectWriter};

/// `:embedContent`.
#[derive(Debug)]
pub(crate) struct SingleClient;

/// `:batchEmbedContents`.
#[derive(Debug)]
pub(crate) struct BatchClient;

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for SingleClient {
    fn id(&self) -> DialectId {
        GENERATE
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        read(body)
    }

    fn encode(&self, answer: &EmbeddingResponse, _request: &EmbeddingRequest) -> Bytes {
        let mut object = ObjectWriter::new();
        object.optional("embedding", answer.embeddings.first().map(shown).as_ref());
        counted(answer, object)
    }
}

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for BatchClient {
    fn id(&self) -> DialectId {
        GENERATE
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        read(body)
    }

    fn encode(&self, answer: &EmbeddingResponse, _request: &EmbeddingRequest) -> Bytes {
        let mut object = ObjectWriter::new();
        object.member("embeddings", &answer.embeddings.iter().map(shown).collect::<Vec<_>>());
        counted(answer, object)
    }
}

fn shown(embedding: &Embedding) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("values", embedding.float.as_deref().unwrap_or_default());
    object.json()
}

fn counted(answer: &EmbeddingResponse, mut object: ObjectWriter) -> Bytes {
    let usage = usage::write(&answer.usage, None, None);
    object.optional("usageMetadata", (!usage.is_empty()).then_some(&usage));
    object.finish().into()
}

/// Reads a request, or a list of them. One list has one purpose and size: the first request's.
pub(super) fn read(body: &Bytes) -> Result<EmbeddingRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("invalid request body: not UTF-8"))?;
    members(text).map_err(Malformed::of_client)
}

fn members(text: &str) -> Result<EmbeddingRequest, Malformed> {
    let body = Members::parse(text)?;
    if body.raw("requests").is_none() {
        return one(&body);
    }
    let mut all: Option<EmbeddingRequest> = None;
    for (at, raw) in body.array("requests")?.into_iter().enumerate() {
        let inside = |fault: Malformed| fault.within(at).within("requests");
        let mut one = Members::parse(raw.get()).and_then(|members| one(&members)).map_err(inside)?;
        match &mut all {
            None => all = Some(one),
            Some(all) if all.purpose == one.purpose && all.dimensions == one.dimensions => {
                all.inputs.append(&mut one.inputs);
            }
            Some(_) => {
                let why = "expected the same `taskType` and `outputDimensionality` as in the first request";
                return Err(inside(Malformed::new("", why)));
            }
        }
    }
    all.ok_or_else(|| Malformed::new("requests", "expected at least one request"))
}

fn one(body: &Members<'_>) -> Result<EmbeddingRequest, Malformed> {
    const MODELLED: &[&str] = &["model", "content", "taskType", "title", "outputDimensionality", "role"];
    let content = body.object("content")?.ok_or_else(|| Malformed::new("content", "field required"))?;
    let extras = body.rest(MODELLED);
    let model = body.text("model")?.unwrap_or_default();
    Ok(EmbeddingRequest {
        model: model.strip_prefix("models/").unwrap_or(&model).to_owned(),
        inputs: vec![input(&content).map_err(|fault| fault.within("content"))?],
        dimensions: body.count("outputDimensionality")?,
        purpose: body
            .word("taskType")
            .filter(|word| word != "TASK_TYPE_UNSPECIFIED")
            .map(|word| purpose(&word)),
        title: body.text("title")?,
        extras: (!extras.is_empty()).then_some((GENERATE, extras)),
        ..EmbeddingRequest::default()
    })
}

fn input(content: &Members<'_>) -> Result<EmbeddingInput, Malformed> {
    let raw = match content.raw("parts") {
        Some(single) if single.get().starts_with('{') => vec![single],
        _ => content.array("parts")?,
    };
    let mut parts = Vec::with_capacity(raw.len());
    for (at, raw) in raw.into_iter().enumerate() {
        let piece = read_part(raw, Side::Client).map_err(|fault| fault.within(at).within("parts"))?;
        parts.push(match piece {
            Piece::Text(text, _) => Part::text(text),
            Piece::Thought(text, _) => Part::Reasoning(Reasoning { text, ..Reasoning::default() }),
            Piece::Whole(part, _) => part,
            Piece::Call { .. } | Piece::Result { .. } => {
                return Err(Malformed::new("", "expected texts, pictures or files")
                    .within(at)
                    .within("parts"));
            }
        });
    }
    match parts.as_slice() {
        [] => Err(Malformed::new("parts", "expected at least one part")),
        [Part::Text(text)] => Ok(EmbeddingInput::Text(text.text.as_str().to_owned())),
        _ => Ok(EmbeddingInput::Parts(parts)),
    }
}
