//! A canonical request written for a vendor of this format.

use http::{HeaderMap, HeaderValue, Method, header};
use llm_core::dialect::{Encoded, Target};
use llm_core::envelope::is_gateway_field;
use llm_core::message::{Message, Role};
use llm_core::request::{OutputFormat, ReasoningOptions, Sampling};
use llm_core::wire::{BodyWriter, WireBody, WireRequest};
use llm_core::{ChatRequest, Losses, Part, RawObject, Result};
use serde::Serialize;

use super::RESPONSES;
use super::items::{Items, stored};
use super::quirks::ResponsesQuirks;
use super::request::LOGPROBS;
use super::tools::{put_tool, put_tool_choice};
use super::write::{ArrayWriter, ObjectWriter};
use crate::chat::CHAT;

/// Asks for reasoning in a form that can come back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Members that mean the same in chat completions.
const SHARED_WITH_CHAT: [&str; 6] = [
    "max_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
];

/// Members whose loss changes what is asked.
const MEANING: [&str; 8] =
    ["audio", "functions", "input", "instructions", "text", "tool_choice", "tools", "web_search_options"];

/// Reports a member that the vendor does not take.
pub(super) fn refused(key: &str, losses: &mut Losses) -> Result<()> {
    if MEANING.contains(&key) { losses.meaning(key.to_owned()) } else { losses.tuning(key.to_owned()) }
}

/// Writes a request.
pub(super) fn encode(quirks: &ResponsesQuirks, request: &ChatRequest, target: &Target) -> Result<Encoded> {
    let extras = request.extras.as_ref().filter(|(origin, _)| *origin == RESPONSES).map(|(_, fields)| fields);
    let mut sampling = request.sampling.clone();
    sampling.or(&target.sampling);
    let mut out = BodyWriter::of(request);
    let mut body = Body {
        object: ObjectWriter::open(&mut out),
        losses: Losses::new(target.policy),
        native: request.extras.as_ref().is_some_and(|(origin, _)| *origin == RESPONSES),
        quirks,
        request,
        target,
        extras,
    };
    body.put_some("model", Some(&target.model))?;
    body.conversation()?;
    body.tools()?;
    body.text()?;
    body.reasoning()?;
    body.sampling(&sampling)?;
    body.limits()?;
    body.include(&sampling)?;
    body.labels()?;
    body.extras()?;
    body.object.members(&target.extra_body);
    let losses = std::mem::take(&mut body.losses).into_list();
    drop(body);
    Ok(Encoded { request: wire_request(out.finish()), losses })
}

/// A request to the path of this format.
pub(super) fn wire_request(body: WireBody) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    WireRequest { method: Method::POST, path: "/responses".to_owned(), headers, body }
}

struct Body<'e> {
    object: ObjectWriter<'e, BodyWriter>,
    losses: Losses,
    /// The client spoke this format.
    native: bool,
    quirks: &'e ResponsesQuirks,
    request: &'e ChatRequest,
    target: &'e Target,
    /// The client's members that are not modelled, when they are of this format.
    extras: Option<&'e RawObject>,
}

