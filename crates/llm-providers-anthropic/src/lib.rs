//! The Anthropic Messages wire format in both directions: [`Messages`] speaks it to vendors, [`MessagesIngress`]
//! to clients. After <https://platform.claude.com/docs/en/api/messages>.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_anthropic::{Messages, MessagesQuirks};
//!
//! let dialect = Messages::new(MessagesQuirks::default());
//! let request = ChatRequest {
//!     messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hello")],
//!     ..ChatRequest::default()
//! };
//! let target = Target { model: "claude-haiku-4-5".into(), ..Target::default() };
//! let encoded = dialect.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/messages");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `request`: canonical requests to bodies and back, and edits of bodies that pass as they are.
//! - `response`, `stream`: whole answers and streams, both ways.
//! - `blocks`: content blocks, shared by requests and answers.
//! - `error`: what vendors' errors mean, and ours in this format's words.
//!
//! Nothing here does I/O, and credentials are the provider's business.

mod blocks;
mod error;
mod finish;
mod ids;
mod ingress;
mod listing;
mod messages;
mod models;
mod quirks;
mod request;
mod response;
mod stream;
mod usage;
mod wire;

use llm_core::DialectId;

pub use ingress::MessagesIngress;
pub use messages::Messages;
pub use quirks::{MessagesQuirks, ModelPath, ThinkingForm};

/// The name of this format.
pub const MESSAGES: DialectId = DialectId::new("anthropic.messages");
