#![doc = include_str!("../README.md")]

mod citations;
mod count;
mod embed;
mod error;
mod finish;
mod generate;
mod ids;
mod images;
mod ingress;
mod listing;
mod logprobs;
mod media;
mod models;
mod parts;
mod quirks;
mod request;
mod response;
mod schema;
mod signature;
mod speech;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use generate::Generate;
pub use ingress::GenerateIngress;
pub use quirks::{EmbeddingForm, GenerateQuirks};

/// The name of this format.
pub const GENERATE: DialectId = DialectId::new("gemini.generate");

/// The name of the format when a stream is one JSON array, which clients get that do not ask for `alt=sse`.
/// Vendors are always asked for server-sent events.
pub const GENERATE_ARRAY: DialectId = DialectId::new("gemini.generate.array");
