//! The Gemini API's wire format in both directions: [`Generate`] speaks it to vendors, [`GenerateIngress`] to clients.
//! After <https://ai.google.dev/api/generate-content> and <https://ai.google.dev/api/embeddings>.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_gemini::{Generate, GenerateQuirks};
//!
//! let dialect = Generate::new(GenerateQuirks::default());
//! let request = ChatRequest {
//!     messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hello")],
//!     ..ChatRequest::default()
//! };
//! let target = Target { model: "gemini-2.5-flash".into(), stream: true, ..Target::default() };
//! let encoded = dialect.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `request`: canonical requests to bodies and back, and edits of bodies that pass as they are.
//! - `response`, `stream`: whole answers and streams, both ways.
//! - `parts`: the parts of contents, shared by requests and answers.
//! - `embed`: embeddings, both ways. `images`, `speech`: pictures and texts read aloud, towards vendors.
//! - `error`: what vendors' errors mean, and ours in this format's words.
//!
//! Nothing here does I/O, and credentials are the provider's business.

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
