//! A canonical request as `{"inputs", "parameters", "stream"}`.
//!
//! After <https://huggingface.co/docs/inference-providers/tasks/text-generation>.

use http::{HeaderMap, HeaderValue, Method};
use llm_core::dialect::Encoded;
use llm_core::object::ObjectWriter;
use llm_core::request::{OutputFormat, Sampling};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result, Target};
use serde::Serialize;

use crate::{TEXT, models, prompt};

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target) -> Result<Encoded> {
    let mut losses = Losses::new(target.policy);
    let path = models::path(&target.model, "")?;
    let inputs = prompt::of(&request.messages, &mut losses)?;
    let parameters = parameters(request, target, &mut losses)?;
    inexpressible(request, &mut losses)?;
    let mut body = RawObject::default();
    // In its place until the body is written around it.
    body.insert("inputs", RawJson::null());
    body.insert("parameters", json(&parameters));
    body.insert("stream", json(&target.stream));
    settle(&mut body, target);
    let mut object = ObjectWriter::of(request);
    object.members_around(&body, "inputs", &inputs);
    Ok(Encoded { request: wire_request(path, object.finish_body()), losses: losses.into_list() })
}

/// Takes out and sets what the deployment says.
pub(crate) fn settle(body: &mut RawObject, target: &Target) {
    for field in &target.drop_fields {
        body.remove(field);
    }
    target.extra_body.iter().for_each(|(name, value)| body.insert(name, value.clone()));
}

/// A request to the vendor with this body.
pub(crate) fn wire_request(path: String, body: WireBody) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    WireRequest { method: Method::POST, path, headers, body }
}

/// Any value as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("numbers, strings and objects of them are always valid JSON")
}

#[derive(Default, Serialize)]
struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_new_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    do_sample: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grammar: Option<Grammar>,
    return_full_text: bool,
    details: bool,
}

/// The form of the answer.
#[derive(Serialize)]
struct Grammar {
    r#type: &'static str,
    value: RawJson,
}

fn parameters(request: &ChatRequest, target: &Target, losses: &mut Losses) -> Result<Parameters> {
    let mut sampling = request.sampling.clone();
    sampling.or(&target.sampling);
    unknown_sampling(&sampling, losses)?;
    // The vendor refuses the ends of these ranges, which mean that nothing is drawn, and that nothing is left out.
    let cold = sampling.temperature.is_some_and(|temperature| temperature <= 0.0);
    Ok(Parameters {
        max_new_tokens: request.max_output_tokens.or(target.max_output_tokens),
        do_sample: sampling.temperature.map(|_| !cold),
        temperature: sampling.temperature.filter(|_| !cold),
        top_p: sampling.top_p.filter(|top_p| *top_p < 1.0),
        top_k: sampling.top_k.filter(|top_k| *top_k > 0),
        frequency_penalty: sampling.frequency_penalty,
        seed: sampling.seed.and_then(|seed| u64::try_from(seed).ok()),
        stop: sampling.stop,
        grammar: grammar(&request.output, losses)?,
        return_full_text: false,
        details: true,
    })
}

fn grammar(output: &OutputFormat, losses: &mut Losses) -> Result<Option<Grammar>> {
    let schema = match output {
        OutputFormat::Text => return Ok(None),
        OutputFormat::JsonSchema(schema) => schema.schema.clone(),
        _ => None,
    };
    if schema.is_none() {
        losses.meaning("response_format")?;
    }
    Ok(schema.map(|value| Grammar { r#type: "json", value }))
}

fn unknown_sampling(sampling: &Sampling, losses: &mut Losses) -> Result<()> {
    if sampling.n.is_some_and(|n| n > 1) {
        losses.meaning("n")?;
    }
    losses.tuning_of([
        ("presence_penalty", sampling.presence_penalty.is_some_and(|value| value != 0.0)),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some_and(|count| count > 0)),
        ("logit_bias", sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null"))),
        ("seed", sampling.seed.is_some_and(|seed| seed < 0)),
    ])
}

fn inexpressible(request: &ChatRequest, losses: &mut Losses) -> Result<()> {
    if !request.tools.is_empty() {
        losses.meaning("tools")?;
    }
    if request.modalities.iter().any(|modality| modality != "text") {
        losses.meaning("modalities")?;
    }
    let thinks = request.reasoning.as_ref().is_some_and(|options| options.enabled != Some(false));
    losses.tuning_of([
        ("reasoning", thinks),
        ("verbosity", request.verbosity.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
        ("service_tier", request.service_tier.is_some()),
    ])?;
    let extras = request.extras.as_ref().filter(|(origin, _)| *origin != TEXT);
    for (name, _) in extras.into_iter().flat_map(|(_, fields)| fields.iter()) {
        losses.tuning(name.to_owned())?;
    }
    Ok(())
}
