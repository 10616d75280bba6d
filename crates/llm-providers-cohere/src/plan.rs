//! What a model says before it calls tools (`tool_plan`): thinking, with a mark that leads it back to its own field.
//!
//! The format has two places for words that are no answer: `thinking` blocks and the message's `tool_plan`. Both are
//! [`Reasoning`] in the canonical form, so that a plan is never mistaken for the answer. A plan carries a mark as
//! its opaque state: a client of any dialect sends it back with the thinking (sealed, where it is a foreign one), and
//! it becomes `tool_plan` again, word for word.

use llm_core::Part;
use llm_core::message::{Opaque, OpaqueKind, Reasoning};

use crate::CHAT;

const MARK: &str = "tool_plan";

/// The mark of a plan.
pub(crate) fn mark() -> Opaque {
    Opaque { origin: CHAT, kind: OpaqueKind::Signature, data: MARK.to_owned() }
}

/// Whether opaque state is the mark of a plan.
pub(crate) fn is_mark(opaque: &Opaque) -> bool {
    opaque.origin == CHAT && opaque.data == MARK
}

/// Whether thinking is a plan.
pub(crate) fn is_plan(reasoning: &Reasoning) -> bool {
    reasoning.opaque.as_ref().is_some_and(is_mark)
}

/// A plan as a part.
pub(crate) fn part(text: String) -> Part {
    Part::Reasoning(Reasoning { text, opaque: Some(mark()), ..Reasoning::default() })
}
