//! The dialects that are built in: the one place that knows which cargo feature brings which.

use std::sync::Arc;

use crate::base_url::UrlRules;
use llm_core::{Dialect, DialectId, Error, Ingress, Result};

/// Named wire behaviours of a vendor, as its row has them.
pub(crate) type Quirks = serde_json::Map<String, serde_json::Value>;

/// A dialect of the vendor side that is built in.
struct Entry {
    id: DialectId,
    rules: UrlRules,
    make: fn(&Quirks) -> serde_json::Result<Arc<dyn Dialect>>,
}

const ENTRIES: &[Entry] = &[
    #[cfg(feature = "openai")]
    Entry {
        id: llm_providers_openai::CHAT,
        rules: UrlRules { endpoints: &["/chat/completions", "/completions"], version_follows: false },
        make: |quirks| Ok(Arc::new(llm_providers_openai::ChatCompletions::new(read(quirks)?))),
    },
    #[cfg(feature = "openai")]
    Entry {
        id: llm_providers_openai::RESPONSES,
        rules: UrlRules { endpoints: &["/responses", "/chat/completions"], version_follows: false },
        make: |quirks| Ok(Arc::new(llm_providers_openai::Responses::new(read(quirks)?))),
    },
    #[cfg(feature = "anthropic")]
    Entry {
        id: llm_providers_anthropic::MESSAGES,
        rules: UrlRules { endpoints: &["/messages/count_tokens", "/messages"], version_follows: true },
        make: |quirks| Ok(Arc::new(llm_providers_anthropic::Messages::new(read(quirks)?))),
    },
    #[cfg(feature = "dashscope")]
    Entry {
        id: llm_providers_dashscope::GENERATION,
        rules: UrlRules {
            endpoints: &[
                "/services/aigc/multimodal-generation/generation",
                "/services/aigc/text-generation/generation",
            ],
            version_follows: false,
        },
        make: |quirks| Ok(Arc::new(llm_providers_dashscope::Generation::new(read(quirks)?))),
    },
];

#[cfg(any(feature = "anthropic", feature = "dashscope", feature = "openai"))]
fn read<T: serde::de::DeserializeOwned>(quirks: &Quirks) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::Value::Object(quirks.clone()))
}

/// The client sides of all dialects that are built in.
pub fn ingresses() -> Vec<Arc<dyn Ingress>> {
    vec![
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ChatIngress),
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ResponsesIngress),
        #[cfg(feature = "anthropic")]
        Arc::new(llm_providers_anthropic::MessagesIngress),
    ]
}

/// A dialect by its name, with a vendor's quirks.
pub(crate) fn dialect(name: &str, quirks: &Quirks) -> Result<Arc<dyn Dialect>> {
    let make = entry(name)?.make;
    make(quirks).map_err(|fault| Error::invalid(format!("invalid quirks for the dialect `{name}`: {fault}")))
}

/// How users of a dialect write base URLs.
pub(crate) fn url_rules(name: &str) -> Result<UrlRules> {
    entry(name).map(|entry| entry.rules)
}

fn entry(name: &str) -> Result<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id.name() == name).ok_or_else(|| {
        let known: Vec<String> = ENTRIES.iter().map(|entry| format!("`{}`", entry.id)).collect();
        let shown: String = name.chars().take(64).collect();
        Error::invalid(format!(
            "unknown dialect `{shown}`: this program was built with {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ))
    })
}
