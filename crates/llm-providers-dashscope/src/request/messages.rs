//! The conversation, as each of the two services wants it written.

use std::borrow::Cow;

use llm_core::message::{CacheMark, Document, Media, Source, Text, ToolCall, ToolResult};
use llm_core::{ChatRequest, Losses, Message, Part, RawObject, Result, Role, Wording};
use serde::Serialize;

use crate::endpoint::Endpoint;

/// A message as it is written.
#[derive(Debug, Default, Serialize)]
pub(super) struct WireMessage<'a> {
    role: &'static str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(flatten)]
    extras: Extras<'a>,
}

/// Fields of the message that only this format has.
#[derive(Debug, Default)]
struct Extras<'a>(Option<&'a RawObject>);

impl Serialize for Extras<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.unwrap_or(&RawObject::default()).serialize(serializer)
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Wording<'a>),
    Items(Vec<Item<'a>>),
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Text(Wording::default())
    }
}

/// One item of a list of content. The service of text wants its kind said.
#[derive(Debug, Default, Serialize)]
struct Item<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Wording<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct CacheControl {
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

/// Writes the messages.
pub(super) fn write<'a>(
    request: &'a ChatRequest,
    endpoint: Endpoint,
    losses: &mut Losses,
) -> Result<Vec<WireMessage<'a>>> {
    let mut writer = Writer { endpoint, losses, out: Vec::with_capacity(request.messages.len()) };
    for message in &request.messages {
        writer.message(message)?;
    }
    Ok(writer.out)
}

/// Whether a file lies in the vendor's own store.
pub(super) fn names_stored_files(request: &ChatRequest) -> bool {
    let stored = |part: &Part| match part {
        Part::Image(media) | Part::Audio(media) | Part::Video(media) => {
            matches!(&media.source, Source::Url(url) if url.starts_with("oss://"))
        }
        _ => false,
    };
    request.messages.iter().flat_map(|message| &message.parts).any(stored)
}

