#![doc = include_str!("../README.md")]

mod endpoint;
mod error;
mod stream;
mod text_generation;

use llm_core::DialectId;

pub use endpoint::{Endpoint, EndpointQuirks};
pub use text_generation::TextGeneration;

/// The name of this format.
pub const INVOKE: DialectId = DialectId::new("sagemaker.invoke");

/// The name of the format of containers that complete a text.
pub const TEXT_GENERATION: DialectId = DialectId::new("sagemaker.tgi");
