//! Pictures for a client of this API.

use http::HeaderValue;
use llm_core::Usage;
use llm_core::conversion::Shown;
use llm_core::images::{ImageResponse, MadeImage};
use llm_core::message::Source;
use serde::Serialize;

use crate::chat::response::now;

#[derive(Serialize)]
struct Body<'a> {
    created: u64,
    data: Vec<Picture<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct Picture<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    b64_json: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revised_prompt: Option<&'a str>,
}

#[derive(Serialize)]
struct Tokens {
    total_tokens: u64,
    input_tokens: u64,
    output_tokens: u64,
    input_tokens_details: Details,
    output_tokens_details: Details,
}

#[derive(Serialize)]
struct Details {
    text_tokens: u64,
    image_tokens: u64,
}

pub(super) fn encode(answer: &ImageResponse) -> Shown {
    let data = answer.images.iter().map(picture).collect();
    let body = Body { created: now(), data, usage: tokens(&answer.usage) };
    let body = serde_json::to_vec(&body).expect("structs are always valid JSON");
    Shown { content_type: HeaderValue::from_static("application/json"), body: body.into() }
}

fn picture(image: &MadeImage) -> Picture<'_> {
    let (b64_json, url) = match &image.source {
        Source::Base64 { data, .. } => (Some(data.as_str()), None),
        Source::Url(url) => (None, Some(url.as_str())),
        Source::FileId { .. } | Source::Text(_) => (None, None),
    };
    Picture { b64_json, url, revised_prompt: image.revised_prompt.as_deref() }
}

/// Only where the vendor counts in tokens.
fn tokens(usage: &Usage) -> Option<Tokens> {
    let total_tokens = usage.total()?;
    let (input_tokens, output_tokens) =
        (usage.prompt_total().unwrap_or(0), usage.completion_total().unwrap_or(0));
    let details = |all: u64, images: Option<u64>| {
        let image_tokens = images.unwrap_or(0);
        Details { text_tokens: all.saturating_sub(image_tokens), image_tokens }
    };
    Some(Tokens {
        total_tokens,
        input_tokens,
        output_tokens,
        input_tokens_details: details(input_tokens, usage.image_in),
        output_tokens_details: details(output_tokens, usage.image_out),
    })
}
