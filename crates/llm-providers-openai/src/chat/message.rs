//! Messages as they stand in requests and answers, and pieces of them in streams.

use std::borrow::Cow;

use llm_core::message::{CacheMark, Citation, Media, Reasoning, Source, Text, ToolResult};
use llm_core::{Message, Part, RawJson, RawObject, Role};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::CHAT;
use super::calls::{WireCall, WireFunction, unseal_id};
use super::fields::{self, Fields};
use super::part::{Content, WireCache};
use super::reasoning::WireReasoning;

/// A message of a request or an answer, or the `delta` of a chunk.
#[derive(Debug, Default)]
pub(super) struct WireMessage<'de> {
    pub(super) role: Option<Cow<'de, str>>,
    pub(super) content: Content,
    pub(super) name: Option<Cow<'de, str>>,
    pub(super) refusal: Option<Cow<'de, str>>,
    pub(super) reasoning: WireReasoning<'de>,
    pub(super) tool_calls: Vec<WireCall<'de>>,
    pub(super) function_call: Option<WireFunction<'de>>,
    pub(super) tool_call_id: Option<Cow<'de, str>>,
    pub(super) audio: Option<WireAudio<'de>>,
    pub(super) annotations: Vec<RawJson>,
    pub(super) images: Vec<WireImage>,
    /// LiteLLM's clients put the mark of a part here where the content is a plain text.
    pub(super) cache: Option<CacheMark>,
    pub(super) extras: RawObject,
}

impl<'de> Fields<'de> for WireMessage<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "role" => self.role = fields::filled(map)?,
            "content" => self.content = map.next_value()?,
            "name" => self.name = fields::filled(map)?,
            "refusal" => self.refusal = fields::filled(map)?,
            "reasoning_content" => self.reasoning.content = fields::string(map)?,
            "reasoning" => self.reasoning.plain = fields::lenient(map)?,
            "reasoning_details" => self.reasoning.details = fields::list(map)?,
            "thinking_blocks" => self.reasoning.blocks = fields::list(map)?,
            "tool_calls" => self.tool_calls = fields::list(map)?,
            "function_call" => self.function_call = fields::object(map)?,
            "tool_call_id" => self.tool_call_id = fields::filled(map)?,
            "audio" => self.audio = fields::object(map)?,
            "annotations" => self.annotations = raw_list(map.next_value()?),
            "images" => self.images = fields::list(map)?,
            "cache_control" => self.cache = fields::object::<WireCache, A>(map)?.map(|cache| cache.mark()),
            // Blind filler against traffic analysis.
            "padding" | "obfuscation" => drop(map.next_value::<serde::de::IgnoredAny>()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        fields::keep(&mut self.extras, key, map)
    }
}

/// A list's elements unparsed; whatever is no list is empty.
fn raw_list(raw: &RawValue) -> Vec<RawJson> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Spoken output, or in a history a reference to it.
#[derive(Debug, Default)]
pub(super) struct WireAudio<'de> {
    pub(super) id: Option<Cow<'de, str>>,
    pub(super) data: Option<Cow<'de, str>>,
    pub(super) transcript: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for WireAudio<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "id" => self.id = fields::lenient(map)?,
            "data" => self.data = fields::lenient(map)?,
            "transcript" => self.transcript = fields::lenient(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl WireAudio<'_> {
    /// `None` for a placeholder that says nothing.
    pub(super) fn part(self) -> Option<Part> {
        if self.id.is_none() && self.data.is_none() && self.transcript.is_none() {
            return None;
        }
        let data = self.data.unwrap_or_default().into_owned();
        Some(Part::Audio(Media {
            id: self.id.map(Cow::into_owned),
            transcript: self.transcript.map(Cow::into_owned),
            ..Media::new(Source::Base64 { media_type: String::new(), data })
        }))
    }
}

/// A picture in an answer: `{"type":"image_url","image_url":{"url":…}}`.
#[derive(Debug, Default)]
pub(super) struct WireImage {
    url: Option<String>,
}

