//! The list of models as clients of this format read it.
//!
//! After <https://docs.cohere.com/reference/list-models>.

use bytes::Bytes;
use llm_core::ingress::ModelCard;
use serde::Serialize;

#[derive(Serialize)]
struct Page<'a> {
    models: Vec<Model<'a>>,
    next_page_token: Option<&'a str>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    endpoints: Vec<&'static str>,
    finetuned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u64>,
}

/// Writes the list.
pub(crate) fn encode(models: &[ModelCard]) -> Bytes {
    let models = models.iter().map(|card| Model {
        name: &card.id,
        endpoints: endpoint(card.mode.as_deref()).into_iter().collect(),
        finetuned: false,
        context_length: card.max_input_tokens,
    });
    let page = Page { models: models.collect(), next_page_token: None };
    serde_json::to_vec(&page).expect("strings and numbers are always valid JSON").into()
}

fn endpoint(mode: Option<&str>) -> Option<&'static str> {
    match mode? {
        "chat" | "completion" | "responses" => Some("chat"),
        "embedding" => Some("embed"),
        "rerank" => Some("rerank"),
        _ => None,
    }
}
