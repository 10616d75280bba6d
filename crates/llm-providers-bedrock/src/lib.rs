//! The Converse wire format of AWS Bedrock in both directions: [`Converse`] speaks it to the vendor, [`ConverseIngress`]
//! to clients. After <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_bedrock::{Converse, ConverseQuirks};
//!
//! let dialect = Converse::new(ConverseQuirks::default());
//! let request = ChatRequest {
//!     messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hello")],
//!     ..ChatRequest::default()
//! };
//! let target = Target { model: "amazon.nova-lite-v1:0".into(), ..Target::default() };
//! let encoded = dialect.encode(&request, &target)?;
//! assert_eq!(encoded.request.path, "/model/amazon.nova-lite-v1%3A0/converse");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `request`: canonical requests to bodies and back, and edits of bodies that pass as they are.
//! - `response`, `stream`: whole answers and streams, both ways.
//! - `blocks`: content blocks, shared by requests and answers.
//! - `models`, `model_id`: what families of models take, and how they are named.
//! - `embeddings`, `images`: vectors and pictures by `InvokeModel` (`invoke`), where each maker has a format of its own.
//! - `error`: what vendors' errors mean, and ours in this format's words.
//!
//! Nothing here does I/O. Signatures and credentials are the provider's business.

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