impl<'de> Fields<'de> for WireImage {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "image_url" => self.url = fields::object::<Self, A>(map)?.and_then(|inner| inner.url),
            "url" => self.url = fields::lenient(map)?.map(Cow::into_owned),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl WireImage {
    pub(super) fn part(self) -> Option<Part> {
        self.url.map(|url| Part::Image(Media::new(Source::from_url(&url))))
    }
}

/// `{"type":"url_citation","url_citation":{"url","title","start_index","end_index","content"}}`.
pub(super) fn citation(raw: RawJson) -> Citation {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Annotation {
        url_citation: Place,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Place {
        url: Option<String>,
        title: Option<String>,
        content: Option<String>,
        start_index: Option<u64>,
        end_index: Option<u64>,
    }
    let Annotation { url_citation: place } = raw.read().unwrap_or_default();
    Citation {
        url: place.url,
        title: place.title,
        cited_text: place.content,
        start: place.start_index,
        end: place.end_index,
        raw: Some((CHAT, raw)),
    }
}

impl WireMessage<'_> {
    /// What the model said, in our order: thinking, content, refusal, calls, sound. `answer` and `choice` name calls
    /// that came without an id.
    pub(super) fn into_parts(self, answer: &str, choice: u32) -> Vec<Part> {
        let mut parts: Vec<Part> = self.reasoning.into_parts().into_iter().map(Part::Reasoning).collect();
        let content = parts.len();
        parts.extend(self.content.into_parts());
        cite(&mut parts, content, self.annotations);
        parts.extend(self.refusal.map(|words| Part::Refusal(words.into_owned())));
        parts.extend((0..).zip(self.tool_calls).filter_map(|(number, call)| {
            let call = call.call(|| super::calls::made_id(answer, choice, number));
            (!call.name.is_empty()).then_some(Part::ToolCall(call))
        }));
        if let Some(function) = self.function_call.filter(|function| function.name.is_some()) {
            parts.push(Part::ToolCall(
                WireCall::legacy(function).call(|| super::calls::made_id(answer, choice, 0)),
            ));
        }
        parts.extend(self.images.into_iter().filter_map(WireImage::part));
        parts.extend(self.audio.and_then(WireAudio::part));
        parts
    }

    pub(super) fn take_extras(&mut self) -> Option<(llm_core::DialectId, RawObject)> {
        let extras = std::mem::take(&mut self.extras);
        (!extras.is_empty()).then_some((CHAT, extras))
    }

    /// A message of a request. `number` is its place, `called` the ids of calls by function name for results that
    /// name only the function.
    pub(super) fn into_message(
        mut self,
        number: u32,
        called: &mut Vec<(String, String)>,
    ) -> Result<Message, &'static str> {
        let role = match self.role.as_deref() {
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("user") => Role::User,
            Some("assistant" | "model") => Role::Assistant,
            Some("tool" | "function") => Role::Tool,
            Some(_) => {
                return Err("expected `system`, `developer`, `user`, `assistant`, `tool` or `function`");
            }
            None => return Err("a message has no `role`"),
        };
        let name = self.name.take().map(Cow::into_owned);
        let extras = self.take_extras();
        if role == Role::Tool {
            let result = self.into_result(name, called);
            return Ok(Message { extras, ..Message::new(role, vec![Part::ToolResult(result)]) });
        }
        let empty = matches!(&self.content, Content::Text(text) if text.is_empty());
        let cache = self.cache;
        let thoughtless = self.reasoning.is_blank();
        let mut parts = self.into_parts("history", number);
        // A blank thinking says that there was none; some vendors insist on hearing it.
        if thoughtless && role == Role::Assistant {
            parts.insert(0, Part::Reasoning(Reasoning::default()));
        }
        // An empty text is the whole content here, and not the filler beside calls.
        if empty && parts.is_empty() {
            parts.push(Part::text(""));
        }
        for part in &parts {
            if let Part::ToolCall(call) = part {
                called.push((call.name.clone(), call.id.clone()));
            }
        }
        if let (Some(mark), Some(slot)) = (cache, parts.last_mut().and_then(Part::cache_mut)) {
            slot.get_or_insert(mark);
        }
        Ok(Message { role, parts, name, extras })
    }

    fn into_result(self, name: Option<String>, called: &mut Vec<(String, String)>) -> ToolResult {
        let call_id = match self.tool_call_id.as_deref().map(unseal_id) {
            Some((id, _)) => id,
            None => {
                // Of the legacy role `function`: it answers the first call of that name that is still open.
                let at = called.iter().position(|(called, _)| Some(called) == name.as_ref());
                at.map_or_else(|| name.clone().unwrap_or_default(), |at| called.remove(at).1)
            }
        };
        let content = match self.content {
            Content::Text(text) => vec![Part::text(text)],
            other => other.into_parts(),
        };
        ToolResult { call_id, name, content, is_error: None, custom: false, cache: self.cache }
    }
}

/// Hangs citations on the last text at or after `from`; they need a text to hang on.
fn cite(parts: &mut Vec<Part>, from: usize, annotations: Vec<RawJson>) {
    if annotations.is_empty() {
        return;
    }
    let after = parts.iter_mut().skip(from).rev();
    let last = after.filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None }).next();
    match last {
        Some(text) => text.citations.extend(annotations.into_iter().map(citation)),
        None => parts.push(Part::Text(Text {
            citations: annotations.into_iter().map(citation).collect(),
            ..Text::default()
        })),
    }
}
