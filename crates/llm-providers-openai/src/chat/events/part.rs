//! The open parts of a stream that is being written, and the deltas that they become.

use llm_core::message::{Opaque, Reasoning};
use llm_core::{Delta, Part, PartKind, RawJson};
use serde::Serialize;

use crate::chat::CHAT;
use crate::chat::calls::{ShownBody, ShownCall, extra_of_opaque, sealed_id};
use crate::chat::part::ShownPart;
use crate::chat::reasoning::ShownBlock;
use crate::chat::response::{ShownAudio, annotation};

/// Counts over the parts of a choice.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Tool calls that were told.
    pub(super) calls: u32,
    /// Letters of content that were told.
    letters: u64,
}

impl Counts {
    /// Text was told.
    pub(super) fn add_letters(&mut self, text: &str) {
        self.letters += text.chars().count() as u64;
    }
}

/// A part that is open.
pub(super) enum Open {
    Text {
        from: u64,
    },
    Reasoning {
        so_far: Reasoning,
        told: bool,
    },
    /// A call that waits for its first delta: state that comes first goes into the id.
    Held {
        id: String,
        name: String,
        custom: bool,
        state: Option<Opaque>,
    },
    Call {
        index: u32,
        custom: bool,
    },
    Other,
}

/// The delta of a chunk.
#[derive(Default, Serialize)]
pub(super) struct ShownDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[ShownBlock; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ShownPiece<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<ShownArguments<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[RawJson; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[ShownPart<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<AudioPiece<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownPiece<'a> {
    Begin(ShownCall<'a>),
    Function { index: u32, function: ShownArguments<'a> },
    Custom { index: u32, custom: ShownInput<'a> },
    State { index: u32, extra_content: RawJson },
}

#[derive(Serialize)]
struct ShownArguments<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct ShownInput<'a> {
    input: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AudioPiece<'a> {
    Id { id: &'a str },
    Data { data: &'a str },
    Transcript { transcript: &'a str },
    Whole(ShownAudio<'a>),
}

impl<'a> ShownDelta<'a> {
    /// A picture or sound that comes whole.
    pub(super) fn of_media(part: &'a Part) -> Option<Self> {
        Some(match part {
            Part::Image(media) => Self { images: Some([ShownPart::image(media)?]), ..Self::default() },
            Part::Audio(media) => {
                Self { audio: Some(AudioPiece::Whole(ShownAudio::of(media)?)), ..Self::default() }
            }
            _ => return None,
        })
    }

    pub(super) fn content(text: &'a str) -> Self {
        Self { content: Some(text), ..Self::default() }
    }

    fn thinking(text: &'a str) -> Self {
        Self { reasoning_content: Some(text), ..Self::default() }
    }

    fn audio(piece: AudioPiece<'a>) -> Self {
        Self { audio: Some(piece), ..Self::default() }
    }

    fn call(piece: ShownPiece<'a>) -> Self {
        Self { tool_calls: Some([piece]), ..Self::default() }
    }

    fn function(name: Option<&'a str>, arguments: &'a str) -> Self {
        Self { function_call: Some(ShownArguments { name, arguments }), ..Self::default() }
    }
}

impl Open {
    pub(super) fn of(kind: &PartKind, counts: Counts) -> Self {
        match kind {
            PartKind::Text => Self::Text { from: counts.letters },
            PartKind::Reasoning { id } => {
                Self::Reasoning { so_far: Reasoning { id: id.clone(), ..Reasoning::default() }, told: false }
            }
            PartKind::ToolCall { id, name, custom, .. } => {
                Self::Held { id: id.clone(), name: name.clone(), custom: *custom, state: None }
            }
            _ => Self::Other,
        }
    }

    pub(super) fn delta(
        &mut self,
        delta: &Delta,
        counts: &mut Counts,
        legacy: bool,
        mut emit: impl FnMut(ShownDelta<'_>),
    ) {
        match (&mut *self, delta) {
            (Self::Held { state, .. }, Delta::Opaque(opaque)) => *state = Some(opaque.clone()),
            (Self::Held { .. }, Delta::Arguments(text)) => {
                self.begin(text, counts, legacy, emit);
            }
            (Self::Call { index, custom }, Delta::Arguments(text)) => {
                emit(more(*index, *custom, legacy, text));
            }
            (Self::Call { index, .. }, Delta::Opaque(opaque)) if !legacy => {
                if let Some(extra_content) = extra_of_opaque(opaque) {
                    emit(ShownDelta::call(ShownPiece::State { index: *index, extra_content }));
                }
            }
            (Self::Text { .. }, Delta::Text(text)) => {
                counts.add_letters(text);
                emit(ShownDelta::content(text));
            }
            (Self::Text { from }, Delta::Citation(citation)) => {
                if let Some(shown) = annotation(citation, *from, counts.letters.saturating_sub(*from)) {
                    emit(ShownDelta { annotations: Some([shown]), ..ShownDelta::default() });
                }
            }
            (Self::Reasoning { so_far, told }, delta) => thought(so_far, told, delta, emit),
            (_, Delta::Refusal(words)) => emit(ShownDelta { refusal: Some(words), ..ShownDelta::default() }),
            (_, Delta::AudioData(data)) => emit(ShownDelta::audio(AudioPiece::Data { data })),
            (_, Delta::AudioTranscript(transcript)) => {
                emit(ShownDelta::audio(AudioPiece::Transcript { transcript }));
            }
            (_, Delta::AudioId(id)) => emit(ShownDelta::audio(AudioPiece::Id { id })),
            _ => {}
        }
    }

    /// The part is complete.
    pub(super) fn end(&mut self, counts: &mut Counts, legacy: bool, mut emit: impl FnMut(ShownDelta<'_>)) {
        match self {
            Self::Held { .. } => self.begin("", counts, legacy, emit),
            // State, or an id to come back under, was not told together with a signature.
            Self::Reasoning { so_far, told: false } if so_far.id.is_some() => emit(block(so_far)),
            _ => {}
        }
    }

    /// Tells a held call's id and name, and the first of its arguments.
    fn begin(
        &mut self,
        arguments: &str,
        counts: &mut Counts,
        legacy: bool,
        mut emit: impl FnMut(ShownDelta<'_>),
    ) {
        let Self::Held { id, name, custom, state } = self else { return };
        let (index, custom) = (counts.calls, *custom);
        if legacy {
            emit(ShownDelta::function(Some(name), arguments));
        } else {
            let (kind, body) = ShownBody::new(name, arguments, custom);
            let own = state.as_ref().filter(|opaque| opaque.origin == CHAT);
            emit(ShownDelta::call(ShownPiece::Begin(ShownCall {
                index: Some(index),
                id: sealed_id(id, state.as_ref()),
                r#type: kind,
                body,
                extra_content: own.and_then(extra_of_opaque),
                cache_control: None,
            })));
        }
        counts.calls += 1;
        *self = Self::Call { index, custom };
    }
}

fn more(index: u32, custom: bool, legacy: bool, text: &str) -> ShownDelta<'_> {
    match (legacy, custom) {
        (true, _) => ShownDelta::function(None, text),
        (false, true) => ShownDelta::call(ShownPiece::Custom { index, custom: ShownInput { input: text } }),
        (false, false) => {
            let function = ShownArguments { name: None, arguments: text };
            ShownDelta::call(ShownPiece::Function { index, function })
        }
    }
}

fn block(so_far: &Reasoning) -> ShownDelta<'static> {
    ShownDelta { thinking_blocks: Some([ShownBlock::of(so_far)]), ..ShownDelta::default() }
}

/// Thinking: words as they come; the whole as a block once its state came.
fn thought(so_far: &mut Reasoning, told: &mut bool, delta: &Delta, mut emit: impl FnMut(ShownDelta<'_>)) {
    match delta {
        Delta::Reasoning(text) => {
            so_far.text.push_str(text);
            emit(ShownDelta::thinking(text));
        }
        Delta::ReasoningSummary { index, text } => {
            let paragraphs = so_far.summary.len();
            let at = (*index as usize).min(paragraphs);
            if at == paragraphs {
                so_far.summary.push(String::new());
                if at > 0 {
                    emit(ShownDelta::thinking("\n\n"));
                }
            }
            if let Some(paragraph) = so_far.summary.get_mut(at) {
                paragraph.push_str(text);
            }
            emit(ShownDelta::thinking(text));
        }
        Delta::Opaque(opaque) => {
            so_far.opaque = Some(opaque.clone());
            *told = true;
            emit(block(so_far));
        }
        _ => {}
    }
}
