//! What clients of this format ask about models. After "List models", "Show model details", "List running models" and
//! "Get version" of <https://docs.ollama.com/api>.
//!
//! A gateway has no model files: sizes are 0, digests are empty, the time of the last change is that of no change at
//! all, and families are not known. What the price table knows of a model is told: its limits and what it can do.

use bytes::Bytes;
use llm_core::ingress::ModelCard;
use llm_core::inquiry::{About, Inquiry};
use llm_core::{RawJson, RawObject};
use serde::Serialize;

use crate::body::json;

/// The version of the API that this crate is written for: clients ask it to know what they may send. It is the first
/// with `logprobs`.
pub(crate) const VERSION: &str = "0.12.11";

/// The paths of the questions.
pub(crate) const INQUIRIES: &[Inquiry] = &[
    Inquiry::new("/api/tags", About::Models),
    Inquiry::new("/api/ps", About::Running),
    Inquiry::new("/api/version", About::Version),
    Inquiry::new("/api/show", About::Model),
];

const NEVER: &str = "1970-01-01T00:00:00Z";

/// The time after which a model is not ready any more: there is none.
const FOREVER: &str = "9999-12-31T23:59:59Z";

#[derive(Serialize)]
struct List<'a> {
    models: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_at: Option<&'static str>,
    size: u64,
    digest: &'static str,
    details: Details,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_vram: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u64>,
}

#[derive(Default, Serialize)]
struct Details {
    parent_model: &'static str,
    format: &'static str,
    family: &'static str,
    families: [&'static str; 0],
    parameter_size: &'static str,
    quantization_level: &'static str,
}

#[derive(Serialize)]
struct Shown {
    modelfile: &'static str,
    parameters: &'static str,
    template: &'static str,
    details: Details,
    model_info: RawObject,
    capabilities: Vec<&'static str>,
    modified_at: &'static str,
}

/// The answer to a question.
pub(crate) fn answer(about: About, models: &[ModelCard]) -> Bytes {
    let answer = match about {
        About::Version => json(&RawObject::from_iter([("version".to_owned(), RawJson::string(VERSION))])),
        About::Model => json(&shown(models.first())),
        About::Running => json(&List { models: models.iter().map(running).collect() }),
        _ => json(&List { models: models.iter().map(listed).collect() }),
    };
    answer.get().to_owned().into()
}

fn listed(card: &ModelCard) -> Listed<'_> {
    Listed {
        name: &card.id,
        model: &card.id,
        modified_at: Some(NEVER),
        size: 0,
        digest: "",
        details: Details::default(),
        expires_at: None,
        size_vram: None,
        context_length: None,
    }
}

fn running(card: &ModelCard) -> Listed<'_> {
    Listed {
        modified_at: None,
        expires_at: Some(FOREVER),
        size_vram: Some(0),
        context_length: card.max_input_tokens,
        ..listed(card)
    }
}

fn shown(card: Option<&ModelCard>) -> Shown {
    Shown {
        modelfile: "",
        parameters: "",
        template: "",
        details: Details::default(),
        model_info: card.map(info).unwrap_or_default(),
        capabilities: card.map(capabilities).unwrap_or_default(),
        modified_at: NEVER,
    }
}

/// Clients look for `<architecture>.context_length`, after the architecture's name.
fn info(card: &ModelCard) -> RawObject {
    let mut info = RawObject::default();
    info.insert("general.architecture", RawJson::string("gateway"));
    info.insert("general.basename", RawJson::string(&card.id));
    if let Some(most) = card.max_input_tokens {
        info.insert("gateway.context_length", json(&most));
    }
    info
}

fn capabilities(card: &ModelCard) -> Vec<&'static str> {
    if card.mode.as_deref() == Some("embedding") {
        return vec!["embedding"];
    }
    let abilities = card.abilities;
    let known = [("tools", abilities.tools), ("vision", abilities.vision), ("thinking", abilities.thinking)];
    let can = known.into_iter().filter(|(_, can)| *can == Some(true)).map(|(name, _)| name);
    ["completion"].into_iter().chain(can).collect()
}
