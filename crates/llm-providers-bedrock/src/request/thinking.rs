//! How much the model shall think: each family has its own words, in `additionalModelRequestFields`.

use llm_core::request::{ReasoningOptions, ToolChoice};
use llm_core::{ChatRequest, Losses, RawJson, Result};

use super::turns::Conversation;
use crate::models::{Family, Rules};
use crate::wire::ObjectWriter;

/// Effort as a word and as thinking tokens. A word becomes its number; a number becomes the word of the first row that
/// it does not exceed, `max` above all.
const EFFORTS: &[(&str, u64)] = &[
    ("minimal", 1024),
    ("low", 2048),
    ("medium", 8192),
    ("high", 16_384),
    ("xhigh", 32_768),
    ("max", 63_999),
];

/// The least budget that Claude takes.
const LEAST_BUDGET: u64 = 1024;

/// What the body says about thinking.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// A member of `additionalModelRequestFields`.
    pub(super) field: Option<(&'static str, RawJson)>,
    /// `outputConfig.effort`.
    pub(super) effort: Option<String>,
    /// Whether the model will think for sure.
    pub(super) on: bool,
}

impl Plan {
    /// Decides what to say.
    pub(super) fn of(
        request: &ChatRequest,
        rules: Rules,
        max_tokens: Option<u64>,
        conversation: &Conversation<'_>,
        losses: &mut Losses,
    ) -> Result<Self> {
        let Some(options) = &request.reasoning else { return Ok(Self::default()) };
        let off = options.enabled == Some(false) || options.effort.as_deref() == Some("none");
        if !off && options.summary.as_deref().is_some_and(|summary| summary != "auto") {
            losses.tuning("reasoning.summary")?;
        }
        match rules.family {
            Family::Claude(307..) if off => {
                Ok(Self { field: Some(("thinking", disabled())), ..Self::default() })
            }
            Family::Claude(version @ 307..) => {
                let claude = Claude { options, version, max_tokens };
                match claude.obstacle(request, conversation) {
                    true => losses.tuning("reasoning").map(|()| Self::default()),
                    false => claude.plan(losses),
                }
            }
            Family::Nova2 => Ok(nova(options, off)),
            Family::GptOss if !off => gpt_oss(options, losses),
            // Models of other makers think, or not, as they always do; the rest cannot.
            Family::Other | Family::Unknown | Family::GptOss => {
                losses.tuning("reasoning").map(|()| Self::default())
            }
            _ if off => Ok(Self::default()),
            _ => losses.tuning("reasoning").map(|()| Self::default()),
        }
    }
}

fn disabled() -> RawJson {
    crate::wire::union("type", "disabled")
}

/// <https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-converse-api.html>: `reasoningConfig`.
fn nova(options: &ReasoningOptions, off: bool) -> Plan {
    let mut config = ObjectWriter::new();
    config.member("type", if off { "disabled" } else { "enabled" });
    if !off {
        let effort = match effort_word(options) {
            "minimal" | "low" => "low",
            "high" | "xhigh" | "max" => "high",
            _ => "medium",
        };
        config.member("maxReasoningEffort", effort);
    }
    Plan { field: Some(("reasoningConfig", config.json())), effort: None, on: !off }
}

/// The model card of gpt-oss: `reasoning_effort` is low, medium or high.
fn gpt_oss(options: &ReasoningOptions, losses: &mut Losses) -> Result<Plan> {
    let asked = effort_word(options);
    let effort = match asked {
        "minimal" | "low" => "low",
        "high" | "xhigh" | "max" => "high",
        _ => "medium",
    };
    if asked != effort {
        losses.approximated("reasoning.effort", effort)?;
    }
    Ok(Plan { field: Some(("reasoning_effort", RawJson::string(effort))), effort: None, on: true })
}

fn effort_word(options: &ReasoningOptions) -> &str {
    options.effort.as_deref().unwrap_or_else(|| options.budget_tokens.map_or("medium", word))
}

struct Claude<'a> {
    options: &'a ReasoningOptions,
    version: u32,
    max_tokens: Option<u64>,
}

impl Claude<'_> {
    /// Whether the model cannot think in this request; the vendor would refuse it.
    fn obstacle(&self, request: &ChatRequest, conversation: &Conversation<'_>) -> bool {
        let demanded = matches!(
            request.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Function(_) | ToolChoice::Custom(_))
        );
        let by_budget = self.by_budget();
        demanded && !request.tools.is_empty()
            || by_budget && self.max_tokens.is_some_and(|limit| limit <= LEAST_BUDGET)
            || by_budget && conversation.calls_without_thinking()
    }

    fn by_budget(&self) -> bool {
        self.version < 406 || self.version == 406 && self.options.budget_tokens.is_some()
    }

    fn plan(&self, losses: &mut Losses) -> Result<Plan> {
        let mut thinking = ObjectWriter::new();
        if self.by_budget() {
            let budget = self.budget(losses)?;
            thinking.member("type", "enabled").member("budget_tokens", &budget);
            return Ok(Plan { field: Some(("thinking", thinking.json())), effort: None, on: true });
        }
        if self.options.effort.is_none() && self.options.budget_tokens.is_some() {
            losses.approximated("reasoning.budget_tokens", "a word of effort")?;
        }
        let said = self.options.effort.is_some() || self.options.budget_tokens.is_some();
        let effort = if said { Some(self.effort(losses)?) } else { None };
        thinking.member("type", "adaptive");
        Ok(Plan { field: Some(("thinking", thinking.json())), effort, on: true })
    }

    /// Thinking tokens as asked, and always less than the answer may have in all.
    fn budget(&self, losses: &mut Losses) -> Result<u64> {
        let by_word = || tokens(self.options.effort.as_deref().unwrap_or("medium"));
        let budget = self.options.budget_tokens.unwrap_or_else(by_word).max(LEAST_BUDGET);
        let fitting = match self.max_tokens {
            Some(limit) if budget >= limit => (limit / 2).max(LEAST_BUDGET),
            _ => budget,
        };
        if self.options.budget_tokens.is_some_and(|asked| asked != fitting) {
            losses.approximated("reasoning.budget_tokens", "a budget that fits into max_tokens")?;
        }
        Ok(fitting)
    }

    fn effort(&self, losses: &mut Losses) -> Result<String> {
        let asked = effort_word(self.options);
        let known: &[&str] = if self.version == 406 {
            &["low", "medium", "high", "max"]
        } else {
            &["low", "medium", "high", "xhigh", "max"]
        };
        if known.contains(&asked) {
            return Ok(asked.to_owned());
        }
        let near = match asked {
            "minimal" => "low",
            "xhigh" => "high",
            _ => "medium",
        };
        losses.approximated("reasoning.effort", near)?;
        Ok(near.to_owned())
    }
}

fn tokens(word: &str) -> u64 {
    EFFORTS.iter().find(|(known, _)| *known == word).map_or(8192, |(_, tokens)| *tokens)
}

fn word(budget: u64) -> &'static str {
    EFFORTS.iter().find(|(_, tokens)| budget <= *tokens).map_or("max", |(word, _)| *word)
}
