//! Vectors of texts, and of pictures and films with the models that take them.
//!
//! After <https://www.alibabacloud.com/help/en/model-studio/text-embedding-synchronous-api> and
//! <https://www.alibabacloud.com/help/en/model-studio/multimodal-embedding-api-reference> (read 2026-11-21).

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse,
    Truncate,
};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, Part, RawJson, RawObject, Result, Target};

use crate::wire::{no_answer, raw, read};
use crate::{EMBEDDINGS, GENERATION, error, request, usage};

const TEXT: &str = "/services/embeddings/text-embedding/text-embedding";
const MULTIMODAL: &str = "/services/embeddings/multimodal-embedding/multimodal-embedding";

/// The most texts of one request, by the newest models.
const MOST_INPUTS: usize = 10;

/// Embeddings as this format has them.
#[derive(Debug)]
pub(crate) struct Embeddings;

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embeddings {
    fn id(&self) -> DialectId {
        EMBEDDINGS
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let multimodal = is_multimodal(&target.model)
            || request.inputs.iter().any(|input| matches!(input, EmbeddingInput::Parts(_)));
        let (path, input) = match multimodal {
            true => (MULTIMODAL, object("contents", &contents(request, &mut losses)?)),
            false => (TEXT, object("texts", &texts(request)?)),
        };
        let parameters = parameters(request, multimodal, &mut losses)?;
        let body = request::body(target, input, parameters);
        Ok(Encoded { request: request::post(path, body.into()), losses: losses.into_list() })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        let input: RawObject = envelope.read(body, "input")?.unwrap_or_default();
        let path = if input.get("contents").is_some() { MULTIMODAL } else { TEXT };
        let body = request::edited(body, envelope, target);
        Ok(Encoded { request: request::post(path, body), losses: Vec::new() })
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        let (top, output) = answered(reply)?;
        let list: Vec<RawObject> =
            read(&output, "embeddings").ok_or_else(|| no_answer("`output.embeddings` is missing"))?;
        let mut vectors = vec![None; list.len()];
        for (number, item) in list.iter().enumerate() {
            let at = read(item, "text_index").or_else(|| read(item, "index")).unwrap_or(number);
            let vector: Vec<f32> = read(item, "embedding").ok_or_else(|| no_answer("a vector is missing"))?;
            let place: &mut Option<Embedding> =
                vectors.get_mut(at).ok_or_else(|| no_answer("a vector of no input"))?;
            *place = Some(Embedding { float: Some(vector), packed: Vec::new() });
        }
        let embeddings: Option<Vec<Embedding>> = vectors.into_iter().collect();
        Ok(EmbeddingResponse {
            id: read(&top, "request_id"),
            model: request.model.clone(),
            embeddings: embeddings.ok_or_else(|| no_answer("two vectors of one input"))?,
            usage: read(&top, "usage").map(|report| usage::read(&report)).unwrap_or_default(),
            extras: None,
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        peek(body)
    }

    fn most_inputs(&self) -> Option<usize> {
        Some(MOST_INPUTS)
    }
}

fn is_multimodal(model: &str) -> bool {
    let name = model.to_ascii_lowercase();
    ["multimodal", "-vl-", "vision"].iter().any(|part| name.contains(part))
}

fn texts(request: &EmbeddingRequest) -> Result<Vec<&str>> {
    request.inputs.iter().map(text).collect()
}

fn text(input: &EmbeddingInput) -> Result<&str> {
    match input {
        EmbeddingInput::Text(text) => Ok(text),
        _ => Err(Error::unsupported("this model's API takes texts, not tokens: send `input` as text")
            .with_param("input")),
    }
}

/// One object for each input; pictures and texts of one input stand in one object.
fn contents(request: &EmbeddingRequest, losses: &mut Losses) -> Result<Vec<RawObject>> {
    let mut contents = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let mut content = RawObject::default();
        match input {
            EmbeddingInput::Parts(parts) => {
                for part in parts {
                    add_part(&mut content, part, losses)?;
                }
            }
            input => content.insert("text", RawJson::string(text(input)?)),
        }
        contents.push(content);
    }
    Ok(contents)
}

fn add_part(content: &mut RawObject, part: &Part, losses: &mut Losses) -> Result<()> {
    let (key, value) = match part {
        Part::Text(text) => ("text", Some(text.text.as_str().to_owned())),
        Part::Image(media) => ("image", media.source.to_url()),
        Part::Video(media) => ("video", media.source.to_url()),
        other => return losses.meaning(format!("input.{}", other.described())),
    };
    match value.filter(|_| content.get(key).is_none()) {
        Some(value) => content.insert(key, RawJson::string(&value)),
        None => losses.meaning(format!("input.{key}"))?,
    }
    Ok(())
}

fn parameters(request: &EmbeddingRequest, multimodal: bool, losses: &mut Losses) -> Result<RawObject> {
    let mut parameters = RawObject::default();
    if let Some(dimensions) = request.dimensions {
        parameters.insert("dimension", raw(&dimensions));
    }
    match &request.purpose {
        Some(EmbeddingPurpose::Query) if !multimodal => {
            parameters.insert("text_type", RawJson::string("query"));
        }
        Some(EmbeddingPurpose::Document) if !multimodal => {
            parameters.insert("text_type", RawJson::string("document"));
        }
        Some(_) => losses.tuning("input_type")?,
        None => {}
    }
    let plain = |encoding: &EmbeddingEncoding| {
        matches!(encoding, EmbeddingEncoding::Float | EmbeddingEncoding::Base64)
    };
    if !request.encodings.iter().all(plain) {
        losses.meaning("encoding_format")?;
    }
    losses.tuning_of([
        ("title", request.title.is_some()),
        ("truncate", request.truncate.is_some_and(|truncate| truncate != Truncate::End)),
        ("user", request.user.is_some()),
    ])?;
    let extras =
        request.extras.iter().flat_map(|(origin, fields)| fields.iter().map(|field| (*origin, field)));
    for (origin, (name, value)) in extras {
        // An instruction is worth more than its name: clients of every format write it so.
        if [EMBEDDINGS, GENERATION].contains(&origin) || name == "instruct" {
            parameters.insert(name, value.clone());
        } else {
            losses.tuning(name.to_owned())?;
        }
    }
    Ok(parameters)
}

fn object<T: serde::Serialize>(key: &str, value: &T) -> RawObject {
    [(key.to_owned(), raw(value))].into_iter().collect()
}

/// The body of a good answer, and its `output`.
pub(crate) fn answered(reply: &WireResponse) -> Result<(RawObject, RawObject)> {
    if !(200..300).contains(&reply.status) {
        return Err(error::classify(reply));
    }
    opened(&reply.body)
}

fn opened(body: &[u8]) -> Result<(RawObject, RawObject)> {
    let top: RawObject = serde_json::from_slice(body).map_err(|_| no_answer("it is no JSON object"))?;
    if let Some(error) = error::in_place_of_answer(&top) {
        return Err(error);
    }
    let output = read(&top, "output").ok_or_else(|| no_answer("`output` is missing"))?;
    Ok((top, output))
}

/// Reads of an answer only what metering needs.
pub(crate) fn peek(body: &[u8]) -> Result<Peek> {
    let (top, _) = opened(body)?;
    let usage = read(&top, "usage").map(|report| usage::read(&report)).unwrap_or_default();
    Ok(Peek { usage, finish: None, model: None })
}
