//! All dialects, as vendors and as clients speak them.

use std::sync::{Arc, LazyLock};

use llm_core::{Dialect, DialectId, Ingress};
use llm_providers::Registry;
use llm_providers_anthropic::{MESSAGES, Messages};
use llm_providers_bedrock::Converse;
use llm_providers_cohere::Chat as CohereChat;
use llm_providers_gemini::Generate;
use llm_providers_ollama::{CHAT as LINES, Chat as Lines, GENERATE};
use llm_providers_openai::{CHAT, COMPLETIONS, ChatCompletions, Completions, RESPONSES, Responses};
use serde::de::DeserializeOwned;

use crate::sample::Draws;

type Quirks = serde_json::Map<String, serde_json::Value>;

static QUIRKS: LazyLock<Vec<(String, Quirks)>> = LazyLock::new(|| {
    let registry = Registry::builtin();
    let mut rows: Vec<(String, Quirks)> = Vec::new();
    for vendor in registry.iter().filter(|vendor| !vendor.quirks.is_empty()) {
        let row = (vendor.dialect.clone(), vendor.quirks.clone());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
});

/// The client sides that have a vendor side.
static INGRESSES: LazyLock<Vec<Arc<dyn Ingress>>> = LazyLock::new(|| {
    let all = llm_providers::ingresses().into_iter();
    all.filter(|ingress| plain().iter().any(|dialect| dialect.id() == chat_of(ingress.id()))).collect()
});

/// Single prompts are answered by conversations.
fn chat_of(id: DialectId) -> DialectId {
    if id == GENERATE { LINES } else { id }
}

/// The vendor sides without quirks.
pub fn plain() -> [Box<dyn Dialect>; 8] {
    [
        Box::<ChatCompletions>::default(),
        Box::<Responses>::default(),
        Box::<Messages>::default(),
        Box::<Lines>::default(),
        Box::<Completions>::default(),
        Box::<Generate>::default(),
        Box::<Converse>::default(),
        Box::<CohereChat>::default(),
    ]
}

/// The vendor sides without quirks, and one with those of some vendor of the table.
pub fn vendors(draws: &mut Draws) -> Vec<Box<dyn Dialect>> {
    let (dialect, quirks) = draws.one(&QUIRKS);
    let quirky: Option<Box<dyn Dialect>> = match DialectId::named(dialect) {
        Some(CHAT) => Some(Box::new(ChatCompletions::new(read(quirks)))),
        Some(RESPONSES) => Some(Box::new(Responses::new(read(quirks)))),
        Some(MESSAGES) => Some(Box::new(Messages::new(read(quirks)))),
        Some(LINES) => Some(Box::new(Lines::new(read(quirks)))),
        Some(COMPLETIONS) => Some(Box::new(Completions::new(read(quirks)))),
        _ => None,
    };
    plain().into_iter().chain(quirky).collect()
}

/// The client sides.
pub fn clients() -> &'static [Arc<dyn Ingress>] {
    &INGRESSES
}

/// The vendor side of a client's dialect, without quirks. Single prompts are answered by conversations.
///
/// # Panics
/// When there is none.
pub fn vendor_of(client: &dyn Ingress) -> Box<dyn Dialect> {
    let id = chat_of(client.id());
    plain().into_iter().find(|dialect| dialect.id() == id).expect("every dialect has both sides")
}

fn read<T: DeserializeOwned>(quirks: &Quirks) -> T {
    serde_json::from_value(quirks.clone().into()).expect("the table's quirks are valid")
}
