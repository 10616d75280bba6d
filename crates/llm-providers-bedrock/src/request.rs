//! Requests: the canonical form to a vendor's body, a client's body to the canonical form, and the edits of bodies
//! that pass as they are.

mod additional;
mod decode;
mod encode;
mod format;
mod forward;
mod thinking;
mod tools;
mod turns;

pub(crate) use decode::{decode, inference};
pub(crate) use encode::encode;
pub(crate) use format::ANSWER_TOOL;
pub(crate) use forward::forward;
