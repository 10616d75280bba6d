//! A client's body to the canonical form: the prompt is a user's message.

use llm_core::members::{Malformed, Members, owned};
use llm_core::request::Sampling;
use llm_core::{ChatRequest, Error, Message, RawJson, RawObject, Result, Role, Words};
use serde::Deserialize;

use crate::completions::COMPLETIONS;

/// Members of the body that the canonical form holds.
const MODELLED: &[&str] = &[
    "model",
    "prompt",
    "max_tokens",
    "stream",
    "stream_options",
    "user",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "n",
    "logprobs",
    "logit_bias",
];

/// Reads a client's body. `extras` name this format even when there are none.
pub(in crate::completions) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::new("", "not UTF-8").of_client())?;
    let body = Members::parse(text).map_err(Malformed::of_client)?;
    let prompt = prompt(&body)?;
    read(&body, prompt).map_err(Malformed::of_client)
}

fn read(body: &Members<'_>, prompt: Words) -> Result<ChatRequest, Malformed> {
    let options = body.object("stream_options")?.unwrap_or_default();
    let include_usage = options.read("include_usage", "true or false");
    let other_options = options.rest(&["include_usage"]);
    let mut said: RawObject =
        body.rest(MODELLED).into_iter().filter(|(name, value)| says_something(name, value)).collect();
    if let Some(raw) = (!other_options.is_empty()).then(|| RawJson::of(&other_options).ok()).flatten() {
        said.insert("stream_options", raw);
    }
    Ok(ChatRequest {
        model: body.text("model")?.unwrap_or_default(),
        messages: vec![Message::text(Role::User, prompt)],
        sampling: sampling(body)?,
        max_output_tokens: body.read("max_tokens", "a whole number")?,
        stream: body.read("stream", "true or false")?.unwrap_or_default(),
        include_usage: include_usage.map_err(|fault| fault.within("stream_options"))?,
        user: body.text("user")?,
        extras: Some((COMPLETIONS, said)),
        ..ChatRequest::default()
    })
}

/// The one text that can be said to a vendor of conversations.
fn prompt(body: &Members<'_>) -> Result<Words> {
    let Some(raw) = body.raw("prompt") else {
        return Err(Error::invalid("missing `prompt`: expected a text").with_param("prompt"));
    };
    if let Ok(text) = Words::of_json(raw) {
        return Ok(text);
    }
    match serde_json::from_str::<Vec<Words>>(raw.get()) {
        Ok(mut texts) if texts.len() == 1 => Ok(texts.pop().unwrap_or_default()),
        Ok(texts) if texts.is_empty() => Err(Error::invalid("invalid `prompt`: the list is empty").with_param("prompt")),
        Ok(_) => Err(Error::unsupported(
            "several prompts at once are possible only with a model that speaks text completions itself: \
             send one request for each",
        )
        .with_param("prompt")),
        Err(_) if raw.get().starts_with('[') => Err(Error::unsupported(
            "a prompt in tokens is possible only with a model that speaks text completions itself: send its text",
        )
        .with_param("prompt")),
        Err(_) => Err(Error::invalid("invalid `prompt`: expected a text or a list").with_param("prompt")),
    }
}

fn sampling(body: &Members<'_>) -> Result<Sampling, Malformed> {
    let alternatives: Option<u64> = body.read("logprobs", "a whole number")?;
    let biased = body.raw("logit_bias").filter(|bias| bias.get() != "{}");
    Ok(Sampling {
        temperature: body.read("temperature", "a number")?,
        top_p: body.read("top_p", "a number")?,
        top_k: body.read("top_k", "a whole number")?,
        frequency_penalty: body.read("frequency_penalty", "a number")?,
        presence_penalty: body.read("presence_penalty", "a number")?,
        seed: body.read("seed", "a whole number")?,
        stop: stop(body)?,
        n: body.read("n", "a whole number")?,
        logprobs: alternatives.map(|_| true),
        top_logprobs: alternatives.filter(|count| *count > 0),
        logit_bias: biased.and_then(owned),
    })
}

fn stop(body: &Members<'_>) -> Result<Vec<String>, Malformed> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stop {
        One(String),
        Several(Vec<String>),
    }
    Ok(match body.read("stop", "a string or a list of strings")? {
        None => Vec::new(),
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Several(texts)) => texts,
    })
}

/// Whether a field that has no canonical place asks for something: many clients send its default.
fn says_something(name: &str, value: &RawJson) -> bool {
    let default = match name {
        "echo" => "false",
        "best_of" => "1",
        "suffix" => "\"\"",
        _ => "null",
    };
    !value.is_null() && value.get() != default
}
