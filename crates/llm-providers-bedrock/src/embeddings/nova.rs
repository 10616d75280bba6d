//! Amazon Nova multimodal embeddings, one text or picture. After the page "Nova Embeddings" of the Nova user guide
//! (read November 2026).

use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, Truncate,
};
use llm_core::{Losses, RawJson, RawObject, Result};

use super::{picture, single};
use crate::formats;
use crate::wire::{Malformed, Members, ObjectWriter, union};

pub(super) fn body(request: &EmbeddingRequest, losses: &mut Losses) -> Result<RawObject> {
    if request.encodings.iter().any(|encoding| !is_float(*encoding)) {
        losses.meaning("encoding_format")?;
    }
    if request.title.is_some() {
        losses.tuning("title")?;
    }
    let mut params = ObjectWriter::new();
    params.member("embeddingPurpose", purpose(request, losses)?);
    params.optional("embeddingDimension", request.dimensions.as_ref());
    input(single(request)?, request.truncate, &mut params, losses)?;
    Ok(RawObject::from_iter([
        ("taskType".to_owned(), RawJson::string("SINGLE_EMBEDDING")),
        ("singleEmbeddingParams".to_owned(), params.json()),
    ]))
}

fn is_float(encoding: EmbeddingEncoding) -> bool {
    matches!(encoding, EmbeddingEncoding::Float | EmbeddingEncoding::Base64)
}

fn purpose(request: &EmbeddingRequest, losses: &mut Losses) -> Result<&'static str> {
    Ok(match &request.purpose {
        None | Some(EmbeddingPurpose::Document | EmbeddingPurpose::Image) => "GENERIC_INDEX",
        Some(EmbeddingPurpose::Query) => "GENERIC_RETRIEVAL",
        Some(EmbeddingPurpose::Classification) => "CLASSIFICATION",
        Some(EmbeddingPurpose::Clustering) => "CLUSTERING",
        Some(_) => {
            losses.tuning("input_type")?;
            "GENERIC_INDEX"
        }
    })
}

fn input(
    input: &EmbeddingInput,
    truncate: Option<Truncate>,
    params: &mut ObjectWriter,
    losses: &mut Losses,
) -> Result<()> {
    let (text, image) = match input {
        EmbeddingInput::Text(text) => (Some(text.as_str()), None),
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [one] => (one.as_text(), picture(one)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    if let Some(text) = text {
        let mode = match truncate {
            Some(Truncate::Never) => "NONE",
            Some(Truncate::Start) => "START",
            _ => "END",
        };
        let mut object = ObjectWriter::new();
        object.member("truncationMode", mode).member("value", text);
        params.member("text", &object.json());
        return Ok(());
    }
    let placed =
        image.and_then(|(media_type, data)| Some((formats::word(formats::IMAGES, media_type)?, data)));
    let Some((format, data)) = placed else { return losses.meaning("input") };
    let mut object = ObjectWriter::new();
    let source = union("bytes", data);
    object.member("detailLevel", "STANDARD_IMAGE").member("format", format).member("source", &source);
    params.member("image", &object.json());
    Ok(())
}

pub(super) fn embeddings(body: &Members<'_>) -> Result<Vec<Embedding>, Malformed> {
    let mut embeddings = Vec::new();
    for (at, raw) in body.array("embeddings")?.into_iter().enumerate() {
        let inside = |fault: Malformed| fault.within(at).within("embeddings");
        let one = Members::parse(raw.get()).map_err(inside)?;
        let float = one.read("embedding", "a list of numbers").map_err(inside)?;
        embeddings.push(Embedding { float, packed: Vec::new() });
    }
    Ok(embeddings)
}
