#![doc = include_str!("../README.md")]

mod blocks;
mod error;
mod finish;
mod ids;
mod ingress;
mod listing;
mod messages;
mod models;
mod quirks;
mod request;
mod response;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use ingress::MessagesIngress;
pub use messages::Messages;
pub use quirks::{MessagesQuirks, ModelPath, ThinkingForm};

/// The name of this format.
pub const MESSAGES: DialectId = DialectId::new("anthropic.messages");
