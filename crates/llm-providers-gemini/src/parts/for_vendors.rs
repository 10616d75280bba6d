//! Canonical parts as vendors take them.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_core::message::{Document, ForeignBlock, Media, Reasoning, Source, ToolCall, ToolResult};
use llm_core::{Losses, Part, Result, Role};

use super::results;
use super::wire::{Blob, FileData, FunctionCall, FunctionResponse, Members, WirePart};
use crate::media::{self, Kind};
use crate::models::Rules;
use crate::{GENERATE, ids, signature};

/// Writes the parts of a conversation, in order.
pub(crate) struct ForVendors<'l, 'a> {
    pub(crate) rules: Rules,
    pub(crate) losses: &'l mut Losses,
    /// The names of the calls so far, by their ids: results are matched by name.
    pub(crate) names: HashMap<&'a str, &'a str>,
}

impl<'a> ForVendors<'_, 'a> {
    /// Adds what a part means to a content.
    pub(crate) fn add(&mut self, part: &'a Part, role: Role, out: &mut Vec<WirePart<'a>>) -> Result<()> {
        match part {
            Part::Text(text) => {
                if text.citations.iter().any(|citation| citation.url.is_some()) && role != Role::Assistant {
                    self.losses.tuning("messages.citations")?;
                }
                if !text.text.is_empty() {
                    out.push(WirePart::text(&text.text));
                }
            }
            Part::Refusal(words) if !words.is_empty() => out.push(WirePart::text(words.as_str())),
            Part::Refusal(_) => {}
            Part::Image(media) => out.extend(self.media(media, Kind::Image, "messages.image")?),
            Part::Audio(media) => out.extend(self.media(media, Kind::Audio, "messages.audio")?),
            Part::Video(media) => out.extend(self.media(media, Kind::Video, "messages.video")?),
            Part::Document(document) => out.extend(self.document(document)?),
            Part::ToolCall(call) => out.push(self.call(call)),
            Part::ToolResult(result) => self.result(result, out)?,
            Part::Reasoning(reasoning) => self.thinking(reasoning, out),
            Part::ServerTool(block) | Part::Unknown(block) => out.extend(self.block(block, part)?),
            _ => self.losses.meaning(format!("messages.{}", part.kind_name()))?,
        }
        Ok(())
    }

    fn block(&mut self, block: &'a ForeignBlock, part: &Part) -> Result<Option<WirePart<'a>>> {
        if block.origin == GENERATE {
            return Ok(Some(WirePart::Raw(&block.raw)));
        }
        self.losses.meaning(format!("messages.{}", part.described())).map(|()| None)
    }

    fn media(&mut self, media: &'a Media, kind: Kind, field: &'static str) -> Result<Option<WirePart<'a>>> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.tuning(format!("{field}.detail"))?;
        }
        match source(&media.source, kind) {
            Some(members) => Ok(Some(WirePart::new(members))),
            // The words of a sound that only its own vendor has.
            None => match media.transcript.as_deref().filter(|words| !words.is_empty()) {
                Some(words) => {
                    self.losses.approximated(field, "its transcript")?;
                    Ok(Some(WirePart::text(words)))
                }
                None => self.losses.meaning(field).map(|()| None),
            },
        }
    }

    fn document(&mut self, document: &'a Document) -> Result<Option<WirePart<'a>>> {
        for (lost, field) in [
            (document.title.is_some(), "messages.document.title"),
            (document.context.is_some(), "messages.document.context"),
            (document.citations == Some(true), "messages.document.citations"),
        ] {
            if lost {
                self.losses.tuning(field)?;
            }
        }
        match source(&document.source, Kind::Document) {
            Some(members) => Ok(Some(WirePart::new(members))),
            None => self.losses.meaning("messages.document").map(|()| None),
        }
    }

    fn call(&mut self, call: &'a ToolCall) -> WirePart<'a> {
        self.names.insert(&call.id, &call.name);
        let own = call.opaque.as_ref().filter(|state| state.origin == GENERATE);
        if call.opaque.is_some() && own.is_none() {
            self.losses.foreign_state("messages.tool_call.state");
        }
        WirePart::new(Members {
            function_call: Some(FunctionCall::of(call)),
            thought_signature: own.map(|state| Cow::Borrowed(state.data.as_str())),
            ..Members::default()
        })
    }

    /// Media stand inside of a result where the model takes them there, else right behind it.
    fn result(&mut self, result: &'a ToolResult, out: &mut Vec<WirePart<'a>>) -> Result<()> {
        let named = self.names.get(result.call_id.as_str()).copied().or(result.name.as_deref());
        let mut media = Vec::new();
        for part in result.content.iter().filter(|part| !matches!(part, Part::Text(_))) {
            self.add(part, Role::Tool, &mut media)?;
        }
        let inside = if self.rules.third { std::mem::take(&mut media) } else { Vec::new() };
        if !media.is_empty() {
            self.losses.approximated("messages.tool_result.media", "parts behind the result")?;
        }
        out.push(WirePart::new(Members {
            function_response: Some(FunctionResponse {
                id: ids::shown(&result.call_id),
                name: Cow::Borrowed(named.unwrap_or(&result.call_id)),
                response: results::write(result),
                parts: inside,
            }),
            ..Members::default()
        }));
        out.extend(media);
        Ok(())
    }

    /// A signature without words belongs to the part before it.
    fn thinking(&mut self, reasoning: &'a Reasoning, out: &mut Vec<WirePart<'a>>) {
        let Some(state) = reasoning.opaque.as_ref().filter(|state| state.origin == GENERATE) else {
            // Thinking of others, and thinking without proof, is of no use to the model.
            self.losses.foreign_state("messages.reasoning");
            return;
        };
        let data = Cow::Borrowed(state.data.as_str());
        if state.kind == signature::OF_THOUGHT {
            out.push(WirePart::new(Members {
                text: Some(reasoning.text.as_str().into()),
                thought: Some(true),
                thought_signature: Some(data),
                ..Members::default()
            }));
            return;
        }
        match out.last_mut().and_then(WirePart::unsigned_answer) {
            Some(members) => members.thought_signature = Some(data),
            None => out.push(WirePart::signature(data)),
        }
    }
}

/// Where bytes are; `None` for what only another vendor has, and for bytes of which nobody says what they are.
fn source(source: &Source, kind: Kind) -> Option<Members<'_>> {
    Some(match source {
        Source::Base64 { media_type, data } => {
            let known = (!media_type.is_empty()).then_some(media_type.as_str());
            let mime_type = Cow::Borrowed(known.or_else(|| media::sniffed(data))?);
            blob(Blob { mime_type, data: Cow::Borrowed(data) })
        }
        Source::Text(text) => {
            blob(Blob { mime_type: Cow::Borrowed("text/plain"), data: Cow::Owned(STANDARD.encode(text)) })
        }
        Source::Url(url) => file(url, media::guessed(url, kind)),
        Source::FileId { origin, id } => {
            let (uri, media_type) = media::uploaded(*origin, id, kind)?;
            file(uri, media_type)
        }
    })
}

fn blob(blob: Blob<'_>) -> Members<'_> {
    Members { inline_data: Some(blob), ..Members::default() }
}

fn file<'a>(file_uri: &'a str, media_type: &'a str) -> Members<'a> {
    let file_data = FileData { mime_type: Cow::Borrowed(media_type), file_uri };
    Members { file_data: Some(file_data), ..Members::default() }
}
