//! A client's body to the canonical form.

use llm_core::request::{JsonSchema, OutputFormat, ReasoningOptions, Sampling};
use llm_core::{ChatRequest, Error, RawJson, RawObject, Result};

use super::{contents, tools};
use crate::wire::{Malformed, Members, json};
use crate::{GENERATE, schema};

/// Fields of the body that the canonical form holds.
const MODELLED: &[&str] =
    &["contents", "generationConfig", "model", "serviceTier", "systemInstruction", "toolConfig", "tools"];

/// Fields of `generationConfig` that the canonical form holds.
const CONFIG: &[&str] = &[
    "candidateCount",
    "frequencyPenalty",
    "logprobs",
    "maxOutputTokens",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// Reads a client's body. `extras` name this format even when there are none, which says whose words the rest of the
/// request is in.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("invalid request body: not UTF-8"))?;
    read(text).map_err(Malformed::of_client)
}

fn read(text: &str) -> Result<ChatRequest, Malformed> {
    let body = Members::parse(text)?;
    if let Some(inner) = body.raw("generateContentRequest") {
        // A request to count tokens holds the request in question.
        return read(inner.get()).map_err(|fault| fault.within("generateContentRequest"));
    }
    let mut request = ChatRequest {
        model: named(body.text("model")?.unwrap_or_default()),
        messages: contents::messages(&body)?,
        service_tier: body.text("serviceTier")?,
        ..ChatRequest::default()
    };
    let mut extras = body.rest(MODELLED);
    tools::read(&body, &mut request, &mut extras)?;
    if let Some(config) = body.object("generationConfig")? {
        read_config(&config, &mut request, &mut extras).map_err(|fault| fault.within("generationConfig"))?;
    }
    request.extras = Some((GENERATE, extras));
    Ok(request)
}

/// A model's name without the collection that it is in.
fn named(model: String) -> String {
    model.strip_prefix("models/").map(str::to_owned).unwrap_or(model)
}

fn read_config(
    config: &Members<'_>,
    request: &mut ChatRequest,
    extras: &mut RawObject,
) -> Result<(), Malformed> {
    request.sampling = sampling(config)?;
    request.max_output_tokens = config.count("maxOutputTokens")?;
    request.modalities = modalities(config)?;
    let mut rest = config.rest(CONFIG);
    output(config, request, &mut rest)?;
    if let Some(thinking) = config.object("thinkingConfig")? {
        let (options, unknown) = thinking_options(&thinking).map_err(|at| at.within("thinkingConfig"))?;
        request.reasoning = Some(options);
        if !unknown.is_empty() {
            rest.insert("thinkingConfig", json(&unknown));
        }
    }
    if !rest.is_empty() {
        extras.insert("generationConfig", json(&rest));
    }
    Ok(())
}

fn sampling(config: &Members<'_>) -> Result<Sampling, Malformed> {
    Ok(Sampling {
        temperature: config.read("temperature", "a number")?,
        top_p: config.read("topP", "a number")?,
        top_k: config.count("topK")?,
        frequency_penalty: config.read("frequencyPenalty", "a number")?,
        presence_penalty: config.read("presencePenalty", "a number")?,
        seed: config.read("seed", "a whole number")?,
        stop: config.read("stopSequences", "a list of strings")?.unwrap_or_default(),
        n: config.count("candidateCount")?,
        logprobs: config.read("responseLogprobs", "true or false")?,
        top_logprobs: config.count("logprobs")?,
        logit_bias: None,
    })
}

fn modalities(config: &Members<'_>) -> Result<Vec<String>, Malformed> {
    let list = config.array("responseModalities")?.into_iter().map(|raw| {
        let word = match raw.get() {
            "1" => "text".to_owned(),
            "2" => "image".to_owned(),
            "3" => "audio".to_owned(),
            text => serde_json::from_str::<String>(text)
                .map_err(|_| Malformed::new("responseModalities", "expected a list of strings"))?
                .to_ascii_lowercase(),
        };
        Ok(word)
    });
    list.collect()
}

/// The form of the answer. A media type without a word of ours stays as it is.
fn output(config: &Members<'_>, request: &mut ChatRequest, rest: &mut RawObject) -> Result<(), Malformed> {
    let older: Option<RawJson> = config.read("responseSchema", "a schema")?;
    let schema = match config.read("responseJsonSchema", "a JSON schema")? {
        Some(schema) => Some(schema),
        None => older.as_ref().map(schema::to_json_schema),
    };
    let media_type = config.text("responseMimeType")?;
    request.output = match (media_type.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => {
            OutputFormat::JsonSchema(JsonSchema { schema: Some(schema), ..JsonSchema::default() })
        }
        (Some("application/json"), None) => OutputFormat::JsonObject,
        (None | Some("text/plain"), _) => OutputFormat::Text,
        (Some(other), schema) => {
            rest.insert("responseMimeType", RawJson::string(other));
            if let Some(schema) = older.or(schema) {
                rest.insert("responseSchema", schema);
            }
            OutputFormat::Text
        }
    };
    Ok(())
}

fn thinking_options(thinking: &Members<'_>) -> Result<(ReasoningOptions, RawObject), Malformed> {
    let mut options = ReasoningOptions::default();
    match thinking.read::<i64>("thinkingBudget", "a whole number")? {
        Some(0) => options.enabled = Some(false),
        Some(-1) => options.adaptive = true,
        Some(budget) => options.budget_tokens = u64::try_from(budget).ok(),
        None => {}
    }
    let level = thinking.word("thinkingLevel").map(|level| level.to_ascii_lowercase());
    options.effort = level.filter(|level| !matches!(level.as_str(), "0" | "thinking_level_unspecified"));
    let shown: Option<bool> = thinking.read("includeThoughts", "true or false")?;
    options.summary = shown.map(|shown| if shown { "auto" } else { "omitted" }.to_owned());
    Ok((options, thinking.rest(&["thinkingBudget", "thinkingLevel", "includeThoughts"])))
}
