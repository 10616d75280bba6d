//! The `parameters` of a body: how the answer is to be made.

use llm_core::request::{OutputFormat, ReasoningOptions, Sampling};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result, Target};
use serde::Serialize;

use super::tools;
use crate::quirks::GenerationQuirks;
use crate::wire::raw;

/// Parameters of this format that have no place in the canonical form. Clients of any format send them as fields of
/// their own, because the vendor's other API takes them by the same names
/// (<https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope>, read 2026-11-21).
const OWN: &[&str] = &[
    "asr_options",
    "enable_code_interpreter",
    "enable_search",
    "max_input_tokens",
    "ocr_options",
    "preserve_thinking",
    "repetition_penalty",
    "search_options",
    "skill",
    "translation_options",
    "vl_enable_image_hw_output",
    "vl_high_resolution_images",
];

/// Writes the parameters.
pub(super) fn write(
    request: &ChatRequest,
    target: &Target,
    quirks: &GenerationQuirks,
    losses: &mut Losses,
) -> Result<RawObject> {
    let mut writer = Writer { object: RawObject::default(), quirks, losses };
    writer.set("result_format", "message")?;
    if target.stream {
        // Each event tells only what is new; thinking models know no other way.
        writer.set("incremental_output", &true)?;
    }
    let limit = request.max_output_tokens.or(target.max_output_tokens);
    writer.optional("max_tokens", limit.as_ref())?;
    writer.sampling(request, target)?;
    writer.thinking(request.reasoning.as_ref())?;
    writer.tools(request)?;
    writer.format(&request.output)?;
    writer.extras(request)?;
    writer.inexpressible(request)?;
    Ok(writer.object)
}

struct Writer<'q, 'l> {
    object: RawObject,
    quirks: &'q GenerationQuirks,
    losses: &'l mut Losses,
}

impl Writer<'_, '_> {
    fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        if self.quirks.drop_params.iter().any(|dropped| dropped == name) {
            return self.losses.tuning(name.to_owned());
        }
        self.object.insert(name, raw(value));
        Ok(())
    }

    fn optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.set(name, value))
    }

    fn sampling(&mut self, request: &ChatRequest, target: &Target) -> Result<()> {
        let mut sampling = request.sampling.clone();
        sampling.or(&target.sampling);
        self.optional("temperature", sampling.temperature.as_ref())?;
        self.optional("top_p", sampling.top_p.as_ref())?;
        self.optional("top_k", sampling.top_k.as_ref())?;
        self.optional("presence_penalty", sampling.presence_penalty.as_ref())?;
        self.optional("seed", sampling.seed.as_ref())?;
        self.optional("stop", (!sampling.stop.is_empty()).then_some(&sampling.stop))?;
        self.optional("n", sampling.n.as_ref())?;
        self.optional("logprobs", sampling.logprobs.as_ref())?;
        self.optional("top_logprobs", sampling.top_logprobs.as_ref())?;
        self.unknown_sampling(&sampling)
    }

    fn unknown_sampling(&mut self, sampling: &Sampling) -> Result<()> {
        // `repetition_penalty` is another scale: it divides, and 1.0 is none.
        if sampling.frequency_penalty.is_some_and(|value| value != 0.0) {
            self.losses.tuning("frequency_penalty")?;
        }
        if sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null")) {
            self.losses.tuning("logit_bias")?;
        }
        Ok(())
    }

    fn thinking(&mut self, options: Option<&ReasoningOptions>) -> Result<()> {
        let Some(options) = options else { return Ok(()) };
        let effort = options.effort.as_deref();
        let off = options.enabled == Some(false) || effort == Some("none");
        let asked = options.enabled.is_some()
            || options.adaptive
            || effort.is_some()
            || options.budget_tokens.is_some();
        if asked {
            self.set("enable_thinking", &!off)?;
        }
        if off {
            return Ok(());
        }
        if options.summary.is_some() {
            self.losses.tuning("reasoning.summary")?;
        }
        match (options.budget_tokens, effort) {
            (Some(budget), _) => self.set("thinking_budget", &budget),
            (None, Some(effort)) => {
                self.losses.approximated("reasoning_effort", "thinking_budget")?;
                self.optional("thinking_budget", budget_of(effort).as_ref())
            }
            (None, None) => Ok(()),
        }
    }

    fn tools(&mut self, request: &ChatRequest) -> Result<()> {
        let tools = tools::tools(request, self.losses)?;
        let choice = tools::choice(request, !tools.is_empty(), self.losses)?;
        if tools.is_empty() {
            return Ok(());
        }
        self.set("tools", &tools)?;
        self.optional("tool_choice", choice.as_ref())?;
        self.optional("parallel_tool_calls", request.parallel_tool_calls.as_ref())
    }

    fn format(&mut self, output: &OutputFormat) -> Result<()> {
        #[derive(Serialize)]
        struct Format<'a> {
            r#type: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            json_schema: Option<Schema<'a>>,
        }
        #[derive(Serialize)]
        struct Schema<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            schema: Option<&'a RawJson>,
            #[serde(skip_serializing_if = "Option::is_none")]
            strict: Option<bool>,
        }
        match output {
            OutputFormat::Text => Ok(()),
            OutputFormat::JsonObject => {
                self.set("response_format", &Format { r#type: "json_object", json_schema: None })
            }
            OutputFormat::JsonSchema(schema) => {
                let schema = Schema {
                    name: schema.name.as_deref().unwrap_or("answer"),
                    description: schema.description.as_deref(),
                    schema: schema.schema.as_ref(),
                    strict: schema.strict,
                };
                self.set("response_format", &Format { r#type: "json_schema", json_schema: Some(schema) })
            }
            _ => self.losses.meaning("response_format"),
        }
    }

    fn extras(&mut self, request: &ChatRequest) -> Result<()> {
        let Some((origin, fields)) = &request.extras else { return Ok(()) };
        for (name, value) in fields.iter() {
            if *origin == crate::GENERATION || OWN.contains(&name) {
                self.set(name, value)?;
            } else {
                self.losses.tuning(name.to_owned())?;
            }
        }
        Ok(())
    }

    fn inexpressible(&mut self, request: &ChatRequest) -> Result<()> {
        self.losses.tuning_of([
            ("cache_control", request.cache.is_some()),
            ("user", request.user.is_some()),
            ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
            ("service_tier", request.service_tier.as_deref().is_some_and(|tier| tier != "auto")),
            ("verbosity", request.verbosity.is_some()),
        ])?;
        if request.modalities.iter().any(|modality| modality != "text") {
            self.losses.meaning("modalities")?;
        }
        Ok(())
    }
}

/// The most tokens that a word of effort stands for; `None`: as many as the model may.
fn budget_of(effort: &str) -> Option<u64> {
    match effort {
        "minimal" => Some(512),
        "low" => Some(2048),
        "medium" => Some(8192),
        "high" => Some(24_576),
        "xhigh" => Some(32_768),
        _ => None,
    }
}
