//! How much a model should think, as `thinking: {"type", "token_budget"}`.
//!
//! After <https://docs.cohere.com/docs/reasoning>: models that think do so unless it is switched off, and refuse
//! nothing; the others know no `thinking`.

use llm_core::request::ReasoningOptions;
use llm_core::{Losses, RawJson, Result};

use crate::wire::ObjectWriter;

/// Effort as thinking tokens; from `high` on the model is not limited.
const EFFORTS: &[(&str, u64)] = &[("minimal", 512), ("low", 2048), ("medium", 8192)];

/// Models that were made before thinking, by the beginning of their name.
const WITHOUT: &[&str] = &[
    "command-r",
    "command-light",
    "command-nightly",
    "command-a-03-2025",
    "command-a-vision",
    "command-a-translate",
    "c4ai-",
];

/// The body's `thinking`. `native`: a client of this format asks, and knows what it asks for.
pub(super) fn write(
    options: Option<&ReasoningOptions>,
    model: &str,
    native: bool,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    let Some(options) = options else { return Ok(None) };
    let off = options.enabled == Some(false) || options.effort.as_deref() == Some("none");
    if !native && !thinks(model) {
        if !off {
            losses.tuning("reasoning")?;
        }
        return Ok(None);
    }
    if options.enabled.is_none() && options.effort.is_none() && options.budget_tokens.is_none() {
        return Ok(None);
    }
    let mut object = ObjectWriter::new();
    if off {
        return Ok(Some(object.member("type", "disabled").json()));
    }
    object.member("type", "enabled");
    let by_word = options.effort.as_deref().and_then(|word| EFFORTS.iter().find(|(known, _)| *known == word));
    match (options.budget_tokens, by_word, &options.effort) {
        (None, Some(_), _) => losses.approximated("reasoning.effort", "a number of thinking tokens")?,
        (None, None, Some(_)) => losses.approximated("reasoning.effort", "thinking without a limit")?,
        _ => {}
    }
    let budget = options.budget_tokens.or(by_word.map(|(_, tokens)| *tokens));
    Ok(Some(object.optional("token_budget", budget.as_ref()).json()))
}

fn thinks(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    name != "command" && !WITHOUT.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;

    use super::*;

    fn written(options: &ReasoningOptions, model: &str) -> (Option<String>, usize) {
        let mut losses = Losses::new(LossPolicy::Default);
        let json = write(Some(options), model, false, &mut losses).expect("no refusal");
        (json.map(|json| json.get().to_owned()), losses.into_list().len())
    }

    fn effort(word: &str) -> ReasoningOptions {
        ReasoningOptions { effort: Some(word.to_owned()), ..ReasoningOptions::default() }
    }

    #[test]
    fn words_become_numbers() {
        let model = "command-a-reasoning-08-2025";
        assert_eq!(
            written(&effort("low"), model),
            (Some(r#"{"type":"enabled","token_budget":2048}"#.to_owned()), 1)
        );
        assert_eq!(written(&effort("high"), model), (Some(r#"{"type":"enabled"}"#.to_owned()), 1));
        assert_eq!(written(&effort("none"), model), (Some(r#"{"type":"disabled"}"#.to_owned()), 0));
        let exact = ReasoningOptions { budget_tokens: Some(100), ..ReasoningOptions::default() };
        assert_eq!(written(&exact, model), (Some(r#"{"type":"enabled","token_budget":100}"#.to_owned()), 0));
    }

    #[test]
    fn models_that_do_not_think_are_not_asked_to() {
        assert_eq!(written(&effort("low"), "command-a-03-2025"), (None, 1));
        assert_eq!(written(&effort("none"), "command-r7b-12-2024"), (None, 0));
    }
}
