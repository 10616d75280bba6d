//! Requests: a client's to the canonical form, a canonical one to a vendor, and bodies that pass as they are.

mod blocks;
pub(crate) mod content;
mod decode;
mod encode;
mod forward;
mod messages;
mod thinking;
mod tools;

pub(crate) use decode::decode;
pub(crate) use encode::{encode, wire_request};
pub(crate) use forward::{add, forward};
pub(crate) use messages::{call_for_client, call_json};
