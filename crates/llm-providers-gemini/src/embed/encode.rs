//! Canonical requests as `:embedContent` and `:batchEmbedContents` take them.

use std::collections::HashMap;

use llm_core::dialect::Encoded;
use llm_core::embedding::{EmbeddingEncoding, EmbeddingInput, EmbeddingRequest, Truncate};
use llm_core::{Losses, RawJson, Result, Role, Target};

use super::{model_name, task};
use crate::GENERATE;
use crate::models::Rules;
use crate::parts::{ForVendors, WirePart};
use crate::request::call;
use crate::wire::ObjectWriter;

/// Writes a canonical request.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    common_losses(request, &mut losses)?;
    if request.truncate == Some(Truncate::Never) {
        losses.tuning("truncate")?;
    }
    let batch = request.inputs.len() != 1;
    let mut requests = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        requests.push(one(input, request, target, batch, &mut losses)?);
    }
    let (method, body) = match requests.as_slice() {
        [one] if !batch => (":embedContent", one.clone()),
        all => {
            let mut object = ObjectWriter::new();
            object.member("requests", all);
            (":batchEmbedContents", object.json())
        }
    };
    let body = body.get().to_owned().into_bytes();
    Ok(Encoded { request: call(&target.model, method, body.into()), losses: losses.into_list() })
}

fn one(
    input: &EmbeddingInput,
    request: &EmbeddingRequest,
    target: &Target,
    batch: bool,
    losses: &mut Losses,
) -> Result<RawJson> {
    let mut content = ObjectWriter::new();
    content.member("parts", &parts(input, losses)?);
    let mut object = ObjectWriter::new();
    object.optional("model", batch.then(|| model_name(&target.model)).as_ref());
    object
        .member("content", &content.json())
        .optional("taskType", request.purpose.as_ref().and_then(task))
        .optional("title", request.title.as_ref())
        .optional("outputDimensionality", request.dimensions.as_ref());
    if let Some((origin, extras)) = &request.extras
        && *origin == GENERATE
    {
        object.members(extras);
    }
    object.members(&target.extra_body);
    Ok(object.json())
}

fn parts<'a>(input: &'a EmbeddingInput, losses: &mut Losses) -> Result<Vec<WirePart<'a>>> {
    let mut parts = Vec::new();
    match input {
        EmbeddingInput::Text(text) => parts.push(WirePart::text(text.as_str())),
        EmbeddingInput::Parts(list) => {
            let mut writer = ForVendors { rules: Rules::of(""), losses, names: HashMap::new() };
            for part in list {
                writer.add(part, Role::User, &mut parts)?;
            }
        }
        _ => losses.meaning("input")?,
    }
    Ok(parts)
}

/// What no form of the format has.
pub(super) fn common_losses(request: &EmbeddingRequest, losses: &mut Losses) -> Result<()> {
    let plain = |encoding: &EmbeddingEncoding| {
        matches!(encoding, EmbeddingEncoding::Float | EmbeddingEncoding::Base64)
    };
    if !request.encodings.iter().all(plain) {
        losses.meaning("encoding_format")?;
    }
    if request.purpose.as_ref().is_some_and(|purpose| task(purpose).is_none()) {
        losses.tuning("input_type")?;
    }
    if request.user.is_some() {
        losses.tuning("user")?;
    }
    if let Some((origin, extras)) = &request.extras
        && *origin != GENERATE
    {
        for (name, _) in extras.iter() {
            losses.tuning(name.to_owned())?;
        }
    }
    Ok(())
}
