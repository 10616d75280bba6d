//! The canonical form to a vendor's body.

use http::{HeaderMap, HeaderValue, Method};
use llm_core::dialect::Encoded;
use llm_core::request::Sampling;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, RequestBody, Result, Target};

use super::format::{Form, Format};
use super::thinking::{self, Facts, Plan};
use super::tools;
use super::turns::Conversation;
use crate::MESSAGES;
use crate::models::Rules;
use crate::quirks::MessagesQuirks;
use crate::wire::{self, Block, CacheControl, ObjectWriter};

/// `max_tokens` when nobody knows one; every model can answer that much.
const MAX_TOKENS: u64 = 4096;

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &MessagesQuirks) -> Result<Encoded> {
    let rules = Rules::of(&target.model, quirks);
    let mut losses = Losses::new(target.policy);
    let native = request.extras.as_ref().is_some_and(|(origin, _)| *origin == MESSAGES);
    let mut conversation = Conversation::of(request, rules, &mut losses)?;
    let form = Form::of(request, rules, native, &mut losses)?;
    conversation.system.extend(form.instruction.map(Block::text));
    let max_tokens = max_tokens(request, target, quirks, rules);
    let calls_without_thinking = conversation.calls_without_thinking();
    let facts = Facts { request, rules, native, max_tokens, calls_without_thinking };
    let plan = Plan::of(&facts, &mut losses)?;

    let mut body = RequestBody::new(request, target, &quirks.drop_params, losses);
    if quirks.path.is_none() {
        body.member("model", &target.model)?;
    }
    body.optional("anthropic_version", quirks.body_version.as_ref())?;
    body.member("max_tokens", &max_tokens)?;
    body.optional("stream", target.stream.then_some(true).as_ref())?;
    body.optional("system", conversation.instructions().as_ref())?;
    body.member("messages", &conversation.turns)?;
    let tools = tools::tools(request, rules, &mut body.losses)?;
    let choice = tools::choice(request, !tools.is_empty(), &plan, &mut body.losses)?;
    body.optional("tools", (!tools.is_empty()).then_some(&tools))?;
    body.optional("tool_choice", choice.as_ref())?;
    sampling(request, target, rules, &plan, &mut body)?;
    output_config(request, form.format.as_ref(), &plan, &mut body)?;
    body.optional("thinking", plan.thinking.as_ref())?;
    account(request, native, &mut body)?;
    inexpressible(request, &mut body)?;
    if let Some((origin, extras)) = &request.extras {
        let extras = extras.iter().filter(|(name, _)| *name != "output_config");
        body.extras(extras, |_| *origin == MESSAGES)?;
    }
    let (body, losses) = body.finish();
    Ok(Encoded { request: wire_request(body, target, quirks), losses })
}

/// A request to the vendor with this body.
pub(super) fn wire_request(body: WireBody, target: &Target, quirks: &MessagesQuirks) -> WireRequest {
    let mut headers = HeaderMap::new();
    if quirks.body_version.is_none() {
        headers.insert("anthropic-version", HeaderValue::from_static(wire::VERSION));
    }
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let path = match &quirks.path {
        Some(path) => {
            if target.stream { &path.stream } else { &path.whole }.replace("{model}", &target.model)
        }
        None => "/messages".to_owned(),
    };
    WireRequest { method: Method::POST, path, headers, body }
}

/// The client's limit, or the deployment's, or all that the model has, or one that every model has. A limit that
/// nobody asked for leaves room for the thinking that was asked for.
fn max_tokens(request: &ChatRequest, target: &Target, quirks: &MessagesQuirks, rules: Rules) -> u64 {
    let known = request.max_output_tokens.or(target.max_output_tokens).or(target.model_max_output_tokens);
    known.unwrap_or_else(|| {
        let default = quirks.default_max_tokens.unwrap_or(MAX_TOKENS);
        default.saturating_add(thinking::wanted_budget(request, rules))
    })
}

fn sampling(
    request: &ChatRequest,
    target: &Target,
    rules: Rules,
    plan: &Plan,
    body: &mut RequestBody<'_>,
) -> Result<()> {
    let mut sampling = request.sampling.clone();
    sampling.or(&target.sampling);
    unknown_sampling(&sampling, &mut body.losses)?;
    let sampling = thinking::sampling(sampling, rules, plan.is_on(), &mut body.losses)?;
    body.optional("temperature", sampling.temperature.as_ref())?;
    body.optional("top_p", sampling.top_p.as_ref())?;
    body.optional("top_k", sampling.top_k.as_ref())?;
    let stop: Vec<&String> = sampling.stop.iter().filter(|text| !text.trim().is_empty()).collect();
    if stop.len() < sampling.stop.len() {
        // The vendor refuses stop texts of nothing but white space.
        body.losses.tuning("stop")?;
    }
    body.optional("stop_sequences", (!stop.is_empty()).then_some(&stop))
}

/// What this format has no words for.
fn unknown_sampling(sampling: &Sampling, losses: &mut Losses) -> Result<()> {
    if sampling.n.is_some_and(|n| n > 1) {
        losses.meaning("n")?;
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
    ])
}

fn output_config(
    request: &ChatRequest,
    format: Option<&Format>,
    plan: &Plan,
    body: &mut RequestBody<'_>,
) -> Result<()> {
    let own = own_extras(request).and_then(|extras| extras.get("output_config")?.read::<RawObject>().ok());
    if format.is_none() && plan.effort.is_none() && own.is_none() {
        return Ok(());
    }
    let mut config = ObjectWriter::new();
    if let Some(format) = format {
        config.member("format", format);
    }
    if let Some(effort) = &plan.effort {
        config.member("effort", effort);
    }
    config.members(&own.unwrap_or_default());
    let config: RawObject = serde_json::from_slice(&config.finish()).expect("the writer writes an object");
    body.member("output_config", &config)
}

/// Who asks, and at what priority.
fn account(request: &ChatRequest, native: bool, body: &mut RequestBody<'_>) -> Result<()> {
    let mut metadata = RawObject::default();
    if let Some(user) = &request.user {
        metadata.insert("user_id", RawJson::string(user));
    }
    match &request.metadata {
        Some(labels) if native => labels.iter().for_each(|(key, value)| metadata.insert(key, value.clone())),
        Some(labels) if !labels.is_empty() => body.losses.tuning("metadata")?,
        _ => {}
    }
    body.optional("metadata", (!metadata.is_empty()).then_some(&metadata))?;
    match request.service_tier.as_deref() {
        Some(tier @ ("auto" | "standard_only")) => body.member("service_tier", tier)?,
        Some("default" | "standard") => body.member("service_tier", "standard_only")?,
        Some(tier) if native => body.member("service_tier", tier)?,
        Some(_) => body.losses.tuning("service_tier")?,
        None => {}
    }
    body.optional("cache_control", request.cache.map(CacheControl).as_ref())
}

fn inexpressible(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    if request.verbosity.is_some() {
        body.losses.tuning("verbosity")?;
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        body.losses.meaning("modalities")?;
    }
    Ok(())
}

fn own_extras(request: &ChatRequest) -> Option<&RawObject> {
    request.extras.as_ref().filter(|(origin, _)| *origin == MESSAGES).map(|(_, extras)| extras)
}
