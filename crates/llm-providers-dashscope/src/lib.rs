//! The wire format of Alibaba DashScope's own API: [`Generation`] speaks it to vendors. After
//! <https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope> (read 2026-11-21).
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_dashscope::{Generation, GenerationQuirks};
//!
//! let dialect = Generation::new(GenerationQuirks::default());
//! let request = ChatRequest { messages: vec![Message::text(Role::User, "Hello")], ..ChatRequest::default() };
//! let target = Target { model: "qwen-plus".into(), ..Target::default() };
//! let encoded = dialect.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/services/aigc/text-generation/generation");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `endpoint`: which of the two generation services a request goes to.
//! - `request`: canonical requests to bodies.
//! - `response`, `stream`: whole answers and streams, whether they tell each step or repeat all that was said.
//! - `embeddings`, `rerank`, `images`, `speech`: the other kinds of calls.
//! - `error`: what the vendor's errors mean.
//!
//! No client speaks this format to a gateway, so there is no client side. Nothing here does I/O, and credentials are
//! the provider's business.

mod embeddings;
mod endpoint;
mod error;
mod finish;
mod generation;
mod images;
mod message;
mod quirks;
mod request;
mod rerank;
mod response;
mod speech;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use generation::Generation;
pub use quirks::GenerationQuirks;

/// The name of this format.
pub const GENERATION: DialectId = DialectId::new("dashscope.generation");

/// The name of its embeddings.
pub const EMBEDDINGS: DialectId = DialectId::new("dashscope.embeddings");

/// The name of its reranking.
pub const RERANK: DialectId = DialectId::new("dashscope.rerank");
