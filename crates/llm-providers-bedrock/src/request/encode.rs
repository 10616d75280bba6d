//! The canonical form to a vendor's body.

use http::{HeaderMap, HeaderValue, Method};
use llm_core::dialect::Encoded;
use llm_core::request::Sampling;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Error, Losses, RawObject, RequestBody, Result, Target};
use serde::Serialize;

use super::format::Form;
use super::thinking::Plan;
use super::turns::Conversation;
use super::{additional, tools};
use crate::models::{Family, Rules};
use crate::quirks::ConverseQuirks;
use crate::wire::{Block, union};
use crate::{CONVERSE, model_id};

/// Top-level members that only this format has. Clients of other formats may say them as they are.
const OWN: &[&str] = &[
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
];

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &ConverseQuirks) -> Result<Encoded> {
    let rules = Rules::of(model_id::bare(&target.model), quirks);
    let mut losses = Losses::new(target.policy);
    let max_tokens = request.max_output_tokens.or(target.max_output_tokens);
    let mut conversation = Conversation::of(request, rules, &mut losses)?;
    if conversation.turns.is_empty() && !model_id::is_prompt(&target.model) {
        return Err(Error::invalid(
            "`messages` says nothing: this model's vendor needs a message of the user",
        )
        .with_param("messages"));
    }
    let plan = Plan::of(request, rules, max_tokens, &conversation, &mut losses)?;
    let form = Form::of(request, rules, plan.on, &mut losses)?;
    if let Some(words) = &form.instruction {
        conversation.system.push(Block::Text(words.as_str().into()));
    }
    let tool_config = tools::config(request, rules, &form, &mut conversation, &mut losses)?;
    let sampling = sampling(request, target, rules, plan.on, &mut losses)?;

    let mut body = RequestBody::new(request, target, &quirks.drop_params, losses);
    body.optional("system", (!conversation.system.is_empty()).then_some(&conversation.system))?;
    body.member("messages", &conversation.turns)?;
    let inference = Inference {
        max_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop_sequences: &sampling.stop,
    };
    body.optional("inferenceConfig", (!inference.is_empty()).then_some(&inference))?;
    body.optional("toolConfig", tool_config.as_ref())?;
    let mut fields = additional_fields(request);
    additional::write(&mut fields, rules, &sampling, &plan, &mut body.losses)?;
    body.optional("additionalModelRequestFields", (!fields.is_empty()).then_some(&fields))?;
    let output = OutputConfig { text_format: form.format.as_ref(), effort: plan.effort.as_deref() };
    body.optional("outputConfig", (!output.is_empty()).then_some(&output))?;
    account(request, &mut body)?;
    inexpressible(request, &sampling, &mut body.losses)?;
    if let Some((origin, extras)) = &request.extras {
        let extras = extras.iter().filter(|(name, _)| *name != "additionalModelRequestFields");
        body.extras(extras, |name| *origin == CONVERSE || OWN.contains(&name))?;
    }
    let (body, losses) = body.finish();
    Ok(Encoded { request: wire_request(body, target), losses })
}

/// A request to the vendor with this body.
pub(super) fn wire_request(body: WireBody, target: &Target) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let operation = if target.stream { "converse-stream" } else { "converse" };
    WireRequest { method: Method::POST, path: model_id::path(&target.model, operation), headers, body }
}

/// The body's `inferenceConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
}

impl Inference<'_> {
    fn is_empty(&self) -> bool {
        let numbers = self.temperature.is_none() && self.top_p.is_none();
        self.max_tokens.is_none() && numbers && self.stop_sequences.is_empty()
    }
}

/// The body's `outputConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text_format: Option<&'a super::format::TextFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
}

impl OutputConfig<'_> {
    fn is_empty(&self) -> bool {
        self.text_format.is_none() && self.effort.is_none()
    }
}

