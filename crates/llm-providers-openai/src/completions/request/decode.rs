//! A client's body to the canonical form: the prompt is a user's message.

use llm_core::json::complaint;
use llm_core::request::Sampling;
use llm_core::{ChatRequest, Error, Message, RawJson, RawObject, Result, Role};
use serde::de::DeserializeOwned;

use crate::completions::COMPLETIONS;

/// Reads a client's body. `extras` name this format even when there are none.
pub(in crate::completions) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let mut members: RawObject = serde_json::from_slice(body).map_err(|fault| {
        Error::invalid(format!("invalid request: {}", complaint(&fault))).with_param("request_body")
    })?;
    let members = &mut members;
    let mut request = ChatRequest {
        model: take(members, "model")?.unwrap_or_default(),
        messages: vec![Message::text(Role::User, prompt(members)?)],
        sampling: sampling(members)?,
        max_output_tokens: take(members, "max_tokens")?,
        stream: take(members, "stream")?.unwrap_or_default(),
        user: take(members, "user")?,
        ..ChatRequest::default()
    };
    let mut options: RawObject = take(members, "stream_options")?.unwrap_or_default();
    request.include_usage = take(&mut options, "include_usage")?;
    if !options.is_empty() {
        members.insert("stream_options", RawJson::of(&options).map_err(|_| wrong("stream_options"))?);
    }
    let said = std::mem::take(members).into_iter().filter(|(name, value)| says_something(name, value));
    request.extras = Some((COMPLETIONS, said.collect()));
    Ok(request)
}

fn take<T: DeserializeOwned>(members: &mut RawObject, key: &str) -> Result<Option<T>> {
    let Some(raw) = members.remove(key).filter(|raw| !raw.is_null()) else { return Ok(None) };
    raw.read()
        .map(Some)
        .map_err(|fault| Error::invalid(format!("invalid `{key}`: {}", complaint(&fault))).with_param(key))
}

fn wrong(key: &str) -> Error {
    Error::invalid(format!("invalid `{key}`")).with_param(key)
}

/// The one text that can be said to a vendor of conversations.
fn prompt(members: &mut RawObject) -> Result<String> {
    let Some(raw) = members.remove("prompt").filter(|raw| !raw.is_null()) else {
        return Err(Error::invalid("missing `prompt`: expected a text").with_param("prompt"));
    };
    if let Ok(text) = raw.read::<String>() {
        return Ok(text);
    }
    match raw.read::<Vec<String>>() {
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

fn sampling(members: &mut RawObject) -> Result<Sampling> {
    let stop = members.remove("stop").filter(|raw| !raw.is_null());
    let stop =
        stop.map(|raw| raw.read::<String>().map(|text| vec![text]).or_else(|_| raw.read::<Vec<String>>()));
    let alternatives: Option<u64> = take(members, "logprobs")?;
    Ok(Sampling {
        temperature: take(members, "temperature")?,
        top_p: take(members, "top_p")?,
        top_k: take(members, "top_k")?,
        frequency_penalty: take(members, "frequency_penalty")?,
        presence_penalty: take(members, "presence_penalty")?,
        seed: take(members, "seed")?,
        stop: stop.transpose().map_err(|_| wrong("stop"))?.unwrap_or_default(),
        n: take(members, "n")?,
        logprobs: alternatives.map(|_| true),
        top_logprobs: alternatives.filter(|count| *count > 0),
        logit_bias: members.remove("logit_bias").filter(|bias| !matches!(bias.get(), "null" | "{}")),
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
