//! Hugging Face: its router, which speaks OpenAI's chat completions under names of its own ([`RouterChat`]), and text
//! generation, the older interface of its models and servers ([`TextGeneration`]). Both make vectors by the feature
//! extraction of the same interface.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_huggingface::TextGeneration;
//!
//! let request =
//!     ChatRequest { messages: vec![Message::text(Role::User, "Once upon a time")], ..ChatRequest::default() };
//! let target = Target { model: "acme/storyteller".into(), ..Target::default() };
//! let encoded = TextGeneration.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/hf-inference/models/acme/storyteller");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `models`: what the names of models mean: a provider behind the router, a path, or a server of one's own.
//! - `prompt`: a conversation as one text.
//! - `request`, `response`, `stream`: text generation.
//! - `features`: vectors.
//!
//! Nothing here does I/O, and credentials are the provider's business.

mod chat;
mod error;
mod features;
mod models;
mod prompt;
mod request;
mod response;
mod stream;
mod text;

use llm_core::DialectId;

pub use chat::{ROUTER, RouterChat};
pub use text::TextGeneration;

/// The name of the format of text generation.
pub const TEXT: DialectId = DialectId::new("huggingface.text");

/// The name of the format of feature extraction.
pub const FEATURES: DialectId = DialectId::new("huggingface.features");
