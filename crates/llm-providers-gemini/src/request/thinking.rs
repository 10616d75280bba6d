//! How much to think, in the words of the model that is asked.
//!
//! After <https://ai.google.dev/gemini-api/docs/thinking>: models up to 2.5 take a number of tokens,
//! later ones a word (or, for old clients, a number); the large ones cannot be told not to think.

use llm_core::request::ReasoningOptions;
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result};

use crate::models::{Rules, Thinking};
use crate::wire::ObjectWriter;

/// Words and numbers that mean about the same.
const EFFORTS: &[(&str, u64)] = &[
    ("minimal", 512),
    ("low", 1024),
    ("medium", 8192),
    ("high", 24_576),
    ("xhigh", 24_576),
    ("max", 24_576),
];

/// The least that a large model thinks.
const LEAST: i64 = 128;

/// `generationConfig.thinkingConfig`; `rest` are members of a client of this format that are not modelled.
pub(super) fn config(
    request: &ChatRequest,
    rules: Rules,
    native: bool,
    rest: Option<&RawObject>,
    losses: &mut Losses,
) -> Result<Option<RawJson>> {
    let mut object = ObjectWriter::new();
    if let Some(options) = &request.reasoning {
        match rules.thinking {
            // A client of this format knows what it asks for; others ask every model alike.
            Thinking::None if !native => losses.tuning("reasoning_effort")?,
            Thinking::None | Thinking::Budget => budget(options, rules, native, &mut object, losses)?,
            Thinking::Level => level(options, rules, native, &mut object, losses)?,
        }
        if rules.thinking != Thinking::None || native {
            object.optional("includeThoughts", shown(options, native).as_ref());
        }
    }
    if let Some(rest) = rest {
        object.members(rest);
    }
    Ok((!object.is_empty()).then(|| object.json()))
}

fn is_off(options: &ReasoningOptions) -> bool {
    options.enabled == Some(false) || options.effort.as_deref() == Some("none")
}

/// Whether thoughts come with the answer. Clients of other formats get them with the thinking that they ask for.
fn shown(options: &ReasoningOptions, native: bool) -> Option<bool> {
    match options.summary.as_deref() {
        Some("omitted") => Some(false),
        Some(_) => Some(true),
        None => (!native && !is_off(options)).then_some(true),
    }
}

fn budget(
    options: &ReasoningOptions,
    rules: Rules,
    native: bool,
    object: &mut ObjectWriter,
    losses: &mut Losses,
) -> Result<()> {
    if let Some(effort) = options.effort.as_deref().filter(|_| native && rules.thinking == Thinking::None) {
        object.member("thinkingLevel", &effort.to_ascii_uppercase());
        return Ok(());
    }
    let wanted = match (options.budget_tokens, options.effort.as_deref()) {
        _ if is_off(options) && rules.pro && !native => {
            losses.approximated("reasoning_effort", "the least thinking")?;
            Some(LEAST)
        }
        _ if is_off(options) => Some(0),
        (Some(tokens), _) => i64::try_from(tokens).ok(),
        (None, Some(effort)) => {
            let known = EFFORTS.iter().find(|(word, _)| *word == effort);
            known.and_then(|(_, tokens)| i64::try_from(*tokens).ok())
        }
        (None, None) => options.adaptive.then_some(-1),
    };
    object.optional("thinkingBudget", wanted.as_ref());
    Ok(())
}

fn level(
    options: &ReasoningOptions,
    rules: Rules,
    native: bool,
    object: &mut ObjectWriter,
    losses: &mut Losses,
) -> Result<()> {
    if let Some(tokens) = options.budget_tokens.filter(|_| options.effort.is_none() && !is_off(options)) {
        object.member("thinkingBudget", &tokens);
        return Ok(());
    }
    if native && is_off(options) {
        object.member("thinkingBudget", &0);
        return Ok(());
    }
    if native && options.adaptive {
        object.member("thinkingBudget", &-1);
    }
    let least = if rules.pro { "LOW" } else { "MINIMAL" };
    let word = match options.effort.as_deref() {
        Some(effort) if native => Some(effort.to_ascii_uppercase()),
        _ if is_off(options) => {
            losses.approximated("reasoning_effort", "the least thinking")?;
            Some(least.to_owned())
        }
        Some("minimal") => Some(least.to_owned()),
        Some("low") => Some("LOW".to_owned()),
        Some("medium") if rules.medium => Some("MEDIUM".to_owned()),
        Some("medium" | "high" | "xhigh" | "max") => Some("HIGH".to_owned()),
        Some(_) => {
            losses.tuning("reasoning_effort")?;
            None
        }
        None => None,
    };
    object.optional("thinkingLevel", word.as_ref());
    Ok(())
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;

    use super::*;

    fn written(model: &str, options: ReasoningOptions) -> String {
        let request = ChatRequest { reasoning: Some(options), ..ChatRequest::default() };
        let mut losses = Losses::new(LossPolicy::Default);
        let config = config(&request, Rules::of(model), false, None, &mut losses).expect("only tunes");
        config.map_or_else(String::new, |config| config.get().to_owned())
    }

    fn effort(word: &str) -> ReasoningOptions {
        ReasoningOptions { effort: Some(word.to_owned()), ..ReasoningOptions::default() }
    }

    #[test]
    fn effort_is_a_number_for_older_and_a_word_for_newer_models() {
        for (model, word, expected) in [
            ("gemini-2.5-flash", "low", r#"{"thinkingBudget":1024,"includeThoughts":true}"#),
            ("gemini-2.5-flash", "none", r#"{"thinkingBudget":0}"#),
            ("gemini-2.5-pro", "none", r#"{"thinkingBudget":128}"#),
            ("gemini-3-pro-preview", "medium", r#"{"thinkingLevel":"HIGH","includeThoughts":true}"#),
            ("gemini-3.5-flash", "minimal", r#"{"thinkingLevel":"MINIMAL","includeThoughts":true}"#),
            ("gemini-3.5-flash", "none", r#"{"thinkingLevel":"MINIMAL"}"#),
            ("gemini-2.0-flash", "high", ""),
        ] {
            assert_eq!(written(model, effort(word)), expected, "{model} {word}");
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        let options = ReasoningOptions { budget_tokens: Some(2000), ..ReasoningOptions::default() };
        for model in ["gemini-2.5-flash", "gemini-3.5-flash"] {
            assert_eq!(written(model, options.clone()), r#"{"thinkingBudget":2000,"includeThoughts":true}"#);
        }
        let adaptive = ReasoningOptions { adaptive: true, ..ReasoningOptions::default() };
        assert_eq!(written("gemini-2.5-flash", adaptive), r#"{"thinkingBudget":-1,"includeThoughts":true}"#);
    }
}
