#![doc = include_str!("../README.md")]

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
