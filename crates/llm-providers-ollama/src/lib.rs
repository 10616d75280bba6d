//! Ollama's native wire format in both directions: [`Chat`] speaks it to servers, [`ChatIngress`] and
//! [`GenerateIngress`] to clients. After <https://docs.ollama.com/api> and its `openapi.yaml`, read November 2026.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_ollama::{Chat, ChatQuirks};
//!
//! let dialect = Chat::new(ChatQuirks::default());
//! let request = ChatRequest { messages: vec![Message::text(Role::User, "Hello")], ..ChatRequest::default() };
//! let target = Target { model: "llama3.2".into(), ..Target::default() };
//! let encoded = dialect.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/api/chat");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `request`: canonical requests to bodies and back, and edits of bodies that pass as they are.
//! - `response`, `stream`: whole answers and streams, both ways.
//! - `embed`: vectors, by `/api/embed` and by the older `/api/embeddings`.
//! - `models`: what clients ask about models.
//! - `error`: what servers' errors mean, and ours in this format's words.
//!
//! What goes where beyond the documented format:
//! - calls of tools have no ids in older versions: they get some of ours, which are never shown to a server;
//! - the state of a call (a thought signature of another vendor) travels in the call's id;
//! - `prompt` with `suffix`, `raw`, `template` or `context` is refused: only the server that holds the model could
//!   do what they ask, and requests are translated on their way there;
//! - durations are the server's; where another vendor answered they are the gateway's, and what it cannot know is left
//!   out.

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
