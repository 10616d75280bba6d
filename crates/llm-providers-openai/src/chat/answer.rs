//! A vendor's whole answer, read.

use std::borrow::Cow;

use llm_core::dialect::Peek;
use llm_core::json::complaint;
use llm_core::usage::{ServiceTier, Usage};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatResponse, Choice, Envelope, Error, FinishReason, Message, RawJson, RawObject, Result, Role, json,
};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::fields::{self, Fields, Object};
use super::message::WireMessage;
use super::usage::WireUsage;
use super::{CHAT, finish};
use crate::error;

/// An answer, or a chunk of one.
#[derive(Default)]
pub(super) struct WireAnswer<'de> {
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) model: Option<Cow<'de, str>>,
    pub(super) created: Option<u64>,
    pub(super) choices: Option<Vec<WireChoice<'de>>>,
    pub(super) usage: Option<WireUsage>,
    pub(super) service_tier: Option<Cow<'de, str>>,
    pub(super) system_fingerprint: Option<Cow<'de, str>>,
    pub(super) error: Option<&'de RawValue>,
    pub(super) extras: RawObject,
}

impl<'de> Fields<'de> for WireAnswer<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "id" => self.id = fields::lenient(map)?,
            "model" => self.model = fields::lenient(map)?,
            "created" => {
                self.created =
                    map.next_value::<&RawValue>()?.get().split('.').next().and_then(|text| text.parse().ok());
            }
            "choices" => self.choices = Some(fields::list(map)?),
            "usage" => self.usage = fields::object(map)?.or(self.usage.take()),
            "service_tier" => self.service_tier = fields::lenient(map)?,
            "system_fingerprint" => self.system_fingerprint = fields::lenient(map)?,
            "error" => self.error = map.next_value::<Option<&'de RawValue>>()?.filter(|raw| says_error(raw)),
            "object" | "obfuscation" | "p" => drop(map.next_value::<IgnoredAny>()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        fields::keep(&mut self.extras, key, map)
    }
}

fn says_error(raw: &RawValue) -> bool {
    !matches!(raw.get(), "null" | "false" | "{}" | "\"\"")
}

impl WireAnswer<'_> {
    /// Usage, with the tier that served.
    pub(super) fn usage(&mut self, completion_excludes_reasoning: bool) -> Option<Usage> {
        let tier = self.service_tier.as_deref().and_then(ServiceTier::named);
        self.reported_usage().map(|usage| Usage { tier, ..usage.usage(completion_excludes_reasoning) })
    }

    /// Usage wherever it stands: one vendor hides it in an object of its own.
    fn reported_usage(&mut self) -> Option<WireUsage> {
        #[derive(Default)]
        struct Hidden(Option<WireUsage>);
        impl<'de> Fields<'de> for Hidden {
            fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                if key == "usage" {
                    self.0 = fields::object(map)?;
                }
                Ok(key == "usage")
            }
        }
        self.usage.take().or_else(|| {
            let hidden: Object<Hidden> = self.extras.get("x_groq")?.read().ok()?;
            hidden.0.0
        })
    }

    /// The error in place of (or after) an answer.
    pub(super) fn error(&self) -> Option<Error> {
        self.error.map(|raw| error::classify_value(raw.get()))
    }
}

/// A choice of an answer or a chunk.
#[derive(Default)]
pub(super) struct WireChoice<'de> {
    pub(super) index: Option<u32>,
    /// The message of a whole answer. One vendor repeats all that was said so far in its chunks.
    message: Option<WireMessage<'de>>,
    /// What a chunk adds. One vendor has an empty one in whole answers.
    delta: Option<WireMessage<'de>>,
    pub(super) finish: Option<Cow<'de, str>>,
    /// The stop text that was met.
    pub(super) stop: Option<Cow<'de, str>>,
    pub(super) logprobs: Option<RawJson>,
}

impl<'de> Fields<'de> for WireChoice<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "index" => self.index = map.next_value::<&RawValue>()?.get().parse().ok(),
            "message" => self.message = fields::object(map)?,
            "delta" => self.delta = fields::object(map)?,
            "finish_reason" => self.finish = fields::lenient(map)?,
            "stop_reason" => self.stop = fields::lenient(map)?,
            "logprobs" => self.logprobs = map.next_value::<Option<RawJson>>()?.filter(|raw| !raw.is_null()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> WireChoice<'de> {
    /// What a chunk adds.
    pub(super) fn delta(&mut self) -> WireMessage<'de> {
        self.delta.take().or(self.message.take()).unwrap_or_default()
    }

    pub(super) fn finish(&self) -> Option<FinishReason> {
        let reason = finish::read(self.finish.as_deref()?)?;
        Some(match (&self.stop, reason) {
            (Some(stop), FinishReason::Stop) => FinishReason::StopSequence(Some(stop.clone().into_owned())),
            (_, reason) => reason,
        })
    }
}

