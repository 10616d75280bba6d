//! The canonical form to a vendor's body.

use http::{HeaderMap, HeaderValue, Method};
use llm_core::dialect::Encoded;
use llm_core::request::{OutputFormat, Sampling, Tool};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Losses, Part, RawJson, RequestBody, Result, Target};

use super::messages::Conversation;
use super::thinking;
use super::tools::Tools;
use crate::CHAT;
use crate::chat::ChatQuirks;
use crate::wire::ObjectWriter;

/// The most stop texts that the vendor takes.
const MOST_STOPS: usize = 5;

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &ChatQuirks) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let native = request.extras.as_ref().is_some_and(|(origin, _)| *origin == CHAT);
    let conversation = Conversation::of(request, &mut losses)?;
    let tools = Tools::of(request, &mut losses)?;
    let thinking = thinking::write(request.reasoning.as_ref(), &target.model, native, &mut losses)?;

    let mut body = RequestBody::new(request, target, &quirks.drop_params, losses);
    body.member("model", &target.model)?;
    body.member("messages", &conversation.messages)?;
    body.optional("stream", target.stream.then_some(&true))?;
    body.optional("tools", (!tools.list.is_empty()).then_some(&tools.list))?;
    body.optional("tool_choice", tools.choice)?;
    body.optional("strict_tools", tools.strict.as_ref())?;
    body.optional("documents", (!conversation.documents.is_empty()).then_some(&conversation.documents))?;
    body.optional("response_format", response_format(&request.output).as_ref())?;
    body.optional("max_tokens", request.max_output_tokens.or(target.max_output_tokens).as_ref())?;
    sampling(request, native, &mut body)?;
    body.optional("thinking", thinking.as_ref())?;
    inexpressible(request, &mut body)?;
    if let Some((origin, extras)) = &request.extras {
        body.extras(extras.iter(), |_| *origin == CHAT)?;
    }
    let (body, losses) = body.finish();
    Ok(Encoded { request: wire_request("/chat", body), losses })
}

/// A request to the vendor with this body.
pub(crate) fn wire_request(path: &str, body: WireBody) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    WireRequest { method: Method::POST, path: path.to_owned(), headers, body }
}

fn response_format(output: &OutputFormat) -> Option<RawJson> {
    let mut object = ObjectWriter::new();
    match output {
        OutputFormat::JsonObject => Some(object.member("type", "json_object").json()),
        OutputFormat::JsonSchema(schema) => {
            object.member("type", "json_object").optional("json_schema", schema.schema.as_ref());
            Some(object.json())
        }
        _ => None,
    }
}

fn sampling(request: &ChatRequest, native: bool, body: &mut RequestBody<'_>) -> Result<()> {
    let mut sampling = request.sampling.clone();
    sampling.or(&body.target().sampling);
    unknown_sampling(&sampling, &mut body.losses)?;
    if !native {
        in_range(&mut sampling, &mut body.losses)?;
    }
    body.optional("temperature", sampling.temperature.as_ref())?;
    body.optional("p", sampling.top_p.as_ref())?;
    body.optional("k", sampling.top_k.as_ref())?;
    body.optional("seed", sampling.seed.as_ref())?;
    body.optional("frequency_penalty", sampling.frequency_penalty.as_ref())?;
    body.optional("presence_penalty", sampling.presence_penalty.as_ref())?;
    body.optional("logprobs", sampling.logprobs.as_ref())?;
    body.optional("stop_sequences", (!sampling.stop.is_empty()).then_some(&sampling.stop))
}

/// What this format has no words for.
fn unknown_sampling(sampling: &Sampling, losses: &mut Losses) -> Result<()> {
    if sampling.n.is_some_and(|n| n > 1) {
        losses.meaning("n")?;
    }
    if sampling.top_logprobs.is_some_and(|count| count > 0) {
        losses.tuning("top_logprobs")?;
    }
    if sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null")) {
        losses.tuning("logit_bias")?;
    }
    Ok(())
}

/// Other formats allow more than this vendor takes (<https://docs.cohere.com/reference/chat>: `p` from 0.01 to 0.99,
/// `k` to 500, penalties from 0 to 1, seeds from 0, five stop texts).
fn in_range(sampling: &mut Sampling, losses: &mut Losses) -> Result<()> {
    let near = "the nearest value that the vendor takes";
    let bounded = [
        ("top_p", &mut sampling.top_p, 0.01, 0.99),
        ("frequency_penalty", &mut sampling.frequency_penalty, 0.0, 1.0),
        ("presence_penalty", &mut sampling.presence_penalty, 0.0, 1.0),
    ];
    for (field, value, least, most) in bounded {
        if let Some(asked) = value.filter(|asked| !(least..=most).contains(asked)) {
            *value = Some(asked.clamp(least, most));
            losses.approximated(field, near)?;
        }
    }
    if let Some(asked) = sampling.top_k.filter(|asked| *asked > 500) {
        sampling.top_k = Some(asked.min(500));
        losses.approximated("top_k", near)?;
    }
    if sampling.seed.is_some_and(|seed| seed < 0) {
        sampling.seed = None;
        losses.tuning("seed")?;
    }
    if sampling.stop.len() > MOST_STOPS {
        sampling.stop.truncate(MOST_STOPS);
        losses.tuning("stop")?;
    }
    Ok(())
}

/// Whether the client marked what should be cached. The vendor caches by itself.
fn marks_cache(request: &ChatRequest) -> bool {
    let part = |part: &Part| match part {
        Part::Text(text) => text.cache.is_some(),
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => media.cache.is_some(),
        Part::Document(document) => document.cache.is_some(),
        Part::ToolCall(call) => call.cache.is_some(),
        Part::ToolResult(result) => result.cache.is_some(),
        _ => false,
    };
    let tool = |tool: &Tool| matches!(tool, Tool::Function(function) if function.cache.is_some());
    request.cache.is_some()
        || request.tools.iter().any(tool)
        || request.messages.iter().flat_map(|message| &message.parts).any(part)
}

fn inexpressible(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    if request.modalities.iter().any(|modality| modality != "text") {
        body.losses.meaning("modalities")?;
    }
    let tier = request.service_tier.as_deref().is_some_and(|tier| tier != "auto" && tier != "default");
    body.losses.tuning_of([
        ("cache_control", marks_cache(request)),
        ("verbosity", request.verbosity.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
        ("service_tier", tier),
    ])
}
