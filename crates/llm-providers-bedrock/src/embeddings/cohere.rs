//! Cohere's Embed models (v3, v4). After the pages "Cohere Embed v3" and "Cohere Embed v4" of the user guide (read
//! November 2026).

use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, Truncate,
};
use llm_core::{Losses, Part, RawJson, RawObject, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::picture;
use crate::wire::{Malformed, Members, ObjectWriter};

/// The most inputs of one request.
pub(super) const MOST: usize = 96;

const ENCODINGS: &[(&str, EmbeddingEncoding)] = &[
    ("int8", EmbeddingEncoding::Int8),
    ("uint8", EmbeddingEncoding::Uint8),
    ("binary", EmbeddingEncoding::Binary),
    ("ubinary", EmbeddingEncoding::Ubinary),
];

pub(super) fn body(request: &EmbeddingRequest, losses: &mut Losses) -> Result<RawObject> {
    let mut body = RawObject::default();
    body.insert("input_type", RawJson::string(input_type(request, losses)?));
    let texts: Option<Vec<&str>> = request.inputs.iter().map(text).collect();
    match texts {
        Some(texts) => body.insert("texts", json(&texts)),
        None => body.insert("inputs", json(&inputs(request, losses)?)),
    }
    if let Some(truncate) = request.truncate {
        let word = match truncate {
            Truncate::Never => "NONE",
            Truncate::Start => "START",
            Truncate::End => "END",
        };
        body.insert("truncate", RawJson::string(word));
    }
    if let Some(dimensions) = request.dimensions {
        body.insert("output_dimension", json(&dimensions));
    }
    if request.title.is_some() {
        losses.tuning("title")?;
    }
    let names = encodings(request);
    if !names.is_empty() && names != ["float"] {
        body.insert("embedding_types", json(&names));
    }
    Ok(body)
}

fn json<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("numbers, strings and lists of them are always valid JSON")
}

/// Required. Whoever does not say is taken to fill a database, as vendors' own tools do.
fn input_type(request: &EmbeddingRequest, losses: &mut Losses) -> Result<&'static str> {
    Ok(match &request.purpose {
        None | Some(EmbeddingPurpose::Document | EmbeddingPurpose::Image) => "search_document",
        Some(EmbeddingPurpose::Query | EmbeddingPurpose::QuestionAnswering | EmbeddingPurpose::CodeQuery) => {
            "search_query"
        }
        Some(EmbeddingPurpose::Classification) => "classification",
        Some(EmbeddingPurpose::Clustering | EmbeddingPurpose::Similarity) => "clustering",
        Some(_) => {
            losses.tuning("input_type")?;
            "search_document"
        }
    })
}

fn text(input: &EmbeddingInput) -> Option<&str> {
    match input {
        EmbeddingInput::Text(text) => Some(text),
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [Part::Text(text)] => Some(&text.text),
            _ => None,
        },
        _ => None,
    }
}

/// Texts and pictures together.
fn inputs(request: &EmbeddingRequest, losses: &mut Losses) -> Result<Vec<RawJson>> {
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let mut content = Vec::new();
        match input {
            EmbeddingInput::Text(words) => content.push(piece("text", words)),
            EmbeddingInput::Parts(parts) => {
                for part in parts {
                    match (part.as_text(), picture(part)) {
                        (Some(words), _) => content.push(piece("text", words)),
                        (None, Some((media_type, data))) => {
                            content.push(piece("image_url", &format!("data:{media_type};base64,{data}")));
                        }
                        (None, None) => {
                            losses.meaning(format!("input.{}", part.kind_name().replace(' ', "_")))?;
                        }
                    }
                }
            }
            _ => losses.meaning("input.tokens")?,
        }
        let mut object = ObjectWriter::new();
        object.member("content", &content);
        inputs.push(object.json());
    }
    Ok(inputs)
}

fn piece(kind: &str, value: &str) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("type", kind).member(kind, value);
    object.json()
}

fn encodings(request: &EmbeddingRequest) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for encoding in &request.encodings {
        let name = ENCODINGS.iter().find(|(_, known)| known == encoding).map_or("float", |(name, _)| *name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A list of vectors, or lists by encoding.
pub(super) fn embeddings(raw: &RawValue) -> Result<Vec<Embedding>, Malformed> {
    let wrong = |_| Malformed::new("embeddings", "expected lists of numbers");
    if raw.get().starts_with('[') {
        let floats: Vec<Vec<f32>> = serde_json::from_str(raw.get()).map_err(wrong)?;
        return Ok(floats.into_iter().map(of_floats).collect());
    }
    let by_encoding = Members::parse(raw.get())?;
    let floats: Vec<Vec<f32>> = by_encoding.read("float", "lists of numbers")?.unwrap_or_default();
    let mut embeddings: Vec<Embedding> = floats.into_iter().map(of_floats).collect();
    for (name, encoding) in ENCODINGS {
        let lists: Vec<Vec<i16>> = by_encoding.read(name, "lists of whole numbers")?.unwrap_or_default();
        embeddings.resize_with(embeddings.len().max(lists.len()), Embedding::default);
        for (embedding, list) in embeddings.iter_mut().zip(lists) {
            embedding.packed.push((*encoding, list));
        }
    }
    Ok(embeddings)
}

fn of_floats(float: Vec<f32>) -> Embedding {
    Embedding { float: Some(float), packed: Vec::new() }
}
