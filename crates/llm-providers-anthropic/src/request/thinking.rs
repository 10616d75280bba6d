//! How much the model shall think: words and numbers of tokens, and what does not go together with thinking.

use llm_core::request::{ReasoningOptions, Sampling, ToolChoice};
use llm_core::{ChatRequest, Losses, Result};
use serde::Serialize;

use crate::models::{Rules, SamplingRule};
use crate::quirks::ThinkingForm;

/// Effort as a word and as thinking tokens. A word becomes its number; a number becomes the word of the first
/// row that it does not exceed, `max` above all.
const EFFORTS: &[(&str, u64)] = &[
    ("minimal", 1024),
    ("low", 2048),
    ("medium", 8192),
    ("high", 16_384),
    ("xhigh", 32_768),
    ("max", 63_999),
];

/// The least budget that the vendor takes.
const LEAST_BUDGET: u64 = 1024;

/// What the body says about thinking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<String>,
}

/// The body's `thinking`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Disabled,
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Adaptive {
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
}

/// The facts that decide.
pub(super) struct Facts<'a> {
    pub(super) request: &'a ChatRequest,
    pub(super) rules: Rules,
    /// Whether the request came in this format's own words, where effort alone does not switch thinking on.
    pub(super) native: bool,
    pub(super) max_tokens: u64,
    /// Whether the last turns use tools without thinking before the calls.
    pub(super) calls_without_thinking: bool,
}

impl Plan {
    /// Decides what to say.
    pub(super) fn of(facts: &Facts<'_>, losses: &mut Losses) -> Result<Self> {
        let Some(options) = &facts.request.reasoning else { return Ok(Self::default()) };
        if options.enabled == Some(false) || options.effort.as_deref() == Some("none") {
            return Self::off(facts, options, losses);
        }
        let asked = options.enabled == Some(true) || options.adaptive || options.budget_tokens.is_some();
        if !asked && (facts.native || options.effort.is_none()) {
            let effort = effort(options, facts.rules, losses)?;
            return Ok(Self { thinking: None, effort });
        }
        if let Some(obstacle) = obstacle(facts) {
            losses.tuning(obstacle)?;
            return Ok(Self::default());
        }
        Self::thinking(facts, options, losses)
    }

    /// Effort has a meaning beside thinking only where the request came in this format's own words.
    fn off(facts: &Facts<'_>, options: &ReasoningOptions, losses: &mut Losses) -> Result<Self> {
        let thinks = facts.rules.thinking != ThinkingForm::None;
        let said = facts.native && options.effort.as_deref() != Some("none");
        let effort = if said { effort(options, facts.rules, losses)? } else { None };
        Ok(Self { thinking: thinks.then_some(Thinking::Disabled), effort })
    }

    fn thinking(facts: &Facts<'_>, options: &ReasoningOptions, losses: &mut Losses) -> Result<Self> {
        let display = display(options, losses)?;
        let by_budget = match facts.rules.thinking {
            ThinkingForm::None | ThinkingForm::Adaptive => false,
            ThinkingForm::Budget => true,
            ThinkingForm::Either => options.budget_tokens.is_some(),
        };
        if by_budget {
            let budget_tokens = budget(facts, options, losses)?;
            let effort = if facts.native { effort(options, facts.rules, losses)? } else { None };
            return Ok(Self { thinking: Some(Thinking::Enabled { budget_tokens, display }), effort });
        }
        let effort = match (&options.effort, options.budget_tokens) {
            (None, Some(budget)) => {
                losses.approximated("reasoning.budget_tokens", "a word of effort")?;
                let options = ReasoningOptions { effort: Some(word(budget).to_owned()), ..options.clone() };
                effort(&options, facts.rules, losses)?
            }
            _ => effort(options, facts.rules, losses)?,
        };
        Ok(Self { thinking: Some(Thinking::Adaptive { display }), effort })
    }

    /// Whether the model will think for sure.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. } | Thinking::Adaptive { .. }))
    }
}

/// Why the model cannot think in this request; the vendor would refuse it.
fn obstacle(facts: &Facts<'_>) -> Option<&'static str> {
    let forced = matches!(
        facts.request.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Function(_) | ToolChoice::Custom(_))
    ) && !facts.request.tools.is_empty();
    let by_budget = facts.rules.thinking == ThinkingForm::Budget;
    let cannot = facts.rules.thinking == ThinkingForm::None
        || forced
        || by_budget && facts.max_tokens <= LEAST_BUDGET
        || by_budget && facts.calls_without_thinking;
    cannot.then_some("reasoning")
}

/// The thinking tokens: as asked, and always less than the answer may have in all.
fn budget(facts: &Facts<'_>, options: &ReasoningOptions, losses: &mut Losses) -> Result<u64> {
    let asked =
        options.budget_tokens.unwrap_or_else(|| tokens(options.effort.as_deref().unwrap_or("medium")));
    let budget = asked.max(LEAST_BUDGET);
    let fitting = if budget < facts.max_tokens { budget } else { (facts.max_tokens / 2).max(LEAST_BUDGET) };
    if options.budget_tokens.is_some_and(|asked| asked != fitting) {
        losses.approximated("reasoning.budget_tokens", "a budget that fits into max_tokens")?;
    }
    Ok(fitting)
}

