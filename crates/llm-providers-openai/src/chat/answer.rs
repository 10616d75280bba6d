//! A vendor's whole answer, read.

use std::borrow::Cow;

use llm_core::json::complaint;
use llm_core::usage::{ServiceTier, Usage};
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Choice, Error, FinishReason, Message, RawJson, RawObject, Result, Role};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::fields::{self, Fields, Object};
use super::message::WireMessage;
use super::part::Content;
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

pub(super) fn says_error(raw: &RawValue) -> bool {
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
        self.usage.take().or_else(|| hidden_usage(&self.extras))
    }

    /// The error in place of (or after) an answer.
    pub(super) fn error(&self) -> Option<Error> {
        self.error.map(|raw| error::classify_value(raw.get()))
    }
}

/// The member in which one vendor hides usage.
pub(super) const HIDES_USAGE: &str = "x_groq";

/// Usage that one vendor hides in an object of its own.
pub(super) fn hidden_usage(extras: &RawObject) -> Option<WireUsage> {
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
    let hidden: Object<Hidden> = extras.get(HIDES_USAGE)?.read().ok()?;
    hidden.0.0
}

/// A choice of an answer or a chunk.
#[derive(Default)]
pub(super) struct WireChoice<'de> {
    pub(super) index: Option<u32>,
    /// The message of a whole answer. One vendor repeats all that was said so far in its chunks.
    message: Option<WireMessage<'de>>,
    /// What a chunk adds. One vendor has an empty one in whole answers.
    delta: Option<WireMessage<'de>>,
    /// What stands there in the older format of text completions.
    text: Option<Cow<'de, str>>,
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
            "text" => self.text = fields::lenient(map)?,
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
        self.delta.take().or(self.message.take()).unwrap_or_else(|| self.completed())
    }

    /// A text completion as a message.
    fn completed(&mut self) -> WireMessage<'de> {
        let content = self.text.take().map(|text| Content::Text(text.into())).unwrap_or_default();
        WireMessage { content, ..WireMessage::default() }
    }

    pub(super) fn finish(&self) -> Option<FinishReason> {
        finish::of_choice(self.finish.as_deref(), self.stop.as_deref())
    }
}

/// Reads a whole answer.
pub(crate) fn decode(reply: &WireResponse, completion_excludes_reasoning: bool) -> Result<ChatResponse> {
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

fn read_choice(mut choice: WireChoice<'_>, number: u32, id: &str) -> Choice {
    let index = choice.index.unwrap_or(number);
    let finish = choice.finish();
    let mut message = choice.message.take().or(choice.delta.take()).unwrap_or_else(|| choice.completed());
    let extras = message.take_extras();
    let parts = message.into_parts(id, index);
    Choice {
        index,
        message: Message { extras, ..Message::new(Role::Assistant, parts) },
        finish,
        logprobs: choice.logprobs,
    }
}

pub(super) fn unreadable(reply: &WireResponse, fault: &serde_json::Error) -> Error {
    if reply.body.trim_ascii_start().starts_with(b"{") {
        return Error::bad_answer(format!("the vendor's answer cannot be read: {}", complaint(fault)));
    }
    error::classify(reply)
}
