//! Requests: the canonical form to a vendor's body, a client's body to the canonical form, and the edits of
//! bodies that pass as they are.

mod decode;
mod encode;
mod format;
mod forward;
mod schema;
mod thinking;
mod tools;
mod turns;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use forward::{count, forward};
