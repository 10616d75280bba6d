//! `additionalModelRequestFields`: what the models of one family take beyond the common parameters.

use llm_core::request::{ReasoningOptions, Sampling};
use llm_core::{ChatRequest, Losses, RawObject, Result};

use super::thinking::Plan;
use crate::models::{Family, Rules};
use crate::wire::{Malformed, Members, union};

/// Adds thinking and `top_k` in the family's words.
pub(super) fn write(
    fields: &mut RawObject,
    rules: Rules,
    sampling: &Sampling,
    plan: &Plan,
    losses: &mut Losses,
) -> Result<()> {
    if let Some((name, value)) = &plan.field {
        fields.insert(*name, value.clone());
    }
    let Some(top_k) = sampling.top_k else { return Ok(()) };
    match rules.family {
        Family::Claude(_) | Family::Mistral | Family::Unknown => {
            fields.insert("top_k", number(top_k));
        }
        Family::Cohere => fields.insert("k", number(top_k)),
        Family::Nova | Family::Nova2 if fields.get("inferenceConfig").is_none() => {
            fields.insert("inferenceConfig", union("topK", &top_k));
        }
        _ => losses.tuning("top_k")?,
    }
    Ok(())
}

fn number(number: u64) -> llm_core::RawJson {
    llm_core::RawJson::of(&number).expect("a number is always valid JSON")
}

/// Reads what of a client's fields has a place in the canonical form; gives the rest.
pub(super) fn read(fields: &Members<'_>, request: &mut ChatRequest) -> Result<RawObject, Malformed> {
    let mut known = Vec::new();
    if let Some(top_k) = fields.read("top_k", "a whole number")? {
        request.sampling.top_k = Some(top_k);
        known.push("top_k");
    }
    for name in ["thinking", "reasoning_config", "reasoningConfig"] {
        let Some(thinking) = fields.object(name)? else { continue };
        let inside = |fault: Malformed| fault.within(name);
        let kind = thinking.text("type").map_err(inside)?.unwrap_or_default();
        if !matches!(kind.as_str(), "enabled" | "adaptive" | "disabled") {
            continue;
        }
        let options = request.reasoning.get_or_insert_default();
        options.enabled = Some(kind != "disabled");
        options.adaptive = kind == "adaptive";
        options.budget_tokens = thinking.read("budget_tokens", "a whole number").map_err(inside)?;
        options.effort = thinking.text("maxReasoningEffort").map_err(inside)?.or(options.effort.take());
        known.push(name);
    }
    if let Some(effort) = fields.text("reasoning_effort")? {
        request.reasoning.get_or_insert_with(ReasoningOptions::default).effort = Some(effort);
        known.push("reasoning_effort");
    }
    Ok(fields.rest(&known))
}
