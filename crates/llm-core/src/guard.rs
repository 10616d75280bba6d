//! What guardrails are to the rest of the gateway: judges of the texts of a call, before and after the vendor.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Result;
use crate::provider::BoxFuture;

/// Where in a call a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Instructions: system and developer messages.
    System,
    /// What the person or program says; also everything that nobody knows a better place for.
    User,
    /// What the model said or says.
    Assistant,
    /// What the model thought.
    Reasoning,
    /// The name of a tool that is offered or called.
    ToolName,
    /// What a tool is said to be for, and the schema of its arguments.
    ToolDescription,
    /// What a tool is called with: JSON, or one string of it.
    ToolArguments,
    /// What a tool answered.
    ToolResult,
}

/// Which half of a call is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// On its way to the vendor.
    Request,
    /// On its way to the client.
    Answer,
}

/// One text of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text as a reader sees it, without the escapes of its format.
    pub text: Cow<'a, str>,
    /// Where it stands.
    pub place: Place,
}

/// What is done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is counted and named; the call goes on as it is.
    Flag,
    /// The passage is replaced.
    Mask,
    /// The call is refused.
    Block,
}

/// A passage that a guardrail finds fault with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Bytes of the piece's text, on the borders of characters. Faults of the whole text have all of it.
    pub range: Range<usize>,
    /// The rule that found it, for people and logs: `email`, `aws_access_key`. Never a word of the text.
    pub rule: Cow<'static, str>,
    /// What is done about it.
    pub action: Action,
    /// What stands there instead when it is masked, such as `<EMAIL_ADDRESS>`.
    pub replacement: Cow<'static, str>,
}

/// A judge that needs nothing but the text: pure, quick, and able to look at a text that is still growing.
pub trait Scanner: Send + Sync + 'static {
    /// Appends what it finds in a text: in order, without overlaps.
    ///
    /// # Behavior
    /// - Never panics, whatever the text is, and takes time linear in its length.
    /// - A passage is judged by itself and at most [`Scanner::reach`] bytes on each side of its beginning, so that a
    ///   growing text may be judged from its front while the last `reach` bytes are held back.
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>);

    /// Whether it looks at texts of a place at all. Others need not be shown to it, nor be held back for it.
    fn looks_at(&self, place: Place) -> bool {
        let _ = place;
        true
    }

    /// The longest passage that it finds, with what it must see around it, in bytes. `usize::MAX`: it judges whole texts
    /// only, so a streamed answer waits for its end.
    fn reach(&self) -> usize;

    /// How much of a text that still grows is judged for good: findings that begin before this byte are what they are
    /// in the whole text. Often far more than all but the last [`Scanner::reach`] bytes, because only a few passages
    /// are long and their beginnings are known. It is a border of characters.
    ///
    /// # Behavior
    /// - A text that grows has at least as much that is judged for good.
    /// - What stands before may be let go of except for [`Scanner::reach`] bytes, which are still looked back at.
    fn settled(&self, text: &str) -> usize {
        text.floor_char_boundary(text.len().saturating_sub(self.reach()))
    }
}

/// What a judge elsewhere is shown.
#[derive(Clone, Copy, Debug)]
pub struct Inspection<'a> {
    /// Which half of the call.
    pub side: Side,
    /// Its texts, in order.
    pub pieces: &'a [Piece<'a>],
    /// The id of the call.
    pub call_id: &'a str,
    /// The model asked for.
    pub model: &'a str,
    /// Who asks, by names that may leave the gateway (aliases and ids, never keys).
    pub asker: &'a Asker,
}

/// Who asks, as judges elsewhere are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// The key's hash.
    pub key_hash: Option<String>,
    /// The key's alias.
    pub key_alias: Option<String>,
    /// The user.
    pub user_id: Option<String>,
    /// The team.
    pub team_id: Option<String>,
    /// The customer at the other end.
    pub end_user_id: Option<String>,
}

/// A finding of a judge elsewhere, in one of the pieces that it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the piece.
    pub piece: usize,
    /// What was found in it.
    pub finding: Finding,
}

/// A judge that must be asked: a service, a model, a program.
pub trait Inspector: Send + Sync + 'static {
    /// What it finds.
    ///
    /// # Errors
    /// When it could not be asked or did not answer in its time. What happens to the call then (open or closed) is the
    /// configuration's business, not the judge's.
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>>;
}

/// A judge of either kind.
#[derive(Clone)]
pub enum Judge {
    /// Needs nothing but the text.
    Scanner(Arc<dyn Scanner>),
    /// Must be asked.
    Inspector(Arc<dyn Inspector>),
}
