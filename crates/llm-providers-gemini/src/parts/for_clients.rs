//! Parts of an answer as a client of this format understands them.

use std::borrow::Cow;

use llm_core::Part;
use llm_core::message::{Media, Reasoning, Source, ToolCall};

use super::wire::{Blob, FileData, FunctionCall, Members, WirePart};
use crate::media::{self, Kind};
use crate::{GENERATE, signature};

/// The parts for a part. None for an empty text, and for what this format has no part for in an answer.
pub(crate) fn for_client(part: &Part) -> Option<WirePart<'_>> {
    match part {
        Part::Text(text) if !text.text.is_empty() => Some(WirePart::text(&text.text)),
        Part::Refusal(words) if !words.is_empty() => Some(WirePart::text(words.as_str())),
        Part::Reasoning(reasoning) => thinking(reasoning),
        Part::ToolCall(call) => Some(self::call(call)),
        Part::Image(media) => source(&media.source, Kind::Image),
        Part::Video(media) => source(&media.source, Kind::Video),
        Part::Audio(media) => sound(media),
        Part::Document(document) => source(&document.source, Kind::Document),
        Part::ServerTool(block) | Part::Unknown(block) if block.origin == GENERATE => {
            Some(WirePart::Raw(&block.raw))
        }
        _ => None,
    }
}

/// A call with the state that must come back with it.
pub(crate) fn call(call: &ToolCall) -> WirePart<'_> {
    let state = call.opaque.as_ref().map(signature::for_client);
    WirePart::new(Members {
        function_call: Some(FunctionCall::of(call)),
        thought_signature: state.map(Cow::Owned),
        ..Members::default()
    })
}

fn thinking(reasoning: &Reasoning) -> Option<WirePart<'_>> {
    let state = reasoning.opaque.as_ref();
    let shown = state.map(signature::for_client).map(Cow::Owned);
    let text = match (reasoning.text.as_str(), reasoning.summary.as_slice()) {
        ("", [one]) => Cow::Borrowed(one.as_str()),
        ("", paragraphs) => Cow::Owned(paragraphs.join("\n\n")),
        (text, _) => Cow::Borrowed(text),
    };
    let of_answer = state.is_some_and(|state| state.origin == GENERATE && state.kind == signature::OF_ANSWER);
    if of_answer && text.is_empty() {
        return shown.map(WirePart::signature);
    }
    let empty = text.is_empty() && shown.is_none();
    (!empty).then(|| {
        WirePart::new(Members {
            text: Some(text.into()),
            thought: Some(true),
            thought_signature: shown,
            ..Members::default()
        })
    })
}

fn sound(media: &Media) -> Option<WirePart<'_>> {
    source(&media.source, Kind::Audio)
        .or_else(|| media.transcript.as_deref().filter(|words| !words.is_empty()).map(WirePart::text))
}

fn source(source: &Source, kind: Kind) -> Option<WirePart<'_>> {
    let members = match source {
        Source::Base64 { data, .. } if data.is_empty() => return None,
        Source::Base64 { media_type, data } => {
            let unsaid = || media::sniffed(data).unwrap_or_else(|| media::guessed("", kind));
            let mime_type = if media_type.is_empty() { unsaid() } else { media_type };
            let blob = Blob { mime_type: Cow::Borrowed(mime_type), data: Cow::Borrowed(data) };
            Members { inline_data: Some(blob), ..Members::default() }
        }
        Source::Url(url) => file(url, media::guessed(url, kind)),
        Source::FileId { origin, id } => {
            let (uri, media_type) = media::uploaded(*origin, id, kind)?;
            file(uri, media_type)
        }
        Source::Text(text) => return Some(WirePart::text(text.as_str())),
    };
    Some(WirePart::new(members))
}

fn file<'a>(file_uri: &'a str, media_type: &'a str) -> Members<'a> {
    let file_data = FileData { mime_type: Cow::Borrowed(media_type), file_uri };
    Members { file_data: Some(file_data), ..Members::default() }
}
