//! A part that a client's stream is in the middle of.

use llm_core::message::{Media, Opaque, Reasoning, Source, ToolCall};
use llm_core::{Delta, Part, PartKind, RawJson};

use crate::parts::{WirePart, for_client};

/// A part that has begun and not ended. Words are written as they come; what the format writes whole is gathered.
#[derive(Debug)]
pub(super) enum Slot {
    Words,
    Thinking {
        paragraph: Option<u32>,
        state: Option<Opaque>,
    },
    Gathered(Box<Part>),
    /// Said already, or nothing to say.
    Done,
}

impl Slot {
    /// A slot for a part, with what it says at once.
    pub(super) fn new(kind: &PartKind) -> (Self, Option<RawJson>) {
        match kind {
            PartKind::Text | PartKind::Refusal => (Self::Words, None),
            PartKind::Reasoning { .. } => (Self::Thinking { paragraph: None, state: None }, None),
            PartKind::ToolCall { id, item_id, name, custom } => {
                let call = ToolCall::new(id.clone(), name.clone(), "");
                let call = ToolCall { item_id: item_id.clone(), custom: *custom, ..call };
                (Self::Gathered(Box::new(Part::ToolCall(call))), None)
            }
            PartKind::Audio => {
                let source = Source::Base64 { media_type: String::new(), data: String::new() };
                (Self::Gathered(Box::new(Part::Audio(Media::new(source)))), None)
            }
            PartKind::Whole(part) => (Self::Done, for_client(part).map(|part| part.to_json())),
            _ => (Self::Done, None),
        }
    }

    /// What a piece says at once.
    pub(super) fn add(&mut self, delta: &Delta) -> Option<RawJson> {
        match (self, delta) {
            (Self::Words, Delta::Text(text) | Delta::Refusal(text)) => words(text),
            (Self::Thinking { .. }, Delta::Reasoning(text)) => thought(text.clone()),
            (Self::Thinking { paragraph, .. }, Delta::ReasoningSummary { index, text }) => {
                let next = paragraph.is_some_and(|paragraph| paragraph != *index);
                *paragraph = Some(*index);
                thought(if next { format!("\n\n{text}") } else { text.clone() })
            }
            (Self::Thinking { state, .. }, Delta::Opaque(opaque)) => {
                *state = Some(opaque.clone());
                None
            }
            (Self::Gathered(part), delta) => {
                gather(part, delta);
                None
            }
            _ => None,
        }
    }

    /// What the part says at its end.
    pub(super) fn end(self) -> Option<RawJson> {
        match self {
            Self::Thinking { state, .. } => {
                let reasoning = Reasoning { opaque: Some(state?), ..Reasoning::default() };
                for_client(&Part::Reasoning(reasoning)).map(|part| part.to_json())
            }
            Self::Gathered(part) => for_client(&part).map(|part| part.to_json()),
            Self::Words | Self::Done => None,
        }
    }
}

fn words(text: &str) -> Option<RawJson> {
    (!text.is_empty()).then(|| WirePart::text(text).to_json())
}

fn thought(text: String) -> Option<RawJson> {
    let reasoning = Reasoning { text, ..Reasoning::default() };
    for_client(&Part::Reasoning(reasoning)).map(|part| part.to_json())
}

fn gather(part: &mut Part, delta: &Delta) {
    match (part, delta) {
        (Part::ToolCall(call), Delta::Arguments(more)) => call.arguments.push_str(more),
        (Part::ToolCall(call), Delta::Opaque(state)) => call.opaque = Some(state.clone()),
        (Part::Audio(media), Delta::AudioData(more)) => {
            if let Source::Base64 { data, .. } = &mut media.source {
                data.push_str(more);
            }
        }
        (Part::Audio(media), Delta::AudioTranscript(more)) => {
            media.transcript.get_or_insert_default().push_str(more);
        }
        _ => {}
    }
}