struct Writer<'a, 'l> {
    endpoint: Endpoint,
    losses: &'l mut Losses,
    out: Vec<WireMessage<'a>>,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<()> {
        if message.name.is_some() {
            self.losses.tuning("messages.name")?;
        }
        let extras = self.extras(message)?;
        let mut written = WireMessage { role: role(message.role), extras, ..WireMessage::default() };
        let mut items = Vec::new();
        let mut results = Vec::new();
        for part in &message.parts {
            match part {
                Part::ToolCall(call) => written.tool_calls.push(self.call(call)?),
                Part::ToolResult(result) => results.push(self.result(result)?),
                Part::Reasoning(reasoning) => {
                    if reasoning.opaque.is_some() {
                        self.losses.foreign_state("messages.reasoning.state");
                    }
                    let words = [reasoning.text.as_str()].into_iter();
                    let words = words.chain(reasoning.summary.iter().map(String::as_str));
                    let text = words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
                    let known = written.reasoning_content.get_or_insert_default();
                    known.push_str(&text);
                }
                other => items.extend(self.item(other)?),
            }
        }
        written.reasoning_content = written.reasoning_content.filter(|text| !text.is_empty());
        // Results come right after the calls that they answer, before what else the turn says.
        self.out.extend(results);
        let says_nothing =
            items.is_empty() && written.tool_calls.is_empty() && written.reasoning_content.is_none();
        if !says_nothing {
            written.content = self.content(items);
            self.out.push(written);
        }
        Ok(())
    }

    fn extras(&mut self, message: &'a Message) -> Result<Extras<'a>> {
        let Some((origin, fields)) = &message.extras else { return Ok(Extras(None)) };
        if *origin == crate::GENERATION {
            return Ok(Extras(Some(fields)));
        }
        for (name, _) in fields.iter() {
            self.losses.tuning(format!("messages.{name}"))?;
        }
        Ok(Extras(None))
    }

    /// A list where the service wants one, or a mark hangs on it; else one text.
    fn content(&self, items: Vec<Item<'a>>) -> Content<'a> {
        let marked = items.iter().any(|item| item.cache_control.is_some());
        match self.endpoint {
            Endpoint::Multimodal => Content::Items(items),
            Endpoint::Text if marked => {
                let typed = |item| Item { kind: Some("text"), ..item };
                Content::Items(items.into_iter().map(typed).collect())
            }
            Endpoint::Text => {
                let mut texts = items.into_iter().filter_map(|item| item.text);
                let mut said = texts.next().unwrap_or_default();
                texts.for_each(|text| {
                    said.push_str("\n\n");
                    said.push_str(&text);
                });
                Content::Text(said)
            }
        }
    }

    fn item(&mut self, part: &'a Part) -> Result<Option<Item<'a>>> {
        Ok(match part {
            Part::Text(text) => Some(self.text(text)?),
            Part::Refusal(words) => Some(Item { text: Some(words.as_str().into()), ..Item::default() }),
            Part::Image(media) => {
                let url = self.url(media, "image")?;
                self.media(media, url.map(|url| Item { image: Some(url), ..Item::default() }))?
            }
            Part::Video(media) => {
                let url = self.url(media, "video")?;
                self.media(media, url.map(|url| Item { video: Some(url), ..Item::default() }))?
            }
            Part::Audio(media) => {
                let url = self.url(media, "audio")?;
                self.media(media, url.map(|url| Item { audio: Some(url), ..Item::default() }))?
            }
            Part::Document(document) => self.document(document)?,
            other => {
                self.losses.meaning(format!("messages.{}", other.described()))?;
                None
            }
        })
    }

    fn text(&mut self, text: &'a Text) -> Result<Item<'a>> {
        let cache_control = self.mark(text.cache)?;
        Ok(Item { text: Some((&text.text).into()), cache_control, ..Item::default() })
    }

    fn url(&mut self, media: &Media, kind: &'static str) -> Result<Option<String>> {
        let url = media.source.to_url();
        if url.is_none() {
            self.losses.meaning(format!("messages.{kind}.file_id"))?;
        }
        Ok(url)
    }

    fn media(&mut self, media: &Media, item: Option<Item<'a>>) -> Result<Option<Item<'a>>> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.tuning("messages.image.detail")?;
        }
        let cache_control = self.mark(media.cache)?;
        Ok(item.map(|item| Item { cache_control, ..item }))
    }

    fn document(&mut self, document: &'a Document) -> Result<Option<Item<'a>>> {
        let Source::Text(text) = &document.source else {
            return self.losses.meaning("messages.document").map(|()| None);
        };
        self.losses.approximated("messages.document", "words of the message")?;
        let cache_control = self.mark(document.cache)?;
        Ok(Some(Item { text: Some(text.as_str().into()), cache_control, ..Item::default() }))
    }

    /// Marks last five minutes (<https://www.alibabacloud.com/help/en/model-studio/context-cache>, read 2026-11-21).
    fn mark(&mut self, mark: Option<CacheMark>) -> Result<Option<CacheControl>> {
        if mark == Some(CacheMark::Hour) {
            self.losses.approximated("cache_control.ttl", "five minutes")?;
        }
        Ok(mark.map(|_| CacheControl { r#type: "ephemeral" }))
    }

    fn call(&mut self, call: &'a ToolCall) -> Result<WireCall<'a>> {
        if call.opaque.is_some() {
            self.losses.foreign_state("messages.tool_calls.state");
        }
        let arguments = if call.custom {
            self.losses.approximated("messages.custom_tool_call", "a function with one text")?;
            Cow::Owned(llm_core::custom_tools::wrap(&call.arguments).get().to_owned())
        } else if call.arguments.trim().is_empty() {
            Cow::Borrowed("{}")
        } else {
            Cow::Borrowed(call.arguments.as_str())
        };
        Ok(WireCall { id: &call.id, r#type: "function", function: Function { name: &call.name, arguments } })
    }

    fn result(&mut self, result: &'a ToolResult) -> Result<WireMessage<'a>> {
        if result.is_error == Some(true) {
            self.losses.tuning("messages.tool_result.is_error")?;
        }
        let mut items = Vec::new();
        for part in &result.content {
            items.extend(self.item(part)?);
        }
        Ok(WireMessage {
            role: "tool",
            content: self.content(items),
            tool_call_id: Some(&result.call_id),
            name: result.name.as_deref(),
            ..WireMessage::default()
        })
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}
