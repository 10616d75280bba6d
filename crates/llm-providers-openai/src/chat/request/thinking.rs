//! How much to think: six spellings of the same wish, read from clients and written for vendors.

use llm_core::request::ReasoningOptions;
use llm_core::{Losses, RawJson, RawObject, Result};
use serde::de::MapAccess;

use crate::quirks::ThinkingSwitch;

/// The fields in which thinking is asked for.
pub(super) const FIELDS: [&str; 5] =
    ["reasoning_effort", "thinking", "enable_thinking", "thinking_budget", "reasoning"];

/// The wish as it came.
#[derive(Default)]
pub(super) struct WireThinking {
    said: bool,
    options: ReasoningOptions,
    /// Members of `thinking` and `reasoning` that are not modelled.
    thinking: RawObject,
    reasoning: RawObject,
}

impl WireThinking {
    pub(super) fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let options = &mut self.options;
        match key {
            "reasoning_effort" => {
                options.effort = map.next_value::<Option<String>>()?.or(options.effort.take());
            }
            "enable_thinking" => options.enabled = map.next_value::<Option<bool>>()?.or(options.enabled),
            "thinking_budget" => {
                options.budget_tokens = map.next_value::<Option<u64>>()?.or(options.budget_tokens);
            }
            "thinking" => self.thinking = map.next_value::<Option<RawObject>>()?.unwrap_or_default(),
            "reasoning" => self.reasoning = map.next_value::<Option<RawObject>>()?.unwrap_or_default(),
            _ => return Ok(false),
        }
        self.said = true;
        Ok(true)
    }

    /// The wish; what is not modelled of the objects goes to `extras`, to be joined again.
    pub(super) fn options(mut self, extras: &mut RawObject) -> Option<ReasoningOptions> {
        self.read_thinking();
        self.read_reasoning();
        for (key, rest) in [("thinking", self.thinking), ("reasoning", self.reasoning)] {
            if let (false, Ok(raw)) = (rest.is_empty(), RawJson::of(&rest)) {
                extras.insert(key, raw);
            }
        }
        if self.options.enabled.is_none() && self.options.effort.as_deref() == Some("none") {
            self.options.enabled = Some(false);
        }
        (self.said && self.options != ReasoningOptions::default()).then_some(self.options)
    }

    fn read_thinking(&mut self) {
        let members = &mut self.thinking;
        match take::<String>(members, "type").as_deref() {
            Some("enabled") => self.options.enabled = Some(true),
            Some("disabled") => self.options.enabled = Some(false),
            Some("adaptive" | "auto") => {
                self.options.enabled = Some(true);
                self.options.adaptive = true;
            }
            Some(other) => members.insert("type", RawJson::string(other)),
            None => {}
        }
        self.options.budget_tokens = take(members, "budget_tokens").or(self.options.budget_tokens);
    }

    fn read_reasoning(&mut self) {
        let members = &mut self.reasoning;
        self.options.effort = take(members, "effort").or(self.options.effort.take());
        self.options.budget_tokens = take(members, "max_tokens").or(self.options.budget_tokens);
        self.options.enabled = take(members, "enabled").or(self.options.enabled);
        self.options.summary = take(members, "summary").or(self.options.summary.take());
    }
}

/// Takes a member out when it has the shape that is expected; leaves it where it is otherwise.
fn take<T: serde::de::DeserializeOwned>(members: &mut RawObject, key: &str) -> Option<T> {
    let value = members.get(key)?.read().ok()?;
    members.remove(key);
    Some(value)
}

/// The fields that say `options` to a vendor, in the order in which they are written.
pub(super) fn fields(
    options: Option<&ReasoningOptions>,
    switch: ThinkingSwitch,
    losses: &mut Losses,
) -> Result<Vec<(&'static str, RawJson)>> {
    let Some(options) = options else { return Ok(Vec::new()) };
    if options.summary.as_deref().is_some_and(|summary| summary != "omitted") {
        losses.tuning("reasoning.summary")?;
    }
    match switch {
        ThinkingSwitch::ReasoningEffort => by_effort(options, losses),
        ThinkingSwitch::ThinkingType => by_type(options, losses),
        ThinkingSwitch::EnableThinking => by_budget(options, losses),
        ThinkingSwitch::Reasoning => Ok(by_object(options)),
        ThinkingSwitch::TemplateArguments => by_template(options, losses),
        ThinkingSwitch::None => losses.tuning("reasoning_effort").map(|()| Vec::new()),
    }
}

fn is_off(options: &ReasoningOptions) -> bool {
    options.enabled == Some(false) || options.effort.as_deref() == Some("none")
}

