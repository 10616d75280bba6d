#![doc = include_str!("../README.md")]

mod base64;
mod bytes;
mod candidates;
mod choice;
mod content_filter;
mod glob;
mod injection;
mod kinds;
mod language;
mod length;
mod parameters;
mod pattern;
mod pii;
mod regex;
mod schema;
mod secrets;
mod sha256;
mod tools;
mod words;

use std::sync::Arc;

use llm_core::guard::Scanner;
use serde_json::Value;

pub use self::kinds::{Kind, Rule};
use self::parameters::Parameters;

/// The judge of a kind; `None` when the kind is not one of this crate.
///
/// # Errors
/// When parameters are unknown, malformed or contradict each other; the message names the parameter and what is right.
pub fn build(kind: &str, parameters: &Value) -> Result<Option<Arc<dyn Scanner>>, String> {
    let Some(kind) = kinds().into_iter().find(|known| known.name == kind || known.aliases.contains(&kind))
    else {
        return Ok(None);
    };
    let built = Parameters::of(parameters).and_then(|parameters| make(kind.name, parameters));
    built.map(Some).map_err(|error| format!("guardrail `{}`: {error}", kind.name))
}

fn make(kind: &str, parameters: Parameters<'_>) -> Result<Arc<dyn Scanner>, String> {
    Ok(match kind {
        "secrets" => Arc::new(secrets::build(parameters)?),
        "pii" => Arc::new(pii::build(parameters)?),
        "prompt_injection" => Arc::new(injection::build(parameters)?),
        "litellm_content_filter" => Arc::new(content_filter::build(parameters)?),
        "banned_keywords" => Arc::new(words::build(parameters)?),
        "length" => Arc::new(length::build(parameters)?),
        "language" => Arc::new(language::build(parameters)?),
        "json_schema" => Arc::new(schema::build(parameters)?),
        "tool_allow_list" => Arc::new(tools::build(parameters)?),
        _ => Arc::new(regex::build(parameters)?),
    })
}

/// All kinds of judges of this crate.
pub fn kinds() -> Vec<Kind> {
    let kind = |name, aliases, about, rules| Kind { name, aliases, about, rules };
    vec![
        kind(
            "secrets",
            &["hide-secrets", "hide_secrets"],
            "Keys, tokens, passwords and private keys, by format and by what stands around them.",
            secrets::rules(),
        ),
        kind("pii", &[], "Personal data, by format, checksum and the words around it.", pii::rules()),
        kind(
            "prompt_injection",
            &["detect_prompt_injection"],
            "Attempts to talk a model out of its instructions.",
            injection::rules(),
        ),
        kind(
            "litellm_content_filter",
            &["content_filter"],
            "LiteLLM's content filter: prebuilt patterns, patterns of your own, blocked words.",
            Vec::new(),
        ),
        kind("length", &[], "Texts that are too long or too short.", Vec::new()),
        kind("language", &[], "Languages that may be used, or may not.", Vec::new()),
        kind("json_schema", &[], "Answers that must be JSON of a shape.", Vec::new()),
        kind("tool_allow_list", &[], "Tools that may be offered and called, by name.", Vec::new()),
        kind("banned_keywords", &[], "Words of a list, as whole words and in any case.", Vec::new()),
        kind("regex", &[], "Patterns of your own.", Vec::new()),
    ]
}
