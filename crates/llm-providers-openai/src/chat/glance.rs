//! What metering needs of an answer, read without the rest of it.

use std::borrow::Cow;

use llm_core::dialect::Peek;
use llm_core::usage::{ServiceTier, Usage};
use llm_core::wire::WireResponse;
use llm_core::{Envelope, Error, FinishReason, RawObject, Result, json};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::answer::{hidden_usage, says_error, unreadable};
use super::fields::{self, Fields, Object};
use super::finish;
use super::message::WireMessage;
use super::usage::WireUsage;
use crate::error;

/// What metering needs of an answer, or of a chunk of one; messages are skipped.
#[derive(Default)]
pub(super) struct Glance<'de> {
    model: Option<&'de RawValue>,
    usage: Option<WireUsage>,
    tier: Option<Cow<'de, str>>,
    hidden: RawObject,
    error: Option<&'de RawValue>,
    pub(super) choices: Option<Vec<GlanceChoice<'de>>>,
}

#[derive(Default)]
pub(super) struct GlanceChoice<'de> {
    pub(super) index: Option<u32>,
    message: Option<&'de RawValue>,
    delta: Option<&'de RawValue>,
    finish: Option<Cow<'de, str>>,
    stop: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for GlanceChoice<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "index" => self.index = map.next_value::<&RawValue>()?.get().parse().ok(),
            "message" => self.message = map.next_value()?,
            "delta" => self.delta = map.next_value()?,
            "finish_reason" => self.finish = fields::lenient(map)?,
            "stop_reason" => self.stop = fields::lenient(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl GlanceChoice<'_> {
    /// Why the choice ended.
    pub(super) fn finish(&self) -> Option<FinishReason> {
        finish::of_choice(self.finish.as_deref(), self.stop.as_deref())
    }

    /// What a chunk adds, read only now.
    pub(super) fn delta(&self) -> serde_json::Result<WireMessage<'_>> {
        let null = |raw: &&RawValue| raw.get() != "null";
        let Some(raw) = self.delta.filter(null).or(self.message.filter(null)) else {
            return Ok(WireMessage::default());
        };
        serde_json::from_str(raw.get()).map(|Object(message)| message)
    }
}

impl<'de> Fields<'de> for Glance<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "model" => self.model = Some(map.next_value()?),
            "usage" => self.usage = fields::object(map)?.or(self.usage.take()),
            "service_tier" => self.tier = fields::lenient(map)?,
            "x_groq" => fields::keep(&mut self.hidden, key, map)?,
            "error" => self.error = map.next_value::<Option<&'de RawValue>>()?.filter(|raw| says_error(raw)),
            "choices" => self.choices = Some(fields::list(map)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Glance<'_> {
    /// Usage wherever it stands, with the tier that served.
    pub(super) fn usage(&mut self, completion_excludes_reasoning: bool) -> Option<Usage> {
        let usage = self.usage.take().or_else(|| hidden_usage(&self.hidden))?;
        let tier = self.tier.as_deref().and_then(ServiceTier::named);
        Some(Usage { tier, ..usage.usage(completion_excludes_reasoning) })
    }

    /// The error in place of (or after) an answer.
    pub(super) fn error(&self) -> Option<Error> {
        self.error.map(|raw| error::classify_value(raw.get()))
    }
}

/// Reads of a whole answer only what metering needs.
pub(crate) fn peek(body: &[u8], completion_excludes_reasoning: bool) -> Result<Peek> {
    match glance(body, completion_excludes_reasoning) {
        Some(peek) => Ok(peek),
        None => peek_closely(body, completion_excludes_reasoning),
    }
}

/// The usual answer, by one scan of its members. `None`: something is unusual about it.
fn glance(body: &[u8], completion_excludes_reasoning: bool) -> Option<Peek> {
    let envelope = Envelope::scan(body).ok()?;
    let choices = envelope.bytes(body, "choices").filter(|choices| choices.starts_with(b"["))?;
    if envelope.value(body, "error").is_some_and(|error| error != "null") {
        return None;
    }
    let text = envelope.value(body, "usage")?;
    let usage = match WireUsage::plain(text) {
        Some(usage) => usage,
        None => serde_json::from_str::<Option<Object<WireUsage>>>(text).ok()??.0,
    };
    let tier = envelope.string(body, "service_tier").ok().flatten();
    let tier = tier.and_then(|tier| ServiceTier::named(&tier));
    Some(Peek {
        usage: Usage { tier, ..usage.usage(completion_excludes_reasoning) },
        finish: finish::first(choices),
        model: envelope.range(body, "model"),
    })
}

fn peek_closely(body: &[u8], completion_excludes_reasoning: bool) -> Result<Peek> {
    let whole = || WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
    let text = std::str::from_utf8(body).map_err(|_| error::classify(&whole()))?;
    let Object(mut glance): Object<Glance<'_>> =
        serde_json::from_str(text).map_err(|fault| unreadable(&whole(), &fault))?;
    if let Some(error) = glance.error() {
        return Err(error);
    }
    let Some(choices) = &glance.choices else { return Err(error::classify(&whole())) };
    let finish = choices.first().and_then(|choice| finish::read(choice.finish.as_deref()?));
    Ok(Peek {
        usage: glance.usage(completion_excludes_reasoning).unwrap_or_default(),
        finish,
        model: glance.model.and_then(|raw| json::place(text, raw.get())),
    })
}
