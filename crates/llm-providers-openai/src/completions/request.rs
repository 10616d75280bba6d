//! Requests: a client's body to the canonical form, the canonical form to a vendor's body, and edits of bodies that
//! pass as they are.

mod decode;
mod encode;
mod forward;

pub(super) use decode::decode;
pub(super) use encode::encode;
pub(super) use forward::forward;
