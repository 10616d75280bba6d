//! The conversation written for a vendor, after its quirks.

use std::borrow::Cow;

use llm_core::message::{Reasoning, ToolCall, ToolResult};
use llm_core::{Losses, Message, Part, RawObject, Result, Role, Wording};
use serde::{Serialize, Serializer};

use crate::chat::CHAT;
use crate::chat::calls::{ShownBody, ShownCall, extra_of_opaque, vendor_id};
use crate::chat::part::{PartWriter, ShownPart};
use crate::chat::reasoning::History;
use crate::quirks::{EmptyContent, Quirks, SystemRole};

/// A message, written.
#[derive(Default, Serialize)]
pub(super) struct ShownMessage<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ShownContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<RawObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<AudioReference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ShownCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
}

#[derive(Serialize)]
struct AudioReference<'a> {
    id: &'a str,
}

pub(super) enum ShownContent<'a> {
    Null,
    Text(Wording<'a>),
    Parts(Vec<ShownPart<'a>>),
}

impl Serialize for ShownContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => text.serialize(serializer),
            Self::Parts(parts) => parts.serialize(serializer),
        }
    }
}

impl<'a> ShownContent<'a> {
    /// A single plain text as a string, anything else as a list.
    fn of(mut parts: Vec<ShownPart<'a>>) -> Self {
        if parts.is_empty() {
            return Self::Text("".into());
        }
        if let [ShownPart::Text { text, cache_control: None, .. }] = parts.as_mut_slice() {
            return Self::Text(std::mem::take(text));
        }
        Self::Parts(parts)
    }

    /// All plain texts joined, where nothing else is among them.
    fn joined(parts: Vec<ShownPart<'a>>) -> Self {
        let texts: Option<Vec<&str>> = parts.iter().map(ShownPart::plain).collect();
        match texts {
            Some(texts) if texts.len() > 1 => Self::Text(texts.concat().into()),
            _ => Self::of(parts),
        }
    }
}

/// Writes messages in order.
pub(super) struct Writer<'q, 'l> {
    pub(super) quirks: &'q Quirks,
    pub(super) losses: &'l mut Losses,
}

/// Names of speakers, as losses name them.
pub(super) const NAME: &str = "messages.name";

