//! The list of models as clients of this format read it.
//!
//! After <https://platform.claude.com/docs/en/api/models/list>.

use bytes::Bytes;
use llm_core::ingress::ModelCard;
use serde::Serialize;

#[derive(Serialize)]
struct Page<'a> {
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Model<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    /// The documented value for models whose release date is not known.
    created_at: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
}

/// Writes the list.
pub(crate) fn encode(models: &[ModelCard]) -> Bytes {
    let data = models.iter().map(|card| Model {
        r#type: "model",
        id: &card.id,
        display_name: &card.id,
        created_at: "1970-01-01T00:00:00Z",
        max_input_tokens: card.max_input_tokens,
        max_tokens: card.max_output_tokens,
    });
    let page = Page {
        data: data.collect(),
        has_more: false,
        first_id: models.first().map(|card| card.id.as_str()),
        last_id: models.last().map(|card| card.id.as_str()),
    };
    serde_json::to_vec(&page).expect("strings and numbers are always valid JSON").into()
}