/// Sampling as the model takes it, together with its thinking.
fn sampling(
    request: &ChatRequest,
    target: &Target,
    rules: Rules,
    thinks: bool,
    losses: &mut Losses,
) -> Result<Sampling> {
    let mut sampling = request.sampling.clone();
    sampling.or(&target.sampling);
    let stops = sampling.stop.len();
    sampling.stop.retain(|text| !text.is_empty());
    if sampling.stop.len() < stops {
        losses.tuning("stop")?;
    }
    if let Family::Claude(version) = rules.family {
        claude_sampling(&mut sampling, version, thinks, losses)?;
    }
    Ok(sampling)
}

/// Claude refuses a temperature beside `top_p` since 4.1, both since 4.7, and most of them while it thinks.
fn claude_sampling(sampling: &mut Sampling, version: u32, thinks: bool, losses: &mut Losses) -> Result<()> {
    if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
        sampling.temperature = Some(1.0);
        losses.approximated("temperature", "1, the most that this model takes")?;
    }
    let fixed = version >= 407;
    if fixed && sampling.temperature.take().is_some_and(|temperature| temperature < 1.0)
        || thinks && sampling.temperature.is_some_and(|temperature| temperature < 1.0)
    {
        sampling.temperature = None;
        losses.tuning("temperature")?;
    }
    if (fixed || thinks) && sampling.top_k.take().is_some() {
        losses.tuning("top_k")?;
    }
    let two = version >= 401 && sampling.temperature.is_some();
    let narrow = thinks && sampling.top_p.is_some_and(|share| share < 0.95);
    if (fixed || two || narrow) && sampling.top_p.take().is_some_and(|share| share < 1.0) {
        losses.tuning("top_p")?;
    }
    Ok(())
}

/// What a client of this format, or one that knows the vendor, said there itself.
fn additional_fields(request: &ChatRequest) -> RawObject {
    let given = request.extras.as_ref().and_then(|(_, extras)| extras.get("additionalModelRequestFields"));
    given.and_then(|fields| fields.read().ok()).unwrap_or_default()
}

/// Labels and priority.
fn account(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    if request.user.is_some() {
        body.losses.tuning("user")?;
    }
    let given = request.extras.as_ref().is_some_and(|(_, extras)| extras.get("requestMetadata").is_some());
    match &request.metadata {
        Some(labels) if !given && are_labels(labels) => body.member("requestMetadata", labels)?,
        Some(labels) if !labels.is_empty() => body.losses.tuning("metadata")?,
        _ => {}
    }
    match request.service_tier.as_deref() {
        None | Some("auto") => Ok(()),
        Some(tier @ ("default" | "priority" | "flex" | "reserved")) => {
            body.member("serviceTier", &union("type", tier))
        }
        Some("standard" | "standard_only") => body.member("serviceTier", &union("type", "default")),
        Some(_) => body.losses.tuning("service_tier"),
    }
}

/// Whether the vendor takes these as `requestMetadata`: up to 16 short texts of plain letters.
fn are_labels(labels: &RawObject) -> bool {
    let plain = |text: &str| {
        let mark = |letter: char| letter.is_ascii_whitespace() || ":_@$#=/+,-.".contains(letter);
        text.len() <= 256 && text.chars().all(|letter| letter.is_ascii_alphanumeric() || mark(letter))
    };
    let is_label = |(name, value): (&str, &llm_core::RawJson)| {
        !name.is_empty() && plain(name) && value.read::<String>().is_ok_and(|text| plain(&text))
    };
    (1..=16).contains(&labels.len()) && labels.iter().all(is_label)
}

/// What this format has no words for.
fn inexpressible(request: &ChatRequest, sampling: &Sampling, losses: &mut Losses) -> Result<()> {
    if sampling.n.is_some_and(|n| n > 1) {
        losses.meaning("n")?;
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        losses.meaning("modalities")?;
    }
    let tuned = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    let biased = sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null"));
    losses.tuning_of([
        ("frequency_penalty", tuned(sampling.frequency_penalty)),
        ("presence_penalty", tuned(sampling.presence_penalty)),
        ("seed", sampling.seed.is_some()),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some_and(|count| count > 0)),
        ("logit_bias", biased),
        ("verbosity", request.verbosity.is_some()),
    ])
}