impl Writer<'_, '_> {
    pub(super) fn messages<'a>(&mut self, messages: &'a [Message]) -> Result<Vec<ShownMessage<'a>>> {
        let mut out = Vec::with_capacity(messages.len());
        // Pictures of tool results, waiting for the end of the results.
        let mut media = Vec::new();
        for message in messages {
            let results = message.parts.iter().filter_map(|part| match part {
                Part::ToolResult(result) => Some(result),
                _ => None,
            });
            for result in results {
                out.push(self.result(result, &mut media)?);
            }
            let only_results = message.parts.iter().all(|part| matches!(part, Part::ToolResult(_)));
            if only_results && !message.parts.is_empty() {
                continue;
            }
            out.extend(shown_media(&mut media));
            out.push(self.message(message)?);
        }
        out.extend(shown_media(&mut media));
        Ok(out)
    }

    fn message<'a>(&mut self, message: &'a Message) -> Result<ShownMessage<'a>> {
        let extras = match &message.extras {
            Some((origin, extras)) if *origin == CHAT => Some(extras),
            Some((_, extras)) if !extras.is_empty() => {
                self.losses.foreign_state("messages.extras");
                None
            }
            _ => None,
        };
        let shown = match message.role {
            Role::Assistant => self.assistant(message)?,
            role => ShownMessage {
                role: self.role(role),
                content: Some(ShownContent::of(self.content(&message.parts)?)),
                ..ShownMessage::default()
            },
        };
        Ok(ShownMessage { name: self.name(message)?, extras, ..shown })
    }

    fn name<'a>(&mut self, message: &'a Message) -> Result<Option<&'a str>> {
        if self.quirks.refuses_names && message.name.is_some() {
            self.losses.tuning(NAME)?;
            return Ok(None);
        }
        Ok(message.name.as_deref())
    }

    fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Developer if self.quirks.system_role == SystemRole::AsSaid => "developer",
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            // Results were taken out; the rest of such a message is the client's.
            Role::User | Role::Tool => "user",
        }
    }

    fn content<'a>(&mut self, parts: &'a [Part]) -> Result<Vec<ShownPart<'a>>> {
        let writer = PartWriter { quirks: self.quirks };
        parts.iter().filter_map(|part| writer.write(part, self.losses).transpose()).collect()
    }

    fn assistant<'a>(&mut self, message: &'a Message) -> Result<ShownMessage<'a>> {
        let mut content = Vec::new();
        let mut refusal: Option<String> = None;
        let mut audio = None;
        let mut calls = Vec::new();
        let mut thoughts: Vec<&Reasoning> = Vec::new();
        for part in &message.parts {
            match part {
                Part::Refusal(words) => refusal.get_or_insert_default().push_str(words),
                Part::ToolCall(call) => calls.push(self.call(call)),
                Part::Reasoning(reasoning) => thoughts.push(reasoning),
                Part::Audio(media) => match (&media.id, &media.transcript) {
                    (Some(id), _) => audio = Some(AudioReference { id }),
                    (None, Some(words)) => {
                        self.losses.approximated("audio", "text")?;
                        content.push(ShownPart::text(words.as_str()));
                    }
                    (None, None) => self.losses.meaning("audio")?,
                },
                Part::Image(_) | Part::Video(_) | Part::Document(_) => {
                    self.losses.meaning(part.kind_name())?;
                }
                other => content.extend(PartWriter { quirks: self.quirks }.write(other, self.losses)?),
            }
        }
        let mut history = History::of(&thoughts, self.quirks.reasoning_history, self.losses);
        if self.quirks.reasoning_history_required && !calls.is_empty() {
            history.content.get_or_insert_default();
        }
        if history.as_parts {
            let thinking = thoughts.iter().filter(|part| !part.text.is_empty());
            let thinking: Vec<_> = thinking.map(|part| ShownPart::thinking(&part.text)).collect();
            content.splice(0..0, thinking);
        }
        let silent = content.is_empty() && (!calls.is_empty() || refusal.is_some() || audio.is_some());
        let content = match self.quirks.empty_content {
            EmptyContent::Null if silent => ShownContent::Null,
            _ => ShownContent::joined(content),
        };
        Ok(ShownMessage {
            role: "assistant",
            content: Some(content),
            refusal,
            reasoning_content: history.content,
            reasoning: history.plain,
            reasoning_details: history.details,
            audio,
            tool_calls: calls,
            ..ShownMessage::default()
        })
    }

    fn call<'a>(&mut self, call: &'a ToolCall) -> ShownCall<'a> {
        let own = call.opaque.as_ref().filter(|opaque| opaque.origin == CHAT);
        if call.opaque.is_some() && own.is_none() {
            self.losses.foreign_state("tool_calls.signature");
        }
        let blank = !call.custom && call.arguments.trim().is_empty();
        let arguments = if blank { "{}" } else { &call.arguments };
        let (kind, body) = ShownBody::new(&call.name, arguments, call.custom);
        ShownCall {
            index: None,
            id: vendor_id(&call.id, self.quirks.tool_call_ids),
            r#type: kind,
            body,
            extra_content: own.and_then(extra_of_opaque),
            cache_control: PartWriter { quirks: self.quirks }.cache(call.cache, self.losses),
        }
    }

    fn result<'a>(
        &mut self,
        result: &'a ToolResult,
        media: &mut Vec<ShownPart<'a>>,
    ) -> Result<ShownMessage<'a>> {
        if result.is_error == Some(true) {
            self.losses.tuning("tool_result.is_error")?;
        }
        let mut parts = Vec::with_capacity(result.content.len());
        let writer = PartWriter { quirks: self.quirks };
        for part in &result.content {
            let shown = writer.write(part, self.losses)?;
            if matches!(part, Part::Text(_)) || self.quirks.tool_result_media {
                parts.extend(shown);
            } else if let Some(shown) = shown {
                self.losses.approximated("tool_result.media", "a message of the user")?;
                media.push(shown);
            }
        }
        if let (Some(mark), Some(ShownPart::Text { cache_control, .. })) = (result.cache, parts.last_mut()) {
            *cache_control = writer.cache(Some(mark), self.losses).or(*cache_control);
        }
        Ok(ShownMessage {
            role: "tool",
            content: Some(ShownContent::of(parts)),
            name: result.name.as_deref(),
            tool_call_id: Some(vendor_id(&result.call_id, self.quirks.tool_call_ids)),
            ..ShownMessage::default()
        })
    }
}

/// Pictures and files of tool results as a message of the user, where tool messages hold text only.
fn shown_media<'a>(media: &mut Vec<ShownPart<'a>>) -> Option<ShownMessage<'a>> {
    if media.is_empty() {
        return None;
    }
    let mut parts = vec![ShownPart::text("Attached: what the tools above returned.")];
    parts.append(media);
    Some(ShownMessage { role: "user", content: Some(ShownContent::Parts(parts)), ..ShownMessage::default() })
}

/// A system message in front of the conversation's own text.
pub(super) fn system(text: String) -> ShownMessage<'static> {
    ShownMessage { role: "system", content: Some(ShownContent::Text(text.into())), ..ShownMessage::default() }
}