impl Body<'_> {
    /// Whether a member is to be written: not when the deployment sets it or takes it out.
    fn admits(&mut self, key: &str) -> Result<bool> {
        if self.target.extra_body.get(key).is_some() {
            return Ok(false);
        }
        if self.target.drop_fields.iter().any(|name| name == key) {
            self.losses.foreign_state(key.to_owned());
            return Ok(false);
        }
        if self.quirks.drop_params.iter().any(|name| name == key) {
            refused(key, &mut self.losses)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn put_some<T: Serialize>(&mut self, key: &str, value: Option<T>) -> Result<()> {
        if let Some(value) = value
            && self.admits(key)?
        {
            self.object.put(key, &value);
        }
        Ok(())
    }

    fn conversation(&mut self) -> Result<()> {
        let mut messages = self.request.messages.as_slice();
        // Instructions alone are no request: vendors want some `input`.
        if let ([first, rest @ ..], true) = (messages, self.quirks.instructions)
            && !rest.is_empty()
            && let Some(words) = instructions(first)
        {
            self.put_some("instructions", Some(words))?;
            messages = rest;
        }
        let stored: Vec<RawObject> = messages.iter().filter_map(stored).collect();
        for fields in &stored {
            self.object.members(fields);
        }
        let mut items = BodyWriter::of(self.request);
        let mut list = ArrayWriter::open(&mut items);
        let mut writer = Items { native: self.native, quirks: self.quirks, losses: &mut self.losses };
        for message in messages.iter().filter(|message| super::items::stored(message).is_none()) {
            writer.put(&mut list, message)?;
        }
        drop(list);
        if (!items.is("[]") || stored.is_empty()) && self.admits("input")? {
            self.object.put_part("input", items);
        }
        Ok(())
    }

    fn tools(&mut self) -> Result<()> {
        if !self.request.tools.is_empty() && self.admits("tools")? {
            let mut list = self.object.array("tools");
            for tool in &self.request.tools {
                put_tool(&mut list, tool, self.native, &mut self.losses)?;
            }
        }
        if let Some(choice) = &self.request.tool_choice
            && self.admits("tool_choice")?
            && !put_tool_choice(&mut self.object, choice)
        {
            self.losses.meaning("tool_choice")?;
        }
        self.put_some("parallel_tool_calls", self.request.parallel_tool_calls)
    }

    fn text(&mut self) -> Result<()> {
        let rest = self.rest_of("text");
        let free = self.request.output == OutputFormat::Text;
        if free && self.request.verbosity.is_none() && rest.is_empty() || !self.admits("text")? {
            return Ok(());
        }
        let mut text = self.object.object("text");
        put_format(&mut text, &self.request.output);
        text.put_some("verbosity", self.request.verbosity.as_deref());
        text.members(&rest);
        Ok(())
    }

    fn reasoning(&mut self) -> Result<()> {
        let rest = self.rest_of("reasoning");
        let (effort, summary) = match &self.request.reasoning {
            Some(options) => (self.effort(options)?, self.summary(options)?),
            None => (None, None),
        };
        if effort.is_none() && summary.is_none() && rest.is_empty() || !self.admits("reasoning")? {
            return Ok(());
        }
        let mut reasoning = self.object.object("reasoning");
        reasoning.put_some("effort", effort);
        reasoning.put_some("summary", summary);
        reasoning.members(&rest);
        Ok(())
    }

    /// What else the client wrote into an object of which we model only some members.
    fn rest_of(&self, key: &str) -> RawObject {
        self.extras.and_then(|extras| extras.get(key)?.read().ok()).unwrap_or_default()
    }

    fn effort(&mut self, options: &ReasoningOptions) -> Result<Option<String>> {
        match (&options.effort, options.budget_tokens, options.enabled) {
            (Some(word), _, _) if !self.native && word == "max" => {
                self.losses.approximated("reasoning.effort", "xhigh")?;
                Ok(Some("xhigh".to_owned()))
            }
            (Some(word), _, _) => Ok(Some(word.clone())),
            // Not every model knows `none`, and those that cannot reason refuse any word.
            (None, _, Some(false)) => {
                self.losses.tuning("reasoning.enabled")?;
                Ok(None)
            }
            (None, Some(budget), _) => {
                let word = effort_of(budget);
                self.losses.approximated("reasoning.budget_tokens", word)?;
                Ok(Some(word.to_owned()))
            }
            (None, None, _) => Ok(None),
        }
    }

    fn summary(&mut self, options: &ReasoningOptions) -> Result<Option<String>> {
        let off = options.enabled == Some(false);
        let usual = self.quirks.reasoning_summary.clone().filter(|_| !self.native && !off);
        Ok(match options.summary.as_deref() {
            Some(word) if self.native => Some(word.to_owned()),
            Some(word @ ("auto" | "concise" | "detailed")) => Some(word.to_owned()),
            Some("omitted" | "none") => None,
            Some(_) => Some("auto".to_owned()),
            None => usual,
        })
    }

    fn sampling(&mut self, sampling: &Sampling) -> Result<()> {
        self.put_some("temperature", sampling.temperature)?;
        self.put_some("top_p", sampling.top_p)?;
        self.put_some("top_logprobs", sampling.top_logprobs)?;
        let tuning = [
            ("top_k", sampling.top_k.is_some()),
            ("frequency_penalty", sampling.frequency_penalty.is_some_and(|value| value != 0.0)),
            ("presence_penalty", sampling.presence_penalty.is_some_and(|value| value != 0.0)),
            ("seed", sampling.seed.is_some()),
            ("logit_bias", sampling.logit_bias.as_ref().is_some_and(|bias| bias.get() != "{}")),
        ];
        for (field, _) in tuning.into_iter().filter(|(_, set)| *set) {
            self.losses.tuning(field)?;
        }
        if !sampling.stop.is_empty() {
            self.losses.meaning("stop")?;
        }
        if sampling.n.is_some_and(|n| n > 1) {
            self.losses.meaning("n")?;
        }
        Ok(())
    }

    fn limits(&mut self) -> Result<()> {
        let mut limit = self.request.max_output_tokens.or(self.target.max_output_tokens);
        if let Some(tokens) = limit
            && !self.native
            && tokens < self.quirks.min_output_tokens
        {
            self.losses.approximated("max_output_tokens", "the least that the vendor takes")?;
            limit = Some(self.quirks.min_output_tokens);
        }
        self.put_some("max_output_tokens", limit)?;
        if self.request.cache.is_some() {
            self.losses.foreign_state("cache_control");
        }
        if self.request.modalities.iter().any(|kind| kind != "text") {
            self.losses.meaning("modalities")?;
        }
        Ok(())
    }

    fn include(&mut self, sampling: &Sampling) -> Result<()> {
        let asked = self.extras.and_then(|extras| extras.get("include")?.read().ok());
        let mut include: Vec<String> = asked.unwrap_or_default();
        let mut want = |what: &str, wanted: bool| {
            if wanted && !include.iter().any(|known| known == what) {
                include.push(what.to_owned());
            }
        };
        want(LOGPROBS, sampling.logprobs == Some(true));
        let usual = !self.native && self.reasons();
        want(ENCRYPTED, self.quirks.encrypted_reasoning.unwrap_or(usual));
        self.put_some("include", (!include.is_empty()).then_some(include))?;
        let store =
            self.extras.is_some_and(|extras| extras.get("store").is_some()) || self.chat_extra("store");
        let usual = self.quirks.store.or((!self.native).then_some(false));
        self.put_some("store", usual.filter(|_| !store))
    }

    /// Whether reasoning is asked for, or stands in the conversation in a form that can go back.
    fn reasons(&self) -> bool {
        let asked = self.request.reasoning.as_ref().is_some_and(|options| {
            options.enabled != Some(false) && options.effort.as_deref() != Some("none")
        });
        let own = |part: &Part| match part {
            Part::Reasoning(reasoning) => {
                reasoning.opaque.as_ref().is_some_and(|opaque| opaque.origin == RESPONSES)
            }
            _ => false,
        };
        asked || self.request.messages.iter().any(|message| message.parts.iter().any(own))
    }

    fn labels(&mut self) -> Result<()> {
        self.put_some("stream", self.target.stream.then_some(true))?;
        self.put_some("metadata", self.request.metadata.as_ref())?;
        let named = self.extras.is_some_and(|extras| extras.get("safety_identifier").is_some())
            || self.chat_extra("safety_identifier");
        self.put_some("user", self.request.user.as_ref().filter(|_| !named))?;
        let tier = self.request.service_tier.as_deref();
        let known = |tier: &str| matches!(tier, "auto" | "default" | "flex" | "priority" | "scale");
        match tier {
            Some(tier) if !self.native && !known(tier) => self.losses.tuning("service_tier"),
            tier => self.put_some("service_tier", tier),
        }
    }

    /// Whether a client of chat completions set a member that means the same here.
    fn chat_extra(&self, key: &str) -> bool {
        let extras = self.request.extras.as_ref();
        extras.is_some_and(|(origin, fields)| *origin == CHAT && fields.get(key).is_some())
    }

    fn extras(&mut self) -> Result<()> {
        let Some((origin, fields)) = &self.request.extras else { return Ok(()) };
        for (key, value) in fields.iter().filter(|(key, _)| !is_gateway_field(key)) {
            let written = ["text", "reasoning", "include"].contains(&key);
            if *origin == RESPONSES && !written || *origin == CHAT && SHARED_WITH_CHAT.contains(&key) {
                self.put_some(key, Some(value))?;
            } else if *origin != RESPONSES && !value.is_null() {
                refused(key, &mut self.losses)?;
            }
        }
        Ok(())
    }
}

/// The words of a message that goes into `instructions`: system text at the start, unless a client of this format
/// put it into `input`.
fn instructions(message: &Message) -> Option<&str> {
    let plain = message.role == Role::System && message.extras.is_none() && message.name.is_none();
    match message.parts.as_slice() {
        [Part::Text(text)] if plain && text.cache.is_none() => Some(&text.text),
        _ => None,
    }
}

/// The word for a number of thinking tokens.
fn effort_of(budget: u64) -> &'static str {
    match budget {
        0..=2_048 => "low",
        2_049..=8_192 => "medium",
        _ => "high",
    }
}

fn put_format(text: &mut ObjectWriter<'_, BodyWriter>, output: &OutputFormat) {
    match output {
        OutputFormat::JsonObject => text.object("format").put("type", "json_object"),
        OutputFormat::JsonSchema(schema) => {
            let mut format = text.object("format");
            format.put("type", "json_schema");
            format.put("name", schema.name.as_deref().unwrap_or("answer"));
            format.put_some("description", schema.description.as_deref());
            match &schema.schema {
                Some(schema) => format.put("schema", schema),
                None => format.put_json("schema", b"{}"),
            }
            format.put_some("strict", schema.strict);
        }
        _ => {}
    }
}
