//! `generationConfig`: sampling, the form of the answer, thinking and what else tunes.

use llm_core::request::{JsonSchema, OutputFormat, Sampling};
use llm_core::{ChatRequest, Losses, RawObject, Result, Target};
use serde::Serialize;

use super::thinking;
use crate::models::Rules;
use crate::quirks::GenerateQuirks;
use crate::wire::ObjectWriter;

/// An object without what the deployment takes out, and with what it sets.
pub(super) struct Writer<'b, 'l> {
    pub(super) object: ObjectWriter,
    pub(super) target: &'b Target,
    pub(super) quirks: &'b GenerateQuirks,
    pub(super) losses: &'l mut Losses,
    /// Members that the deployment sets in this object.
    pub(super) set: Option<&'b RawObject>,
}

impl Writer<'_, '_> {
    pub(super) fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let is = |field: &String| field == name;
        if self.target.drop_fields.iter().any(is) || self.set.is_some_and(|set| set.get(name).is_some()) {
            return Ok(());
        }
        if self.quirks.drop_params.iter().any(is) {
            return self.losses.tuning(name.to_owned());
        }
        self.object.member(name, value);
        Ok(())
    }

    pub(super) fn optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.member(name, value))
    }
}

/// Writes all members of `generationConfig`. `rest` are those of a client of this format that are not modelled.
pub(super) fn write(
    request: &ChatRequest,
    rules: Rules,
    native: bool,
    rest: &RawObject,
    out: &mut Writer<'_, '_>,
) -> Result<()> {
    let mut sampling = request.sampling.clone();
    sampling.or(&out.target.sampling);
    tuning(&sampling, out)?;
    let limit = request.max_output_tokens.or(out.target.max_output_tokens);
    out.optional("maxOutputTokens", limit.as_ref())?;
    output(&request.output, out)?;
    if !request.modalities.is_empty() {
        let words: Vec<String> = request.modalities.iter().map(|word| word.to_ascii_uppercase()).collect();
        out.member("responseModalities", &words)?;
    }
    let own: Option<RawObject> = rest.get("thinkingConfig").and_then(|own| own.read().ok());
    let thinking = thinking::config(request, rules, native, own.as_ref(), out.losses)?;
    out.optional("thinkingConfig", thinking.as_ref())?;
    for (name, value) in rest.iter().filter(|(name, _)| *name != "thinkingConfig") {
        out.member(name, value)?;
    }
    Ok(())
}

fn tuning(sampling: &Sampling, out: &mut Writer<'_, '_>) -> Result<()> {
    out.optional("temperature", sampling.temperature.as_ref())?;
    out.optional("topP", sampling.top_p.as_ref())?;
    out.optional("topK", sampling.top_k.as_ref())?;
    out.optional("candidateCount", sampling.n.as_ref())?;
    out.optional("stopSequences", (!sampling.stop.is_empty()).then_some(&sampling.stop))?;
    out.optional("seed", sampling.seed.as_ref())?;
    out.optional("presencePenalty", sampling.presence_penalty.as_ref())?;
    out.optional("frequencyPenalty", sampling.frequency_penalty.as_ref())?;
    out.optional("responseLogprobs", sampling.logprobs.as_ref())?;
    let alternatives = sampling.top_logprobs.filter(|_| sampling.logprobs == Some(true));
    out.optional("logprobs", alternatives.as_ref())?;
    let biased = sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null"));
    if biased {
        out.losses.tuning("logit_bias")?;
    }
    Ok(())
}

fn output(format: &OutputFormat, out: &mut Writer<'_, '_>) -> Result<()> {
    match format {
        OutputFormat::JsonObject => out.member("responseMimeType", "application/json"),
        OutputFormat::JsonSchema(JsonSchema { schema, .. }) => {
            out.member("responseMimeType", "application/json")?;
            out.optional("responseJsonSchema", schema.as_ref())
        }
        _ => Ok(()),
    }
}
