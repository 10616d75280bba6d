//! The dialects that are built in: the one place that knows which cargo feature brings which.

use std::sync::Arc;

use crate::base_url::{BaseUrl, UrlRules};
use llm_core::{Dialect, DialectId, Error, Ingress, Result};
#[cfg(feature = "azure")]
use llm_providers_azure::place as azure_place;

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
    #[cfg(feature = "gemini")]
    Entry {
        id: llm_providers_gemini::GENERATE,
        rules: UrlRules { endpoints: &["/models"], version_follows: false },
        make: |quirks| Ok(Arc::new(llm_providers_gemini::Generate::new(read(quirks)?))),
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
        name => {
            let entry = entry(name).map_err(serde::de::Error::custom)?;
            (entry.make)(&Quirks::default())?
        }
    };
    Ok(Arc::new(Endpoint::new(payload)))
}

/// A dialect whose vendor has addresses of a form of its own, which its paths depend on. It may keep the id of a
/// dialect of [`ENTRIES`], so it has a name beside it.
struct Placed {
    name: &'static str,
    place: fn(&BaseUrl) -> BaseUrl,
    make: fn(&Quirks, &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>>,
}

const PLACED: &[Placed] = &[
    #[cfg(feature = "azure")]
    Placed { name: "azure.chat", place: |base| azure::placed(base, azure_place::chat), make: azure::chat },
    #[cfg(feature = "azure")]
    Placed {
        name: "azure.models",
        place: |base| azure::placed(base, azure_place::models),
        make: azure::chat,
    },
    #[cfg(feature = "azure")]
    Placed {
        name: "azure.responses",
        place: |base| azure::placed(base, azure_place::responses),
        make: azure::responses,
    },
];

#[cfg(feature = "azure")]
mod azure {
    use llm_providers_azure::Azure;
    use llm_providers_azure::place::Place;
    use llm_providers_openai::{ChatCompletions, Responses};

    use super::{Arc, BaseUrl, Dialect, Quirks, read};

    pub(super) fn placed(base: &BaseUrl, place: fn(&str, &str, Option<&str>) -> Place) -> BaseUrl {
        let Place { path, query } = place(base.host(), base.path(), base.query.as_deref());
        BaseUrl { url: format!("{}{path}", base.origin()), query }
    }

    pub(super) fn chat(quirks: &Quirks, base: &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>> {
        Ok(Arc::new(Azure::new(ChatCompletions::new(read(quirks)?), &base.url)))
    }

    pub(super) fn responses(quirks: &Quirks, base: &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>> {
        Ok(Arc::new(Azure::new(Responses::new(read(quirks)?), &base.url)))
    }
}

#[cfg(any(
    feature = "openai",
    feature = "anthropic",
    feature = "bedrock",
    feature = "gemini",
    feature = "sagemaker"
))]
fn read<T: serde::de::DeserializeOwned>(quirks: &Quirks) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::Value::Object(quirks.clone()))
}

/// The client sides of all dialects that are built in.
pub fn ingresses() -> Vec<Arc<dyn Ingress>> {
    #[allow(unused_mut, reason = "one dialect has several values, and it may not be built in")]
    let mut all: Vec<Arc<dyn Ingress>> = vec![
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ChatIngress),
        #[cfg(feature = "openai")]
        Arc::new(llm_providers_openai::ResponsesIngress),
        #[cfg(feature = "anthropic")]
        Arc::new(llm_providers_anthropic::MessagesIngress),
        #[cfg(feature = "bedrock")]
        Arc::new(llm_providers_bedrock::ConverseIngress),
    ];
    #[cfg(feature = "gemini")]
    all.extend(llm_providers_gemini::GenerateIngress::all().map(|one| Arc::new(one) as Arc<dyn Ingress>));
    all
}

/// The region of AWS that a model's name demands, in an ARN or before the id.
#[cfg(feature = "bedrock")]
pub use llm_providers_bedrock::region_of as aws_region_of;

/// The region of AWS that a model's name demands: none without the format that has such names.
#[cfg(not(feature = "bedrock"))]
pub fn aws_region_of(_model: &str) -> Option<&str> {
    None
}

/// The vendor sides of all dialects that are built in, without quirks.
pub fn dialects() -> Vec<Arc<dyn Dialect>> {
    let made = ENTRIES.iter().map(|entry| (entry.make)(&Quirks::new()));
    made.map(|dialect| dialect.expect("a dialect without quirks is always valid")).collect()
}

/// A dialect by its name, with a vendor's quirks, for a base URL.
pub(crate) fn dialect(name: &str, quirks: &Quirks, base: &BaseUrl) -> Result<Arc<dyn Dialect>> {
    let made = match placed(name) {
        Some(placed) => (placed.make)(quirks, base),
        None => (entry(name)?.make)(quirks),
    };
    made.map_err(|fault| Error::invalid(format!("invalid quirks for the dialect `{name}`: {fault}")))
}

/// How users of a dialect write base URLs; `None`: in a form of its own, that [`place`] reads.
pub(crate) fn url_rules(name: &str) -> Result<Option<UrlRules>> {
    if placed(name).is_some() {
        return Ok(None);
    }
    entry(name).map(|entry| Some(entry.rules))
}

/// The address that is meant, for dialects with addresses of a form of their own; others' stay as they are.
pub(crate) fn place(name: &str, base: BaseUrl) -> BaseUrl {
    match placed(name) {
        Some(placed) => (placed.place)(&base),
        None => base,
    }
}

fn placed(name: &str) -> Option<&'static Placed> {
    PLACED.iter().find(|placed| placed.name == name)
}

fn entry(name: &str) -> Result<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id.name() == name).ok_or_else(|| {
        let known = ENTRIES.iter().map(|entry| format!("`{}`", entry.id));
        let known: Vec<String> =
            known.chain(PLACED.iter().map(|placed| format!("`{}`", placed.name))).collect();
        let shown: String = name.chars().take(64).collect();
        Error::invalid(format!(
            "unknown dialect `{shown}`: this program was built with {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ))
    })
}
