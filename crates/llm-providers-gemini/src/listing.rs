//! The list of models as clients of this format read it.
//!
//! After <https://ai.google.dev/api/models>.

use bytes::Bytes;
use llm_core::ingress::ModelCard;
use serde::Serialize;

#[derive(Serialize)]
struct Page<'a> {
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Model<'a> {
    name: String,
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_token_limit: Option<u64>,
    supported_generation_methods: &'static [&'static str],
}

/// Writes the list.
pub(crate) fn encode(models: &[ModelCard]) -> Bytes {
    let models = models.iter().map(|card| Model {
        name: format!("models/{}", card.id),
        display_name: &card.id,
        input_token_limit: card.max_input_tokens,
        output_token_limit: card.max_output_tokens,
        supported_generation_methods: methods(card.mode.as_deref()),
    });
    let page = Page { models: models.collect() };
    serde_json::to_vec(&page).expect("strings and numbers are always valid JSON").into()
}

fn methods(mode: Option<&str>) -> &'static [&'static str] {
    match mode {
        Some("embedding") => &["embedContent", "batchEmbedContents"],
        _ => &["generateContent", "streamGenerateContent", "countTokens"],
    }
}
