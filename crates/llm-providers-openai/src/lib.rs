//! The OpenAI wire formats in both directions, base of every compatible vendor: chat completions, and the
//! Responses API.

mod error;
pub mod responses;

pub use responses::{RESPONSES, Responses, ResponsesIngress, ResponsesQuirks};
