//! The canonical chat answer.

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject};
use crate::message::Message;
use crate::usage::Usage;

/// A whole answer: all choices, not the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatResponse {
    /// The vendor's id.
    pub id: String,
    /// The model that answered, in the vendor's words.
    pub model: String,
    /// When, in seconds since 1970; `None` when the dialect does not say.
    pub created: Option<u64>,
    /// The answers.
    pub choices: Vec<Choice>,
    /// Tokens used.
    pub usage: Usage,
    /// The vendor's backend configuration.
    pub system_fingerprint: Option<String>,
    /// The service tier that served.
    pub service_tier: Option<String>,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// One of the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What the model said; the role is [`crate::Role::Assistant`].
    pub message: Message,
    /// Why it ended; `None` when the vendor did not say.
    pub finish: Option<FinishReason>,
    /// Log probabilities as the dialect writes them.
    pub logprobs: Option<RawJson>,
}

impl Choice {
    /// Whether the model waits for results of the client's tools, by content as well as by reason:
    /// several vendors say "stop" together with calls.
    pub fn wants_tools(&self) -> bool {
        self.message.tool_calls().next().is_some()
    }
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// A stop text was met; which one, where the vendor says.
    StopSequence(Option<String>),
    /// The token limit was met.
    Length,
    /// The model waits for results of tools.
    ToolCalls,
    /// A content policy cut it.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The vendor paused a long turn; send the conversation back to go on.
    Paused,
    /// The context window was full.
    ContextExceeded,
    /// The vendor failed in the middle.
    Error,
    /// A reason that we do not model.
    Other(String),
}
