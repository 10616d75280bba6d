//! Model endpoints of AWS SageMaker: [`Endpoint`] calls one (`InvokeEndpoint`, `InvokeEndpointWithResponseStream`) around
//! the wire format that its container speaks. After
//! <https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html>.
//!
//! ```
//! use std::sync::Arc;
//!
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_sagemaker::{Endpoint, TextGeneration};
//!
//! let dialect = Endpoint::new(Arc::new(TextGeneration));
//! let request =
//!     ChatRequest { messages: vec![Message::text(Role::User, "Hello")], ..ChatRequest::default() };
//! let target = Target { model: "my-endpoint".into(), ..Target::default() };
//! assert_eq!(dialect.encode(&request, &target)?.request.path, "/endpoints/my-endpoint/invocations");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! - `endpoint`: paths, errors, and the inner format in between.
//! - `stream`: the inner format's stream, taken out of the messages that carry it.
//! - `text_generation`: the format of containers that complete a text.
//!
//! Nothing here does I/O. Signatures and credentials are the provider's business.

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