fn by_effort(options: &ReasoningOptions, losses: &mut Losses) -> Result<Vec<(&'static str, RawJson)>> {
    let word = match (&options.effort, options.budget_tokens) {
        (Some(effort), budget) => {
            if budget.is_some() {
                losses.tuning("thinking.budget_tokens")?;
            }
            Some(effort.as_str())
        }
        (None, Some(budget)) if !is_off(options) => {
            losses.approximated("thinking.budget_tokens", "reasoning_effort")?;
            Some(effort_of(budget))
        }
        // Switching off has no word that all models take; those that do not think take none at all.
        // Nor has switching it on without saying how much.
        (None, _) if is_off(options) || options.enabled == Some(true) => {
            losses.tuning("thinking").map(|()| None)?
        }
        (None, _) => None,
    };
    Ok(word.map(|word| ("reasoning_effort", RawJson::string(word))).into_iter().collect())
}

fn by_type(options: &ReasoningOptions, losses: &mut Losses) -> Result<Vec<(&'static str, RawJson)>> {
    let mut fields = Vec::new();
    let word = if is_off(options) { "disabled" } else { "enabled" };
    if options.enabled.is_some()
        || options.effort.as_deref() == Some("none")
        || options.budget_tokens.is_some()
    {
        let members = [("type".to_owned(), RawJson::string(word))].into_iter().collect::<RawObject>();
        fields.extend(RawJson::of(&members).ok().map(|raw| ("thinking", raw)));
    }
    if options.budget_tokens.is_some() {
        losses.tuning("thinking.budget_tokens")?;
    }
    let effort = options.effort.as_deref().filter(|effort| *effort != "none");
    fields.extend(effort.map(|effort| ("reasoning_effort", RawJson::string(effort))));
    Ok(fields)
}

fn by_budget(options: &ReasoningOptions, losses: &mut Losses) -> Result<Vec<(&'static str, RawJson)>> {
    let on = !is_off(options);
    let mut fields = vec![("enable_thinking", RawJson::of(&on).unwrap_or_else(|_| RawJson::null()))];
    let budget = match (options.budget_tokens, options.effort.as_deref()) {
        (Some(budget), _) => Some(budget),
        (None, Some(effort)) if on => {
            losses.approximated("reasoning_effort", "thinking_budget")?;
            budget_of(effort)
        }
        _ => None,
    };
    fields.extend(
        budget.filter(|_| on).and_then(|budget| Some(("thinking_budget", RawJson::of(&budget).ok()?))),
    );
    Ok(fields)
}

fn by_object(options: &ReasoningOptions) -> Vec<(&'static str, RawJson)> {
    let mut members = RawObject::default();
    if let Some(effort) = &options.effort {
        members.insert("effort", RawJson::string(effort));
    }
    if let Some(Ok(budget)) = options.budget_tokens.map(|budget| RawJson::of(&budget)) {
        members.insert("max_tokens", budget);
    }
    // "none" says it already.
    let enabled = options.enabled.filter(|_| members.is_empty());
    if let Some(Ok(enabled)) = enabled.map(|enabled| RawJson::of(&enabled)) {
        members.insert("enabled", enabled);
    }
    let raw = if members.is_empty() { None } else { RawJson::of(&members).ok() };
    raw.map(|raw| ("reasoning", raw)).into_iter().collect()
}

fn by_template(options: &ReasoningOptions, losses: &mut Losses) -> Result<Vec<(&'static str, RawJson)>> {
    if options.budget_tokens.is_some() {
        losses.tuning("thinking.budget_tokens")?;
    }
    if options.effort.as_deref().is_some_and(|effort| effort != "none") {
        losses.approximated("reasoning_effort", "enable_thinking")?;
    }
    let text = if is_off(options) { r#"{"enable_thinking":false}"# } else { r#"{"enable_thinking":true}"# };
    Ok(RawJson::parse(text).ok().map(|raw| ("chat_template_kwargs", raw)).into_iter().collect())
}

/// Steps by which clients' budgets and vendors' words are told in each other: the most tokens that a word stands for.
const STEPS: [(&str, u64); 6] =
    [("minimal", 512), ("low", 2048), ("medium", 8192), ("high", 24_576), ("xhigh", 32_768), ("max", 65_536)];

fn effort_of(budget: u64) -> &'static str {
    // Words beyond "high" are refused by most models.
    STEPS[1..4].iter().find(|(_, tokens)| budget <= *tokens).map_or("high", |(word, _)| word)
}

fn budget_of(effort: &str) -> Option<u64> {
    STEPS.iter().find(|(word, _)| *word == effort).map(|(_, tokens)| *tokens)
}

/// Joins a written object with the members of the same field that are not modelled.
pub(super) fn joined(written: &RawJson, rest: &RawJson) -> RawJson {
    let (Ok(mut members), Ok(rest)) = (written.read::<RawObject>(), rest.read::<RawObject>()) else {
        return written.clone();
    };
    for (key, value) in rest {
        if members.get(&key).is_none() {
            members.insert(key, value);
        }
    }
    RawJson::of(&members).unwrap_or_else(|_| written.clone())
}
