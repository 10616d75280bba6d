#![doc = include_str!("../README.md")]

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
