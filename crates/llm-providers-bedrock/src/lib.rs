#![doc = include_str!("../README.md")]

mod blocks;
mod converse;
mod embeddings;
mod error;
mod finish;
mod formats;
mod ids;
mod images;
mod ingress;
mod invoke;
mod model_id;
mod models;
mod quirks;
mod request;
mod response;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use converse::Converse;
pub use ingress::ConverseIngress;
pub use model_id::region_of;
pub use quirks::ConverseQuirks;

/// The name of this format.
pub const CONVERSE: DialectId = DialectId::new("bedrock.converse");
