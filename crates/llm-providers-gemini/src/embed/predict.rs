//! Canonical requests as `:predict` takes them: texts only.

use llm_core::dialect::Encoded;
use llm_core::embedding::{EmbeddingInput, EmbeddingRequest, Truncate};
use llm_core::{Losses, Part, RawJson, Result, Target};

use super::encode::common_losses;
use super::task;
use crate::request::call;
use crate::wire::ObjectWriter;

/// Writes a canonical request.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    common_losses(request, &mut losses)?;
    let mut instances: Vec<RawJson> = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let mut instance = ObjectWriter::new();
        instance
            .member("content", &text(input, &mut losses)?)
            .optional("task_type", request.purpose.as_ref().and_then(task))
            .optional("title", request.title.as_ref());
        instances.push(instance.json());
    }
    let truncate = request.truncate.map(|truncate| truncate != Truncate::Never);
    let mut parameters = ObjectWriter::new();
    parameters
        .optional("autoTruncate", truncate.as_ref())
        .optional("outputDimensionality", request.dimensions.as_ref());
    let mut body = ObjectWriter::new();
    body.member("instances", &instances);
    if !parameters.is_empty() {
        body.member("parameters", &parameters.json());
    }
    body.members(&target.extra_body);
    let request = call(&target.model, ":predict", body.finish().into());
    Ok(Encoded { request, losses: losses.into_list() })
}

fn text(input: &EmbeddingInput, losses: &mut Losses) -> Result<String> {
    match input {
        EmbeddingInput::Text(text) => Ok(text.clone()),
        EmbeddingInput::Parts(parts) if parts.iter().all(|part| part.as_text().is_some()) => {
            Ok(parts.iter().filter_map(Part::as_text).collect())
        }
        _ => losses.meaning("input").map(|()| String::new()),
    }
}
