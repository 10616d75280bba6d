//! Azure OpenAI (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>): the formats of OpenAI at addresses
//! and with refusals of Azure's own.
//!
//! - [`Azure`]: one of those formats, moved to Azure's paths. It keeps the format's id, so that the bytes of OpenAI's
//!   clients go through as they are.
//! - [`place`]: addresses however a user writes them, and which of the service's surfaces they mean.
//!
//! ```
//! use llm_core::{ChatRequest, Dialect, Message, Role, Target};
//! use llm_providers_azure::{Azure, place};
//! use llm_providers_openai::{ChatCompletions, Quirks};
//!
//! let place = place::chat("acme.openai.azure.com", "", Some("api-version=2024-10-21"));
//! assert_eq!(place.path, "/openai");
//! let dialect = Azure::new(ChatCompletions::new(Quirks::default()), "https://acme.openai.azure.com/openai");
//! let request = ChatRequest { messages: vec![Message::text(Role::User, "hi")], ..ChatRequest::default() };
//! let target = Target { model: "my-gpt".to_owned(), ..Target::default() };
//! assert_eq!(dialect.encode(&request, &target)?.request.path, "/deployments/my-gpt/chat/completions");
//! # Ok::<(), llm_core::Error>(())
//! ```
//!
//! It opens no connection and holds no credential: a provider does that.

mod dialect;
mod error;
mod exchange;
mod passage;
pub mod place;
mod surface;

pub use dialect::Azure;
pub use surface::Surface;
