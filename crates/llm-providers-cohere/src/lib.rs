#![doc = include_str!("../README.md")]

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
