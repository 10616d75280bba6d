//! Answers: a vendor's body into canonical form, what metering needs of it, and canonical form into a body for a
//! client.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::Peek;
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingRequest, EmbeddingResponse, from_base64, int8_from_base64,
    to_base64,
};
use llm_core::json::place;
use llm_core::order;
use llm_core::wire::WireResponse;
use llm_core::{Error, RawObject, Result, Usage};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::quirks::EmbeddingQuirks;
use crate::{cost, error};

#[derive(Deserialize)]
struct WireAnswer<'a> {
    id: Option<String>,
    model: Option<String>,
    data: Option<Vec<WireVector>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireVector {
    index: Option<usize>,
    embedding: WireEmbedding,
}

enum WireEmbedding {
    Numbers(Vec<f32>),
    Base64(String),
}

impl<'de> Deserialize<'de> for WireEmbedding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = WireEmbedding;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of numbers or base64")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WireEmbedding, E> {
                Ok(WireEmbedding::Base64(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WireEmbedding, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(WireEmbedding::Numbers(numbers))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads a vendor's answer.
pub(super) fn decode(
    reply: &WireResponse,
    request: &EmbeddingRequest,
    quirks: &EmbeddingQuirks,
) -> Result<EmbeddingResponse> {
    let answer: WireAnswer<'_> =
        serde_json::from_slice(&reply.body).map_err(|fault| unreadable(reply, &fault))?;
    if let Some(raw) = answer.error {
        return Err(error::classify_value(raw.get()));
    }
    let Some(mut vectors) = answer.data else { return Err(error::classify(reply)) };
    order::sort_by_key(&mut vectors, |vector| vector.index.unwrap_or(0));
    let embeddings = vectors.into_iter().map(|vector| embedding(vector.embedding, request, quirks));
    Ok(EmbeddingResponse {
        id: answer.id,
        model: answer.model.unwrap_or_default(),
        embeddings: embeddings.collect::<Result<_>>()?,
        usage: answer.usage.map(usage).unwrap_or_default(),
        extras: None,
    })
}

fn embedding(
    vector: WireEmbedding,
    request: &EmbeddingRequest,
    quirks: &EmbeddingQuirks,
) -> Result<Embedding> {
    let text = match vector {
        WireEmbedding::Numbers(numbers) => return Ok(Embedding::of(numbers)),
        WireEmbedding::Base64(text) => text,
    };
    let broken = || Error::bad_answer("the vendor's answer has an embedding that is no base64 of numbers");
    if !quirks.int8 {
        return from_base64(&text).map(Embedding::of).ok_or_else(broken);
    }
    let numbers = int8_from_base64(&text).ok_or_else(broken)?;
    if request.encodings.first() == Some(&EmbeddingEncoding::Int8) {
        return Ok(Embedding { float: None, packed: vec![(EmbeddingEncoding::Int8, numbers)] });
    }
    Ok(Embedding::of(numbers.into_iter().map(f32::from).collect()))
}

fn unreadable(reply: &WireResponse, fault: &serde_json::Error) -> Error {
    // A body of another shape may be an error in a form of the vendor's own.
    let error = error::classify(reply);
    if error.kind() == llm_core::ErrorKind::BadUpstreamAnswer {
        return error.with_detail(format!("no embeddings: {}", llm_core::json::complaint(fault)));
    }
    error
}

#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    data: Option<IgnoredAny>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Reads what metering needs.
pub(super) fn peek(body: &[u8]) -> Result<Peek> {
    let whole = || WireResponse { status: 200, headers: HeaderMap::new(), body: body.to_vec().into() };
    let text = std::str::from_utf8(body).map_err(|_| error::classify(&whole()))?;
    let glance: Glance<'_> = serde_json::from_str(text).map_err(|fault| unreadable(&whole(), &fault))?;
    if let Some(raw) = glance.error {
        return Err(error::classify_value(raw.get()));
    }
    if glance.data.is_none() {
        return Err(error::classify(&whole()));
    }
    Ok(Peek {
        usage: glance.usage.map(usage).unwrap_or_default(),
        finish: None,
        model: glance.model.and_then(|raw| place(text, raw.get())),
    })
}

/// What was used. Some vendors count only a total; all of it is input.
fn usage(raw: &RawValue) -> Usage {
    let Ok(report) = serde_json::from_str::<RawObject>(raw.get()) else { return Usage::default() };
    let count = |key: &str| report.get(key).and_then(|value| value.read::<u64>().ok());
    let details = report.get("prompt_tokens_details").and_then(|value| value.read::<RawObject>().ok());
    let images = details.as_ref().and_then(|details| details.get("image_tokens")?.read::<u64>().ok());
    let images = images.filter(|images| *images > 0);
    let prompt = count("prompt_tokens").or_else(|| count("total_tokens"));
    Usage {
        input: prompt.map(|prompt| prompt.saturating_sub(images.unwrap_or(0))),
        image_in: images,
        reported_cost: cost::KEYS.iter().find_map(|key| cost::read_text(key, report.get(key)?.get())),
        ..Usage::default()
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    object: &'static str,
    data: Vec<ShownVector<'a>>,
    model: &'a str,
    usage: ShownUsage,
}

#[derive(Serialize)]
struct ShownVector<'a> {
    object: &'static str,
    index: usize,
    embedding: ShownEmbedding<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownEmbedding<'a> {
    Numbers(&'a [f32]),
    Whole(&'a [i16]),
    Base64(String),
}

#[derive(Serialize)]
struct ShownUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes an answer for a client.
pub(super) fn encode(answer: &EmbeddingResponse, request: &EmbeddingRequest) -> Bytes {
    let base64 = request.encodings.first() == Some(&EmbeddingEncoding::Base64);
    let data = answer.embeddings.iter().enumerate().map(|(index, embedding)| ShownVector {
        object: "embedding",
        index,
        embedding: shown(embedding, base64),
    });
    let tokens = answer.usage.prompt_total().unwrap_or(0);
    let shown = Shown {
        id: answer.id.as_deref(),
        object: "list",
        data: data.collect(),
        model: &answer.model,
        usage: ShownUsage { prompt_tokens: tokens, total_tokens: tokens },
    };
    serde_json::to_vec(&shown).expect("texts and numbers are always valid JSON").into()
}

fn shown(embedding: &Embedding, base64: bool) -> ShownEmbedding<'_> {
    match (&embedding.float, embedding.packed.first()) {
        (Some(numbers), _) if base64 => ShownEmbedding::Base64(to_base64(numbers)),
        (Some(numbers), _) => ShownEmbedding::Numbers(numbers),
        (None, Some((_, numbers))) if base64 => {
            let numbers: Vec<f32> = numbers.iter().copied().map(f32::from).collect();
            ShownEmbedding::Base64(to_base64(&numbers))
        }
        (None, Some((_, numbers))) => ShownEmbedding::Whole(numbers),
        (None, None) => ShownEmbedding::Numbers(&[]),
    }
}
