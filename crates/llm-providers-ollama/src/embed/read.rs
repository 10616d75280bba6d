//! Requests of clients and answers of servers, read.

use llm_core::dialect::Peek;
use llm_core::embedding::{Embedding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Truncate};
use llm_core::wire::WireResponse;
use llm_core::{Envelope, Error, RawJson, Result, Usage};

use crate::body::{Malformed, Members};
use crate::{EMBED, error};

/// Reads a body of `/api/embed`.
pub(super) fn request(body: &[u8]) -> Result<EmbeddingRequest> {
    read_request(body).map_err(Malformed::of_client)
}

fn read_request(body: &[u8]) -> Result<EmbeddingRequest, Malformed> {
    let mut body = Members::of_bytes(body)?;
    let input = body.raw("input").ok_or_else(|| Malformed::new("input", "field required"))?;
    let texts = serde_json::from_str::<String>(input.get()).map(|text| vec![text]);
    let texts = texts.or_else(|_| serde_json::from_str::<Vec<String>>(input.get()));
    let texts = texts.map_err(|_| Malformed::new("input", "expected a string or a list of strings"))?;
    let truncate: Option<bool> = body.take("truncate", "true or false")?;
    let dimensions = body.whole("dimensions")?.and_then(|count| u64::try_from(count).ok());
    let request = EmbeddingRequest {
        model: body.required("model")?,
        inputs: texts.into_iter().map(EmbeddingInput::Text).collect(),
        // Servers of this format take 0 for "as many as there are".
        dimensions: dimensions.filter(|count| *count > 0),
        truncate: truncate.map(|cut| if cut { Truncate::End } else { Truncate::Never }),
        ..EmbeddingRequest::default()
    };
    Ok(with_extras(request, body))
}

/// Reads a body of `/api/embeddings`.
pub(super) fn prompt(body: &[u8]) -> Result<EmbeddingRequest> {
    read_prompt(body).map_err(Malformed::of_client)
}

fn read_prompt(body: &[u8]) -> Result<EmbeddingRequest, Malformed> {
    let mut body = Members::of_bytes(body)?;
    let request = EmbeddingRequest {
        model: body.required("model")?,
        inputs: vec![EmbeddingInput::Text(body.required("prompt")?)],
        ..EmbeddingRequest::default()
    };
    Ok(with_extras(request, body))
}

fn with_extras(request: EmbeddingRequest, body: Members<'_>) -> EmbeddingRequest {
    let said = |raw: &RawJson| !matches!(raw.get(), "{}");
    let extras = body.rest().into_iter().filter(|(_, value)| said(value)).collect();
    EmbeddingRequest { extras: Some((EMBED, extras)), ..request }
}

/// Reads a server's answer, of the older form too.
pub(super) fn answer(reply: &WireResponse) -> Result<EmbeddingResponse> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    let mut members = Members::of_bytes(&reply.body).map_err(Malformed::of_vendor)?;
    if let Some(raw) = members.raw("error") {
        return Err(error::in_answer(raw.get()));
    }
    read_answer(members).map_err(Malformed::of_vendor)
}

fn read_answer(mut members: Members<'_>) -> Result<EmbeddingResponse, Malformed> {
    let lists: Option<Vec<Vec<f32>>> = members.take("embeddings", "a list of lists of numbers")?;
    let single: Option<Vec<f32>> = members.take("embedding", "a list of numbers")?;
    let vectors = lists.or_else(|| single.map(|vector| vec![vector]));
    let vectors = vectors.ok_or_else(|| Malformed::new("embeddings", "field required"))?;
    let model = members.text("model")?.unwrap_or_default();
    let usage = usage(members.whole("prompt_eval_count")?);
    let extras = members.rest();
    Ok(EmbeddingResponse {
        model,
        embeddings: vectors
            .into_iter()
            .map(|float| Embedding { float: Some(float), ..Embedding::default() })
            .collect(),
        usage,
        extras: (!extras.is_empty()).then_some((EMBED, extras)),
        ..EmbeddingResponse::default()
    })
}

fn usage(prompt: Option<i64>) -> Usage {
    Usage { input: prompt.and_then(|count| u64::try_from(count).ok()), ..Usage::default() }
}

/// Reads of an answer only what metering needs.
pub(super) fn peek(body: &[u8]) -> Result<Peek> {
    let unreadable = || Error::bad_answer("the vendor's answer is not of this format");
    let envelope = Envelope::scan(body).map_err(|_| unreadable())?;
    if let Some(error) = envelope.value(body, "error").filter(|error| *error != "null") {
        return Err(error::in_answer(error));
    }
    if envelope.range(body, "embeddings").is_none() && envelope.range(body, "embedding").is_none() {
        return Err(unreadable());
    }
    let count = envelope.read::<i64>(body, "prompt_eval_count").ok().flatten();
    Ok(Peek { usage: usage(count), finish: None, model: envelope.range(body, "model") })
}
