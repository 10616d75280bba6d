//! The OpenAI wire formats in both directions, base of every compatible vendor.
//!
//! - [`ChatCompletions`] and [`ChatIngress`]: chat completions, towards vendors and towards clients.
//! - [`Completions`] and [`CompletionsIngress`]: the older text completions, likewise.
//! - [`Responses`] and [`ResponsesIngress`]: the Responses format, likewise.
//! - [`REALTIME`]: conversations over a WebSocket.
//! - [`Embeddings`] and [`EmbeddingsIngress`]: embeddings, likewise; the chat dialect brings them along.
//! - [`Api`]: pictures, sound and moderation, which go through as they are.
//! - [`Quirks`], [`CompletionsQuirks`], [`ResponsesQuirks`]: how a vendor's wire differs, as named behaviours.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_openai::{ChatCompletions, Quirks};
//!
//! let dialect = ChatCompletions::new(Quirks::default());
//! let request = ChatRequest { messages: vec![Message::text(Role::User, "hi")], ..ChatRequest::default() };
//! let target = Target { model: "gpt-x".to_owned(), ..Target::default() };
//! let body = dialect.encode(&request, &target)?.request.body.joined();
//! assert_eq!(body, r#"{"model":"gpt-x","messages":[{"role":"user","content":"hi"}]}"#);
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! It opens no connection and knows no address: a provider does that.

mod chat;
mod completions;
mod cost;
mod embeddings;
mod endpoints;
mod error;
mod images;
mod passage;
mod quirks;
mod realtime;
pub mod responses;
mod speech;

pub use chat::{CHAT, ChatCompletions, ChatIngress};
pub use completions::{COMPLETIONS, Completions, CompletionsIngress, CompletionsQuirks};
pub use embeddings::{EMBEDDINGS, EmbeddingPurposes, EmbeddingQuirks, Embeddings, EmbeddingsIngress};
pub use images::ImagesIngress;
pub use passage::{API, Api};
pub use quirks::{
    EmptyContent, JsonSchemaSupport, OutputCap, PartName, Quirks, ReasoningHistory, RequiredChoice,
    StreamOptions, SystemRole, ThinkingSwitch, ToolCallIds,
};
pub use realtime::REALTIME;
pub use responses::{RESPONSES, Responses, ResponsesIngress, ResponsesQuirks};
pub use speech::SpeechIngress;
