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
    #[cfg(feature = "bedrock")]
    Entry {
        id: llm_providers_bedrock::CONVERSE,
        rules: UrlRules { endpoints: &[], version_follows: false },
        make: |quirks| Ok(Arc::new(llm_providers_bedrock::Converse::new(read(quirks)?))),
    },
    #[cfg(feature = "sagemaker")]
    Entry {
        id: llm_providers_sagemaker::INVOKE,
        rules: UrlRules { endpoints: &[], version_follows: false },
        make: endpoint,
    },
];

/// The dialect of the containers of SageMaker's endpoints, where a row does not say.
#[cfg(feature = "sagemaker")]
const PAYLOAD: &str = "openai.chat";

#[cfg(feature = "sagemaker")]
fn endpoint(quirks: &Quirks) -> serde_json::Result<Arc<dyn Dialect>> {
    use llm_providers_sagemaker::{Endpoint, EndpointQuirks, TEXT_GENERATION, TextGeneration};
    let quirks: EndpointQuirks = read(quirks)?;
    let payload: Arc<dyn Dialect> = match quirks.payload.as_deref().unwrap_or(PAYLOAD) {
        name if name == TEXT_GENERATION.name() => Arc::new(TextGeneration),
        name => dialect(name, &Quirks::default()).map_err(serde::de::Error::custom)?,
    };
    Ok(Arc::new(Endpoint::new(payload)))
}

#[cfg(any(feature = "openai", feature = "anthropic", feature = "bedrock", feature = "sagemaker"))]
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
        #[cfg(feature = "bedrock")]
        Arc::new(llm_providers_bedrock::ConverseIngress),
    ]
}

/// The region of AWS that a model's name demands, in an ARN or before the id.
#[cfg(feature = "bedrock")]
pub use llm_providers_bedrock::region_of as aws_region_of;

/// The region of AWS that a model's name demands: none without the format that has such names.
#[cfg(not(feature = "bedrock"))]
pub fn aws_region_of(_model: &str) -> Option<&str> {
    None
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