/// Reads a whole answer.
pub(super) fn decode(reply: &WireResponse, completion_excludes_reasoning: bool) -> Result<ChatResponse> {
    let text = std::str::from_utf8(&reply.body).map_err(|_| error::classify(reply))?;
    let Object(mut answer): Object<WireAnswer<'_>> =
        serde_json::from_str(text).map_err(|fault| unreadable(reply, &fault))?;
    if let Some(error) = answer.error() {
        return Err(error);
    }
    let usage = answer.usage(completion_excludes_reasoning).unwrap_or_default();
    let Some(choices) = answer.choices else { return Err(error::classify(reply)) };
    let id = answer.id.unwrap_or_default().into_owned();
    let choices = (0..).zip(choices).map(|(number, choice)| read_choice(choice, number, &id)).collect();
    Ok(ChatResponse {
        choices,
        model: answer.model.unwrap_or_default().into_owned(),
        created: answer.created.filter(|created| *created > 0),
        usage,
        system_fingerprint: answer.system_fingerprint.map(Cow::into_owned),
        service_tier: answer.service_tier.map(Cow::into_owned),
        extras: (!answer.extras.is_empty()).then_some((CHAT, answer.extras)),
        id,
    })
}

fn read_choice(choice: WireChoice<'_>, number: u32, id: &str) -> Choice {
    let index = choice.index.unwrap_or(number);
    let finish = choice.finish();
    let mut message = choice.message.or(choice.delta).unwrap_or_default();
    let extras = message.take_extras();
    let parts = message.into_parts(id, index);
    Choice {
        index,
        message: Message { extras, ..Message::new(Role::Assistant, parts) },
        finish,
        logprobs: choice.logprobs,
    }
}

fn unreadable(reply: &WireResponse, fault: &serde_json::Error) -> Error {
    if reply.body.trim_ascii_start().starts_with(b"{") {
        return Error::bad_answer(format!("the vendor's answer cannot be read: {}", complaint(fault)));
    }
    error::classify(reply)
}

/// What metering needs of an answer; messages are skipped.
#[derive(Default)]
struct Glance<'de> {
    model: Option<&'de RawValue>,
    usage: Option<WireUsage>,
    tier: Option<Cow<'de, str>>,
    hidden: RawObject,
    error: Option<&'de RawValue>,
    choices: Option<Vec<GlanceChoice<'de>>>,
}

#[derive(Default)]
struct GlanceChoice<'de> {
    finish: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for GlanceChoice<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "finish_reason" {
            self.finish = fields::lenient(map)?;
        }
        Ok(key == "finish_reason")
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

/// Reads of a whole answer only what metering needs.
pub(super) fn peek(body: &[u8], completion_excludes_reasoning: bool) -> Result<Peek> {
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
    let usage: Option<Object<WireUsage>> = serde_json::from_str(envelope.value(body, "usage")?).ok()?;
    let tier = envelope.string(body, "service_tier").ok().flatten();
    let tier = tier.and_then(|tier| ServiceTier::named(&tier));
    Some(Peek {
        usage: Usage { tier, ..usage?.0.usage(completion_excludes_reasoning) },
        finish: finish::first(choices),
        model: envelope.range(body, "model"),
    })
}

fn peek_closely(body: &[u8], completion_excludes_reasoning: bool) -> Result<Peek> {
    let whole = || WireResponse { status: 200, headers: http::HeaderMap::new(), body: body.to_vec().into() };
    let text = std::str::from_utf8(body).map_err(|_| error::classify(&whole()))?;
    let Object(glance): Object<Glance<'_>> =
        serde_json::from_str(text).map_err(|fault| unreadable(&whole(), &fault))?;
    if let Some(raw) = glance.error {
        return Err(error::classify_value(raw.get()));
    }
    let Some(choices) = &glance.choices else { return Err(error::classify(&whole())) };
    let finish = choices.first().and_then(|choice| finish::read(choice.finish.as_deref()?));
    let mut rest = WireAnswer {
        usage: glance.usage,
        service_tier: glance.tier,
        extras: glance.hidden,
        ..WireAnswer::default()
    };
    Ok(Peek {
        usage: rest.usage(completion_excludes_reasoning).unwrap_or_default(),
        finish,
        model: glance.model.and_then(|raw| json::place(text, raw.get())),
    })
}