/// What `max_tokens` should leave room for when nobody set it.
pub(super) fn wanted_budget(request: &ChatRequest, rules: Rules) -> u64 {
    let Some(options) = request.reasoning.as_ref().filter(|options| options.enabled != Some(false)) else {
        return 0;
    };
    let by_word = options.effort.as_deref().filter(|word| *word != "none").map(tokens);
    match rules.thinking {
        ThinkingForm::Budget | ThinkingForm::Either => options.budget_tokens.or(by_word).unwrap_or(0),
        ThinkingForm::None | ThinkingForm::Adaptive => 0,
    }
}

fn tokens(word: &str) -> u64 {
    EFFORTS.iter().find(|(known, _)| *known == word).map_or(8192, |(_, tokens)| *tokens)
}

fn word(budget: u64) -> &'static str {
    EFFORTS.iter().find(|(_, tokens)| budget <= *tokens).map_or("max", |(word, _)| *word)
}

/// `output_config.effort` in a word that the model knows.
fn effort(options: &ReasoningOptions, rules: Rules, losses: &mut Losses) -> Result<Option<String>> {
    let Some(asked) = options.effort.as_deref() else { return Ok(None) };
    if rules.efforts.is_empty() {
        losses.tuning("reasoning.effort")?;
        return Ok(None);
    }
    if rules.efforts.contains(&asked) {
        return Ok(Some(asked.to_owned()));
    }
    let near = match asked {
        "minimal" => "low",
        "xhigh" | "max" => "high",
        _ => "medium",
    };
    losses.approximated("reasoning.effort", near)?;
    Ok(Some(near.to_owned()))
}

fn display(options: &ReasoningOptions, losses: &mut Losses) -> Result<Option<&'static str>> {
    Ok(match options.summary.as_deref() {
        None => None,
        Some("omitted") => Some("omitted"),
        Some("auto") => Some("summarized"),
        Some(_) => {
            losses.approximated("reasoning.summary", "a summary")?;
            Some("summarized")
        }
    })
}

/// Temperature, `top_p` and `top_k` as the model takes them together with its thinking.
pub(super) fn sampling(
    mut sampling: Sampling,
    rules: Rules,
    thinks: bool,
    losses: &mut Losses,
) -> Result<Sampling> {
    if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
        sampling.temperature = Some(1.0);
        losses.approximated("temperature", "1, the most that this API takes")?;
    }
    let fixed = rules.sampling == SamplingRule::Fixed;
    if (fixed || thinks) && sampling.temperature.take().is_some_and(|temperature| temperature < 1.0) {
        losses.tuning("temperature")?;
    }
    if (fixed || thinks) && sampling.top_k.take().is_some() {
        losses.tuning("top_k")?;
    }
    let narrow = sampling.top_p.is_some_and(|share| share < 0.95);
    let two = rules.sampling == SamplingRule::OneOf && sampling.temperature.is_some();
    if (fixed || two || thinks && narrow) && sampling.top_p.take().is_some_and(|share| share < 1.0) {
        losses.tuning("top_p")?;
    }
    Ok(sampling)
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;

    use super::*;
    use crate::quirks::MessagesQuirks;

    fn plan(model: &str, options: ReasoningOptions, max_tokens: u64) -> Plan {
        let request = ChatRequest { reasoning: Some(options), ..ChatRequest::default() };
        let facts = Facts {
            request: &request,
            rules: Rules::of(model, &MessagesQuirks::default()),
            native: false,
            max_tokens,
            calls_without_thinking: false,
        };
        Plan::of(&facts, &mut Losses::new(LossPolicy::Default)).expect("only tunes")
    }

    fn effort_of(word: &str) -> ReasoningOptions {
        ReasoningOptions { effort: Some(word.to_owned()), ..ReasoningOptions::default() }
    }

    #[test]
    fn words_and_numbers_of_the_table_agree() {
        for (effort, budget) in EFFORTS {
            assert_eq!(tokens(effort), *budget);
            assert_eq!(word(*budget), *effort);
        }
        assert_eq!(word(u64::MAX), "max");
    }

    #[test]
    fn effort_is_a_budget_for_older_and_a_word_for_newer_models() {
        let old = plan("claude-sonnet-4-5", effort_of("low"), 32_000);
        assert_eq!(old.thinking, Some(Thinking::Enabled { budget_tokens: 2048, display: None }));
        assert_eq!(old.effort, None);
        let new = plan("claude-opus-4-7", effort_of("minimal"), 32_000);
        assert_eq!(new.thinking, Some(Thinking::Adaptive { display: None }));
        assert_eq!(new.effort.as_deref(), Some("low"));
        assert_eq!(plan("claude-3-5-haiku-latest", effort_of("high"), 8192), Plan::default());
    }

    #[test]
    fn a_budget_stays_under_max_tokens() {
        for max_tokens in [1025, 2000, 4096, 16_384, 16_385] {
            let plan = plan("claude-sonnet-4-5", effort_of("high"), max_tokens);
            let Some(Thinking::Enabled { budget_tokens, .. }) = plan.thinking else { panic!("thinks") };
            assert!((LEAST_BUDGET..max_tokens).contains(&budget_tokens), "{budget_tokens} of {max_tokens}");
        }
        assert!(!plan("claude-sonnet-4-5", effort_of("high"), 1024).is_on());
    }

    #[test]
    fn a_number_becomes_a_word_where_only_words_are_known() {
        let options = ReasoningOptions { budget_tokens: Some(10_000), ..ReasoningOptions::default() };
        assert_eq!(plan("claude-opus-4-8", options, 32_000).effort.as_deref(), Some("high"));
    }

    #[test]
    fn none_switches_thinking_off() {
        assert_eq!(plan("claude-opus-4-8", effort_of("none"), 10).thinking, Some(Thinking::Disabled));
    }
}
