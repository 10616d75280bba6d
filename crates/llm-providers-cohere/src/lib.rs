//! Cohere's chat, embed and rerank formats (API version 2) in both directions: [`Chat`] speaks them to vendors,
//! [`CohereIngress`] to clients. After <https://docs.cohere.com/reference/chat>, `…/embed` and `…/rerank`.
//! [`Retrieval`] speaks to vendors that have only embeddings and reranking, in the formats that are its kin.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_cohere::Chat;
//!
//! let request = ChatRequest {
//!     messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hello")],
//!     ..ChatRequest::default()
//! };
//! let target = Target { model: "command-a-03-2025".into(), ..Target::default() };
//! let encoded = Chat::default().encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/chat");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `request`: canonical requests to bodies and back, and edits of bodies that pass as they are.
//! - `response`, `stream`: whole answers and streams, both ways.
//! - `documents`, `citations`: what the model may cite, and what it did cite.
//! - `plan`: what a model says before it calls tools (`tool_plan`), which is thinking that must come back as it was.
//! - `embed`, `rerank`: the calls without a stream.
//! - `error`: what vendors' errors mean, and ours in this format's words.
//!
//! Nothing here does I/O, and credentials are the provider's business.

mod chat;
mod citations;
mod documents;
mod embed;
mod error;
mod finish;
mod ingress;
mod listing;
mod logprobs;
mod plan;
mod request;
mod rerank;
mod response;
mod retrieval;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use chat::{Chat, ChatQuirks};
pub use ingress::{CohereIngress, CohereV1Ingress};
pub use retrieval::{Retrieval, RetrievalFormat};

/// The name of the chat format.
pub const CHAT: DialectId = DialectId::new("cohere.chat");

/// The name of the format of embeddings.
pub const EMBED: DialectId = DialectId::new("cohere.embed");

/// The name of the format of reranking.
pub const RERANK: DialectId = DialectId::new("cohere.rerank");
