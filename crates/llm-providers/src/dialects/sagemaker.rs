//! Endpoints of SageMaker: a dialect around the one that its containers speak.

use std::sync::Arc;

use llm_core::Dialect;
use llm_providers_sagemaker::{Endpoint, EndpointQuirks, TEXT_GENERATION, TextGeneration};

use super::{ENTRIES, Quirks, read};

/// The dialect of the containers, where a row does not say.
const PAYLOAD: &str = "openai.chat";

pub(super) fn endpoint(quirks: &Quirks) -> serde_json::Result<Arc<dyn Dialect>> {
    let quirks: EndpointQuirks = read(quirks)?;
    let payload: Arc<dyn Dialect> = match quirks.payload.as_deref().unwrap_or(PAYLOAD) {
        name if name == TEXT_GENERATION.name() => Arc::new(TextGeneration),
        name => match ENTRIES.iter().find(|entry| entry.id.name() == name) {
            Some(entry) => (entry.make)(&Quirks::default())?,
            None => {
                return Err(serde::de::Error::custom(format!(
                    "there is no dialect `{name}` for the payload"
                )));
            }
        },
    };
    Ok(Arc::new(Endpoint::new(payload)))
}
