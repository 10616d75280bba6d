//! `think`: whether and how much the model thinks (<https://docs.ollama.com/capabilities/thinking>).

use llm_core::request::ReasoningOptions;
use llm_core::{Losses, RawJson, Result};

use crate::body::{Malformed, Members, json};

/// Reads true, false or a word.
pub(super) fn read(body: &mut Members<'_>) -> Result<Option<ReasoningOptions>, Malformed> {
    let Some(raw) = body.raw("think") else { return Ok(None) };
    let wrong = || Malformed::new("think", "expected true, false, or one of `low`, `medium`, `high`");
    let options = match serde_json::from_str::<bool>(raw.get()) {
        Ok(enabled) => ReasoningOptions { enabled: Some(enabled), ..ReasoningOptions::default() },
        Err(_) => {
            let effort: String = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
            if effort.is_empty() {
                return Err(wrong());
            }
            ReasoningOptions { enabled: Some(true), effort: Some(effort), ..ReasoningOptions::default() }
        }
    };
    Ok(Some(options))
}

/// What `think` becomes. `native`: the request is in this format's words already.
pub(super) fn write(
    options: &ReasoningOptions,
    levels: bool,
    native: bool,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    if options.budget_tokens.is_some() {
        losses.approximated("reasoning.budget_tokens", "thinking on or off")?;
    }
    let off = options.enabled == Some(false) || options.effort.as_deref() == Some("none");
    let on = options.enabled == Some(true) || options.budget_tokens.is_some() || options.adaptive;
    Ok(match options.effort.as_deref().filter(|_| !off) {
        Some(effort) if native => Some(json(effort)),
        Some(effort) if levels => Some(json(level(effort, losses)?)),
        Some(_) => {
            losses.approximated("reasoning_effort", "thinking switched on")?;
            Some(json(&true))
        }
        None if off => Some(json(&false)),
        None => on.then(|| json(&true)),
    })
}

fn level<'a>(effort: &'a str, losses: &mut Losses) -> Result<&'a str> {
    let near = match effort {
        "minimal" => "low",
        "xhigh" | "max" => "high",
        same => return Ok(same),
    };
    losses.approximated("reasoning_effort", near)?;
    Ok(near)
}
