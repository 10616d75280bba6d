//! Requests for servers and answers for clients, written.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Target};
use llm_core::embedding::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Truncate};
use llm_core::{Envelope, Losses, Part, RawJson, RawObject, Result};

use crate::EMBED;
use crate::body::ObjectWriter;
use crate::request::{is_member, joined_options, wire_request};

const PATH: &str = "/api/embed";

/// Writes a request.
pub(super) fn request(request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let mut texts = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        texts.extend(text(input, &mut losses)?);
    }
    losses.tuning_of([
        ("user", request.user.is_some()),
        ("input_type", request.purpose.is_some()),
        ("title", request.title.is_some()),
    ])?;
    let mut members = RawObject::default();
    members.insert("model", RawJson::string(&target.model));
    members.insert("input", crate::body::json(&texts));
    if let Some(count) = request.dimensions {
        members.insert("dimensions", crate::body::json(&count));
    }
    if let Some(truncate) = request.truncate {
        if truncate == Truncate::Start {
            losses.approximated("truncate", "the end cut off")?;
        }
        members.insert("truncate", crate::body::json(&(truncate != Truncate::Never)));
    }
    extras(request, &mut members, &mut losses)?;
    Ok(Encoded { request: wire_request(PATH, settled(members, target).into()), losses: losses.into_list() })
}

/// A text; tokens of another model and pictures cannot be said.
fn text(input: &EmbeddingInput, losses: &mut Losses) -> Result<Option<String>> {
    match input {
        EmbeddingInput::Text(text) => Ok(Some(text.clone())),
        EmbeddingInput::Parts(parts) if parts.iter().all(|part| matches!(part, Part::Text(_))) => {
            let texts: Vec<&str> = parts.iter().filter_map(Part::as_text).collect();
            Ok(Some(texts.join("\n")))
        }
        // Left out, every vector after it would belong to another input.
        EmbeddingInput::Parts(_) => losses.meaning("input.image").map(|()| Some(String::new())),
        _ => losses.meaning("input.tokens").map(|()| Some(String::new())),
    }
}

fn extras(request: &EmbeddingRequest, members: &mut RawObject, losses: &mut Losses) -> Result<()> {
    let Some((origin, extras)) = &request.extras else { return Ok(()) };
    for (name, value) in extras.iter() {
        if *origin == EMBED {
            members.insert(name, value.clone());
        } else {
            losses.tuning(name.to_owned())?;
        }
    }
    Ok(())
}

/// What the deployment sets and takes out.
fn settled(mut members: RawObject, target: &Target) -> Vec<u8> {
    // Sampling and limits of answers mean nothing here.
    let own = Target { extra_body: target.extra_body.clone(), ..Target::default() };
    let options = members.get("options").and_then(|options| options.read().ok());
    if let Some(joined) = joined_options(options, &own) {
        members.insert("options", joined);
    }
    for (name, value) in target.extra_body.iter().filter(|(name, _)| is_member(name)) {
        members.insert(name, value.clone());
    }
    let mut object = ObjectWriter::new();
    for (name, value) in
        members.iter().filter(|(name, _)| !target.drop_fields.iter().any(|field| field == name))
    {
        object.member(name, value);
    }
    object.finish()
}

/// Makes a request out of a client's body of this same format.
pub(super) fn forwarded(body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
    let mut edit = envelope.edit(body);
    edit.set("model", RawJson::string(&target.model).get().to_owned());
    for field in &target.drop_fields {
        edit.remove(field);
    }
    for (name, value) in target.extra_body.iter().filter(|(name, _)| is_member(name)) {
        edit.set(name, value.get().to_owned());
    }
    Ok(Encoded { request: wire_request(PATH, edit.finish()), losses: Vec::new() })
}

/// Writes an answer of `/api/embed`.
pub(super) fn answer(answer: &EmbeddingResponse, request: &EmbeddingRequest) -> Bytes {
    let model = if request.model.is_empty() { &answer.model } else { &request.model };
    let vectors: Vec<&[f32]> = vectors(answer).collect();
    let own = match &answer.extras {
        Some((EMBED, extras)) => Some(extras),
        _ => None,
    };
    let mut object = ObjectWriter::new();
    object.member("model", model).member("embeddings", &vectors);
    for name in ["total_duration", "load_duration"] {
        object.optional(name, own.and_then(|own| own.get(name)));
    }
    object.optional("prompt_eval_count", answer.usage.prompt_total().as_ref());
    let rest = own.into_iter().flat_map(RawObject::iter);
    for (name, value) in rest.filter(|(name, _)| !name.ends_with("_duration")) {
        object.member(name, value);
    }
    object.finish().into()
}

fn vectors(answer: &EmbeddingResponse) -> impl Iterator<Item = &[f32]> {
    answer.embeddings.iter().map(|embedding| embedding.float.as_deref().unwrap_or_default())
}

/// Writes an answer of `/api/embeddings`.
pub(super) fn single(answer: &EmbeddingResponse) -> Bytes {
    let mut object = ObjectWriter::new();
    object.member("embedding", vectors(answer).next().unwrap_or_default());
    object.finish().into()
}
