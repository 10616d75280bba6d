//! Answers with vectors, in each of their forms.

use llm_core::dialect::Peek;
use llm_core::embedding::{Embedding, EmbeddingRequest, EmbeddingResponse};
use llm_core::wire::WireResponse;
use llm_core::{Error, Result, Usage};
use serde_json::value::RawValue;

use crate::wire::{Malformed, Members};
use crate::{error, usage};

/// Reads an answer.
pub(super) fn decode(reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let text = std::str::from_utf8(&reply.body)
        .map_err(|_| Error::bad_answer("the vendor's answer is not UTF-8"))?;
    let answer = Members::parse(text).map_err(Malformed::of_vendor)?;
    if answer.raw("error").is_some() {
        return Err(error::classify(reply));
    }
    let embeddings = vectors(&answer).map_err(Malformed::of_vendor)?;
    if embeddings.len() != request.inputs.len() {
        return Err(Error::bad_answer(format!(
            "the vendor answered {} embeddings to {} inputs",
            embeddings.len(),
            request.inputs.len()
        )));
    }
    let (model, usage) = (request.model.clone(), counted(&answer));
    Ok(EmbeddingResponse { model, embeddings, usage, ..EmbeddingResponse::default() })
}

fn vectors(answer: &Members<'_>) -> Result<Vec<Embedding>, Malformed> {
    if let Some(one) = answer.object("embedding")? {
        return Ok(vec![vector(&one).map_err(|fault| fault.within("embedding"))?]);
    }
    let key = ["embeddings", "predictions"].into_iter().find(|key| answer.raw(key).is_some());
    let key = key.ok_or_else(|| Malformed::new("embeddings", "field required"))?;
    let read = |(at, raw): (usize, &RawValue)| {
        let members = Members::parse(raw.get())?;
        let inner = if key == "predictions" { members.object("embeddings")? } else { Some(members) };
        let inner = inner.ok_or_else(|| Malformed::new("embeddings", "field required"));
        inner.and_then(|inner| vector(&inner)).map_err(|fault| fault.within(at).within(key))
    };
    answer.array(key)?.into_iter().enumerate().map(read).collect()
}

fn vector(embedding: &Members<'_>) -> Result<Embedding, Malformed> {
    let values = embedding.read("values", "a list of numbers")?;
    let values = values.ok_or_else(|| Malformed::new("values", "field required"))?;
    Ok(Embedding { float: Some(values), ..Embedding::default() })
}

/// Tokens, where the vendor says any: of the whole, or of each text.
fn counted(answer: &Members<'_>) -> Usage {
    if let Ok(Some(metadata)) = answer.object("usageMetadata") {
        return usage::read(&metadata);
    }
    let tokens = answer.array("predictions").unwrap_or_default().into_iter().filter_map(|raw| {
        let embeddings = Members::parse(raw.get()).ok()?.object("embeddings").ok()??;
        embeddings.object("statistics").ok()??.count("tokenCount").ok()?
    });
    Usage { input: tokens.reduce(u64::saturating_add), ..Usage::default() }
}

/// Reads only what metering needs.
pub(super) fn peek(body: &[u8]) -> Result<Peek> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::bad_answer("the vendor's answer is no answer: it is not UTF-8"))?;
    let answer = Members::parse(text).map_err(Malformed::of_vendor)?;
    let told = ["embedding", "embeddings", "predictions"];
    if told.iter().all(|key| answer.raw(key).is_none()) {
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        return Err(error::classify(&reply));
    }
    Ok(Peek { usage: counted(&answer), ..Peek::default() })
}
