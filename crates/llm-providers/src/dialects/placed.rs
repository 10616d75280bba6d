//! Dialects whose vendors have addresses of a form of their own.

use std::sync::Arc;

use llm_core::Dialect;

use super::Quirks;
use crate::base_url::BaseUrl;

/// A dialect whose vendor has addresses of a form of its own, which its paths depend on. It may keep the id of a
/// dialect of [`super::ENTRIES`], so it has a name beside it.
pub(super) struct Placed {
    pub(super) name: &'static str,
    pub(super) place: fn(&BaseUrl) -> BaseUrl,
    pub(super) make: fn(&Quirks, &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>>,
}

pub(super) const PLACED: &[Placed] = &[
    #[cfg(feature = "azure")]
    Placed { name: "azure.chat", place: |base| azure::placed(base, azure::chat_place), make: azure::chat },
    #[cfg(feature = "azure")]
    Placed {
        name: "azure.completions",
        place: |base| azure::placed(base, azure::chat_place),
        make: azure::completions,
    },
    #[cfg(feature = "azure")]
    Placed {
        name: "azure.models",
        place: |base| azure::placed(base, azure::models_place),
        make: azure::chat,
    },
    #[cfg(feature = "azure")]
    Placed {
        name: "azure.responses",
        place: |base| azure::placed(base, azure::responses_place),
        make: azure::responses,
    },
];

#[cfg(feature = "azure")]
mod azure {
    use llm_providers_azure::Azure;
    use llm_providers_azure::place::Place;
    pub(super) use llm_providers_azure::place::{
        chat as chat_place, models as models_place, responses as responses_place,
    };
    use llm_providers_openai::{ChatCompletions, Completions, Responses};

    use super::super::read;
    use super::{Arc, BaseUrl, Dialect, Quirks};

    pub(super) fn placed(base: &BaseUrl, place: fn(&str, &str, Option<&str>) -> Place) -> BaseUrl {
        let Place { path, query } = place(base.host(), base.path(), base.query.as_deref());
        BaseUrl { url: format!("{}{path}", base.origin()), query }
    }

    pub(super) fn chat(quirks: &Quirks, base: &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>> {
        Ok(Arc::new(Azure::new(ChatCompletions::new(read(quirks)?), &base.url)))
    }

    pub(super) fn completions(quirks: &Quirks, base: &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>> {
        Ok(Arc::new(Azure::new(Completions::new(read(quirks)?), &base.url)))
    }

    pub(super) fn responses(quirks: &Quirks, base: &BaseUrl) -> serde_json::Result<Arc<dyn Dialect>> {
        Ok(Arc::new(Azure::new(Responses::new(read(quirks)?), &base.url)))
    }
}
