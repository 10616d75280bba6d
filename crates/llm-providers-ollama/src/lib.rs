#![doc = include_str!("../README.md")]

mod body;
mod chat;
mod embed;
mod error;
mod ids;
mod ingress;
mod models;
mod options;
mod quirks;
mod request;
mod response;
mod stream;
mod time;

use llm_core::DialectId;

pub use chat::Chat;
pub use embed::{Embed, EmbedIngress, EmbeddingsIngress};
pub use ingress::{ChatIngress, GenerateIngress};
pub use quirks::ChatQuirks;

/// The name of the format of conversations.
pub const CHAT: DialectId = DialectId::new("ollama.chat");

/// The name of the format of single prompts.
pub const GENERATE: DialectId = DialectId::new("ollama.generate");

/// The name of the format of vectors.
pub const EMBED: DialectId = DialectId::new("ollama.embed");

/// The name of the older format of vectors.
pub const EMBEDDINGS: DialectId = DialectId::new("ollama.embeddings");
