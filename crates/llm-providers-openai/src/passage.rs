//! The kinds of calls of this API that go through as they are: pictures
//! (<https://platform.openai.com/docs/api-reference/images>), sound
//! (<https://platform.openai.com/docs/api-reference/audio>) and moderation
//! (<https://platform.openai.com/docs/api-reference/moderations>), read 2026-11-21.

mod tap;
mod transcript;
mod usage;

use std::borrow::Cow;

use llm_core::dialect::{Peek, StreamTap};
use llm_core::json::place;
use llm_core::provider::Inbound;
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Operation, Passage, Result, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error;

/// The name of the format.
pub const API: DialectId = DialectId::new("openai.api");

/// The API as a vendor has it.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// What the vendor has beside chat; `None`: nobody says, so that everything is tried.
    serves: Option<Vec<Operation>>,
}

impl Api {
    /// The API with what a vendor has of it.
    pub fn new(serves: Option<Vec<Operation>>) -> Self {
        Self { serves }
    }

    /// Whether the vendor may have a kind.
    pub fn serves(&self, operation: Operation) -> bool {
        self.serves.as_ref().is_none_or(|serves| serves.contains(&operation))
    }
}

impl Passage for Api {
    fn id(&self) -> DialectId {
        API
    }

    fn path(&self, operation: Operation, _model: &str) -> Option<Cow<'static, str>> {
        let path = match operation {
            Operation::ImageGeneration => "/images/generations",
            Operation::ImageEdit => "/images/edits",
            Operation::ImageVariation => "/images/variations",
            Operation::Speech => "/audio/speech",
            Operation::Transcription => "/audio/transcriptions",
            Operation::Translation => "/audio/translations",
            Operation::Moderation => "/moderations",
            _ => return None,
        };
        self.serves(operation).then_some(Cow::Borrowed(path))
    }

    fn asked(&self, inbound: &Inbound) -> Usage {
        match (inbound.asked.operation, &inbound.form) {
            (Operation::Speech, None) => {
                let text = inbound.envelope.string(&inbound.body, "input").ok().flatten();
                Usage { characters: text.map(|text| text.chars().count() as u64), ..Usage::default() }
            }
            (Operation::Transcription | Operation::Translation, Some(form)) => {
                transcript::heard(form, &inbound.body)
            }
            _ => Usage::default(),
        }
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let whole =
            || WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
        let text = std::str::from_utf8(body).map_err(|_| error::classify(&whole()))?;
        let glance: Glance<'_> = serde_json::from_str(text).map_err(|_| error::classify(&whole()))?;
        if let Some(raw) = glance.error {
            return Err(error::classify_value(raw.get()));
        }
        Ok(Peek {
            usage: glance.usage(),
            finish: None,
            model: glance.model.and_then(|raw| place(text, raw.get())),
        })
    }

    fn peek_text(&self, text: &[u8]) -> Usage {
        transcript::told(text)
    }

    fn tap(&self) -> Box<dyn StreamTap> {
        Box::new(tap::Tap::default())
    }
}

/// What metering reads of an answer.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    /// Pictures.
    #[serde(default)]
    data: usage::Counted,
    /// Seconds of a transcript.
    #[serde(borrow)]
    duration: Option<&'a RawValue>,
}

impl Glance<'_> {
    fn usage(&self) -> Usage {
        let mut usage = self.usage.map(usage::read).unwrap_or_default();
        if usage.total().is_none() {
            usage.images = self.data.0.filter(|count| *count > 0);
            usage.audio_seconds =
                usage.audio_seconds.or_else(|| self.duration.and_then(|raw| usage::seconds(raw.get())));
        }
        usage
    }
}

#[cfg(test)]
mod tests;
