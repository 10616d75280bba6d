//! Amazon Titan: text (v1, v2) and multimodal embeddings. After the pages "Amazon Titan Embeddings Text" and "Amazon
//! Titan Multimodal Embeddings G1" of the user guide (read November 2026).

use llm_core::embedding::{Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingRequest, Truncate};
use llm_core::{Losses, Part, RawJson, RawObject, Result};

use super::{picture, single};
use crate::wire::{Malformed, Members, union};

pub(super) fn body(request: &EmbeddingRequest, model: &str, losses: &mut Losses) -> Result<RawObject> {
    let mut body = RawObject::default();
    let pictures = model.contains("embed-image");
    match single(request)? {
        EmbeddingInput::Text(text) => body.insert("inputText", RawJson::string(text)),
        EmbeddingInput::Parts(parts) => {
            parts.iter().try_for_each(|part| self::part(part, pictures, &mut body, losses))?;
        }
        _ => losses.meaning("input.tokens")?,
    }
    if request.purpose.is_some() {
        losses.tuning("input_type")?;
    }
    if request.title.is_some() {
        losses.tuning("title")?;
    }
    if request.truncate.is_some_and(|truncate| truncate != Truncate::Never) {
        losses.meaning("truncate")?;
    }
    let second = model.contains("text-v2");
    match request.dimensions {
        Some(length) if pictures => body.insert("embeddingConfig", union("outputEmbeddingLength", &length)),
        Some(length) if second => body.insert("dimensions", number(length)),
        Some(_) => losses.meaning("dimensions")?,
        None => {}
    }
    encodings(request, second, &mut body, losses)?;
    Ok(body)
}

fn number(number: u64) -> RawJson {
    RawJson::of(&number).expect("a number is always valid JSON")
}

fn part(part: &Part, pictures: bool, body: &mut RawObject, losses: &mut Losses) -> Result<()> {
    let (field, value) = match (part.as_text(), picture(part).filter(|_| pictures)) {
        (Some(text), _) => ("inputText", text),
        (None, Some((_, data))) => ("inputImage", data),
        (None, None) => return losses.meaning(format!("input.{}", part.kind_name().replace(' ', "_"))),
    };
    // One text and one picture make one vector; there is no room for more.
    if body.get(field).is_some() {
        return losses.meaning(format!("input.{}", part.kind_name()));
    }
    body.insert(field, RawJson::string(value));
    Ok(())
}

/// Only the second version of text has another than floats: bits.
fn encodings(
    request: &EmbeddingRequest,
    second: bool,
    body: &mut RawObject,
    losses: &mut Losses,
) -> Result<()> {
    let mut names = Vec::new();
    for encoding in &request.encodings {
        match encoding {
            EmbeddingEncoding::Float | EmbeddingEncoding::Base64 => names.push("float"),
            EmbeddingEncoding::Ubinary if second => names.push("binary"),
            _ => losses.meaning("encoding_format")?,
        }
    }
    names.dedup();
    if names.contains(&"binary") {
        body.insert("embeddingTypes", RawJson::of(&names).expect("a list of strings is always valid JSON"));
    }
    Ok(())
}

/// Tokens of the text.
pub(super) fn tokens(body: &Members<'_>) -> Option<u64> {
    body.read("inputTextTokenCount", "a whole number").ok().flatten()
}

pub(super) fn embedding(body: &Members<'_>) -> Result<Embedding, Malformed> {
    let by_type = body.object("embeddingsByType")?.unwrap_or_default();
    let float = by_type.read("float", "a list of numbers")?;
    let float = if float.is_some() { float } else { body.read("embedding", "a list of numbers")? };
    let bits: Option<Vec<u8>> = by_type.read("binary", "a list of bits")?;
    let packed = bits.map(|bits| (EmbeddingEncoding::Ubinary, packed(&bits))).into_iter().collect();
    Ok(Embedding { float, packed })
}

/// Titan gives one number for each bit; eight go into one.
fn packed(bits: &[u8]) -> Vec<i16> {
    bits.chunks(8)
        .map(|eight| {
            let byte =
                eight.iter().enumerate().fold(0u8, |byte, (at, bit)| byte | u8::from(*bit != 0) << (7 - at));
            i16::from(byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_first_bit_highest() {
        assert_eq!(packed(&[1, 0, 0, 0, 0, 0, 0, 1, 1]), [0b1000_0001, 0b1000_0000]);
    }
}
