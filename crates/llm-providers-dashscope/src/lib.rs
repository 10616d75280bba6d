#![doc = include_str!("../README.md")]

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
