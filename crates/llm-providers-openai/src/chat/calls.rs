//! Tool calls and their ids.
//!
//! An id may carry a call's thought signature of another dialect through the client: `call_1#llmgw1.…`. The id is
//! the one field that every client sends back; unknown fields of a call are lost in many. A vendor of this format
//! that keeps state beside a call writes `extra_content`, which goes to the client and back as it is.

use std::borrow::Cow;

use llm_core::message::{Opaque, OpaqueKind, SEAL, ToolCall};
use llm_core::{RawJson, RawObject};
use serde::Serialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::CHAT;
use super::fields::{self, Fields};
use super::part::{ShownCache, WireCache};
use crate::quirks::ToolCallIds;

/// A tool call, or a piece of one.
#[derive(Debug, Default)]
pub(super) struct WireCall<'de> {
    pub(super) index: Option<u32>,
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) function: Option<WireFunction<'de>>,
    pub(super) custom: Option<WireFunction<'de>>,
    pub(super) extra_content: Option<&'de RawValue>,
    cache: Option<llm_core::message::CacheMark>,
}

/// Name and arguments of a call; of custom tools the input.
#[derive(Debug, Default)]
pub(super) struct WireFunction<'de> {
    pub(super) name: Option<Cow<'de, str>>,
    pub(super) arguments: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for WireFunction<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "name" => self.name = fields::filled(map)?,
            "arguments" | "input" => self.arguments = fields::any_text(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Fields<'de> for WireCall<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "index" => self.index = map.next_value::<&'de RawValue>()?.get().parse().ok(),
            "id" => self.id = fields::filled(map)?,
            "function" => self.function = fields::object(map)?,
            "custom" => self.custom = fields::object(map)?,
            "extra_content" => self.extra_content = map.next_value::<Option<&'de RawValue>>()?,
            "cache_control" => self.cache = fields::object::<WireCache, A>(map)?.map(|cache| cache.mark()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> WireCall<'de> {
    /// A call as the legacy field `function_call` has it: no id, no number.
    pub(super) fn legacy(function: WireFunction<'de>) -> Self {
        Self { function: Some(function), ..Self::default() }
    }

    /// The filled one of `function` and `custom`, and whether it is the latter: one vendor sends both.
    pub(super) fn body(&mut self) -> (WireFunction<'de>, bool) {
        let (function, custom) = (self.function.take(), self.custom.take());
        match (function, custom) {
            (Some(function), Some(custom)) if function.name.is_none() && custom.name.is_some() => {
                (custom, true)
            }
            (Some(function), _) => (function, false),
            (None, Some(custom)) => (custom, true),
            (None, None) => (WireFunction::default(), false),
        }
    }

    /// The call; `id_else` names one that came without an id.
    pub(super) fn call(mut self, id_else: impl FnOnce() -> String) -> ToolCall {
        let (body, custom) = self.body();
        let (id, sealed) = self.id.as_deref().map_or_else(|| (id_else(), None), unseal_id);
        ToolCall {
            custom,
            opaque: sealed.or_else(|| self.extra_content.and_then(opaque_of_extra)),
            cache: self.cache,
            ..ToolCall::new(id, body.name.unwrap_or_default(), body.arguments.unwrap_or_default())
        }
    }
}

/// State beside a call: the whole `extra_content`, or ours that could not be put into the id of a stream's call.
pub(super) fn opaque_of_extra(extra: &RawValue) -> Option<Opaque> {
    if extra.get().contains(SEAL) {
        let members: RawObject = serde_json::from_str(extra.get()).ok()?;
        return Opaque::unseal(&members.get(OWN_EXTRA)?.read::<String>().ok()?);
    }
    let says = extra.get().starts_with('{') && extra.get().len() > 2;
    says.then(|| Opaque { origin: CHAT, kind: OpaqueKind::Signature, data: extra.get().to_owned() })
}

const OWN_EXTRA: &str = "gateway_state";

/// `extra_content` for state, by where it belongs.
pub(super) fn extra_of_opaque(opaque: &Opaque) -> Option<RawJson> {
    if opaque.origin == CHAT {
        return RawJson::parse(opaque.data.as_str()).ok();
    }
    let members: RawObject = [(OWN_EXTRA.to_owned(), RawJson::string(&opaque.seal()))].into_iter().collect();
    RawJson::of(&members).ok()
}

/// The id that a client sees.
pub(super) fn sealed_id<'a>(id: &'a str, opaque: Option<&Opaque>) -> Cow<'a, str> {
    match opaque.filter(|opaque| opaque.origin != CHAT) {
        Some(opaque) => format!("{id}#{}", opaque.seal()).into(),
        None => Cow::Borrowed(id),
    }
}

