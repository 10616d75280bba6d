//! Kinds of calls whose requests and answers go through as they are: pictures, speech, transcripts, moderation.

use std::borrow::Cow;

use crate::dialect::{DialectId, Peek, StreamTap};
use crate::error::Result;
use crate::operation::Operation;
use crate::provider::Inbound;
use crate::usage::Usage;

/// The vendor side of such kinds. A request goes on with the vendor's name of the model in it, an answer as it comes.
///
/// # Behavior
/// As [`crate::Dialect`]: pure, never panics.
pub trait Passage: Send + Sync {
    /// The format's name. Only bodies of this format go through.
    fn id(&self) -> DialectId;

    /// Whether the vendor has a kind.
    fn has(&self, operation: Operation) -> bool {
        self.path(operation, "").is_some()
    }

    /// The path (after the base URL) of a kind for a model in the vendor's words, where the vendor has it.
    fn path(&self, operation: Operation, model: &str) -> Option<Cow<'static, str>>;

    /// What is used by the request itself, whatever the answer says (the letters that are read aloud).
    fn asked(&self, inbound: &Inbound) -> Usage;

    /// Reads of an answer in JSON only what metering needs.
    ///
    /// # Errors
    /// When the body is no JSON object, or holds an error instead of an answer.
    fn peek(&self, body: &[u8]) -> Result<Peek>;

    /// What an answer of plain text tells of the usage (the last time of subtitles).
    fn peek_text(&self, _text: &[u8]) -> Usage {
        Usage::default()
    }

    /// Watches an answer of server-sent events.
    fn tap(&self) -> Box<dyn StreamTap>;
}
