//! The canonical stream of an answer, and its two conversions: events folded into a response, and a response
//! told as events.

mod fold;
mod refrain;
mod unfold;

pub use fold::Fold;
pub use refrain::Refrain;
pub use unfold::unfold;

use crate::dialect::DialectId;
use crate::error::Error;
use crate::json::{RawJson, RawObject};
use crate::message::{Citation, Opaque, Part};
use crate::response::FinishReason;
use crate::usage::Usage;

/// One step of a streamed answer.
///
/// Rules: one [`Event::Start`]; parts are opened before their deltas and closed before [`Event::Finish`]; one
/// `Finish` for each choice; usage is cumulative, later values replace earlier ones; one [`Event::End`], after
/// everything else. A decoder keeps these rules whatever the vendor sends.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The answer begins.
    Start(Start),
    /// A part opens. Part numbers count up within a choice, in the order of the answer's parts.
    PartStart {
        /// The choice's number.
        choice: u32,
        /// The part's number in the choice.
        part: u32,
        /// What opens.
        kind: PartKind,
    },
    /// More of an open part.
    Delta {
        /// The choice's number.
        choice: u32,
        /// The part's number in the choice.
        part: u32,
        /// What is added.
        delta: Delta,
    },
    /// A part is complete.
    PartEnd {
        /// The choice's number.
        choice: u32,
        /// The part's number in the choice.
        part: u32,
    },
    /// Log probabilities of the tokens since the last ones, as the dialect writes them.
    Logprobs {
        /// The choice's number.
        choice: u32,
        /// The dialect's value.
        raw: RawJson,
    },
    /// A choice is complete.
    Finish {
        /// The choice's number.
        choice: u32,
        /// Why.
        reason: FinishReason,
    },
    /// Tokens so far; replaces what was said before.
    Usage(Usage),
    /// Fields of the answer that are not modelled and that only its end tells; added to those of [`Start`],
    /// replacing members of the same name.
    Extras {
        /// The dialect that they came in.
        origin: DialectId,
        /// The fields.
        fields: RawObject,
    },
    /// The vendor is still there.
    Ping,
    /// The vendor failed in the middle; nothing but [`Event::End`] follows.
    Error(Error),
    /// The stream ended as it should.
    End,
}

/// How an answer begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// The vendor's id.
    pub id: String,
    /// The model that answers, in the vendor's words.
    pub model: String,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// Tokens of the prompt, where the vendor says them first.
    pub usage: Option<Usage>,
    /// The service tier that serves.
    pub service_tier: Option<String>,
    /// The vendor's backend configuration.
    pub system_fingerprint: Option<String>,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// What kind of part opens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PartKind {
    /// Text.
    Text,
    /// Thinking.
    Reasoning {
        /// The vendor's id of the item, where there is one.
        id: Option<String>,
    },
    /// A call of a client's tool.
    ToolCall {
        /// The call's id.
        id: String,
        /// The vendor's id of the item around it.
        item_id: Option<String>,
        /// The tool's name.
        name: String,
        /// Whether the arguments are free text.
        custom: bool,
    },
    /// The model declines.
    Refusal,
    /// Sound.
    Audio,
    /// A part that comes whole; no deltas follow.
    Whole(Box<Part>),
}

/// What is added to an open part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Delta {
    /// Text of a text part.
    Text(String),
    /// A citation of a text part.
    Citation(Box<Citation>),
    /// Arguments of a tool call, as text.
    Arguments(String),
    /// Thinking.
    Reasoning(String),
    /// A summary of thinking; `index` counts the summary's paragraphs.
    ReasoningSummary {
        /// The paragraph.
        index: u32,
        /// More of it.
        text: String,
    },
    /// What must come back: signature, encrypted or redacted thinking, or a tool call's thought signature.
    Opaque(Opaque),
    /// Words of a refusal.
    Refusal(String),
    /// Base64 of sound.
    AudioData(String),
    /// What the sound says.
    AudioTranscript(String),
    /// The vendor's id of the sound.
    AudioId(String),
}

impl Event {
    /// Whether something of the answer itself is in this event. Until the first one, a failed attempt can be
    /// made again elsewhere without the client noticing.
    pub fn is_content(&self) -> bool {
        match self {
            Self::Delta { .. } | Self::Finish { .. } => true,
            Self::PartStart { kind, .. } => matches!(kind, PartKind::Whole(_) | PartKind::ToolCall { .. }),
            _ => false,
        }
    }
}