/// The id as it was, and what a client carried in it.
pub(super) fn unseal_id(id: &str) -> (String, Option<Opaque>) {
    let parts = id.split_once('#').filter(|(_, sealed)| sealed.starts_with(SEAL));
    match parts.and_then(|(plain, sealed)| Some((plain, Opaque::unseal(sealed)?))) {
        Some((plain, opaque)) => (plain.to_owned(), Some(opaque)),
        None => (id.to_owned(), None),
    }
}

/// The id that a vendor gets in the history.
pub(super) fn vendor_id(id: &str, ids: ToolCallIds) -> Cow<'_, str> {
    let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match ids {
        ToolCallIds::NineAlphanumerics if !fits => {
            const LETTERS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
            let mut hash = hash(&[id.as_bytes()]);
            let mut short = String::with_capacity(9);
            for _ in 0..9 {
                short.push(LETTERS.get((hash % 62) as usize).copied().map_or('0', char::from));
                hash /= 62;
            }
            Cow::Owned(short)
        }
        _ => Cow::Borrowed(id),
    }
}

/// An id for a call that came without one: the same for the same answer, another in every other answer.
pub(super) fn made_id(answer: &str, choice: u32, number: u32) -> String {
    format!("call_{:016x}", hash(&[answer.as_bytes(), &choice.to_le_bytes(), &number.to_le_bytes()]))
}

/// FNV-1a, 64 bits: stable over releases, as ids in histories must be.
fn hash(pieces: &[&[u8]]) -> u64 {
    pieces.iter().flat_map(|piece| piece.iter().chain(&[0xff])).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A call, written.
#[derive(Serialize)]
pub(super) struct ShownCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<u32>,
    pub(super) id: Cow<'a, str>,
    pub(super) r#type: &'static str,
    #[serde(flatten)]
    pub(super) body: ShownBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<ShownCache>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShownBody<'a> {
    Function { name: &'a str, arguments: &'a str },
    Custom { name: &'a str, input: &'a str },
}

impl<'a> ShownBody<'a> {
    pub(super) fn new(name: &'a str, arguments: &'a str, custom: bool) -> (&'static str, Self) {
        if custom {
            ("custom", Self::Custom { name, input: arguments })
        } else {
            ("function", Self::Function { name, arguments })
        }
    }
}

#[cfg(test)]
mod tests {
    use llm_core::DialectId;

    use super::*;

    #[test]
    fn a_thought_signature_survives_in_the_id() {
        let origin = DialectId::new("other.dialect");
        let opaque = Opaque { origin, kind: OpaqueKind::Signature, data: "sig+/=".to_owned() };
        let shown = sealed_id("call_1", Some(&opaque));
        assert!(shown.starts_with("call_1#llmgw1."));
        assert_eq!(unseal_id(&shown), ("call_1".to_owned(), Some(opaque)));
        assert_eq!(unseal_id("a#b"), ("a#b".to_owned(), None));
        assert_eq!(unseal_id("a#llmgw1.broken"), ("a#llmgw1.broken".to_owned(), None));
    }

    #[test]
    fn ids_are_mapped_to_nine_letters_and_always_the_same() {
        let ids = ToolCallIds::NineAlphanumerics;
        assert_eq!(vendor_id("abcDEF123", ids), "abcDEF123");
        let mapped = vendor_id("functions.add:0", ids);
        assert!(mapped.len() == 9 && mapped.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{mapped}");
        assert_eq!(mapped, vendor_id("functions.add:0", ids));
        assert_ne!(mapped, vendor_id("functions.add:1", ids));
        assert_eq!(vendor_id("functions.add:0", ToolCallIds::Any), "functions.add:0");
    }

    #[test]
    fn made_ids_differ_between_answers_and_calls() {
        assert_eq!(made_id("a", 0, 1), made_id("a", 0, 1));
        assert_ne!(made_id("a", 0, 1), made_id("b", 0, 1));
        assert_ne!(made_id("a", 0, 1), made_id("a", 0, 2));
    }
}
