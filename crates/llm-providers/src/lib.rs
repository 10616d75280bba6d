//! Every vendor behind one door: the vendors table, and the providers that it describes.
//!
//! - [`vendor`], [`registry`]: the rows of `vendors.toml` and of a user's configuration.
//! - [`base_url`]: base URLs however a user writes them.
//! - [`files`]: files that credentials are read from whenever they are needed.
//! - [`programs`]: programs that write credentials.
//! - [`providers`]: a deployment's settings become a provider that can be called.
//! - [`mock`]: the built-in vendor that needs no key and no network.
//! - [`recordings`]: vendor traffic kept, and told again.
//!
//! A vendor that speaks a known dialect is a row of the table; a new dialect is a crate and a line in `dialects`.
//! What is not here: which deployment is asked, and what happens when it fails. That is the router's.
//!
//! ```
//! # #[cfg(feature = "openai")]
//! # fn main() -> llm_core::Result<()> {
//! use llm_core::Secret;
//! use llm_providers::{DeploymentSpec, Providers};
//!
//! let providers = Providers::default();
//! let (vendor, model) = providers.registry().split("deepseek/deepseek-chat").expect("a row of the table");
//! assert_eq!(model, "deepseek-chat");
//! let provider = providers.build(&DeploymentSpec {
//!     vendor: vendor.name.clone(),
//!     api_key: Some(Secret::new("sk-123".to_owned())),
//!     ..DeploymentSpec::default()
//! })?;
//! assert_eq!(provider.dialect().name(), "openai.chat");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "openai"))]
//! # fn main() {}
//! ```

pub mod base_url;
mod cache_points;
mod credentials;
mod dialects;
pub mod files;
mod headers;
mod http_provider;
#[cfg(feature = "mock")]
pub mod mock;
pub mod parameters;
pub mod programs;
pub mod providers;
pub mod recordings;
pub mod registry;
pub mod vendor;

pub use cache_points::{CachePoint, PointRole};
pub use credentials::aws_signer;
pub use dialects::{CHAT_DEFAULTS, aws_region_of, chat_defaults, dialects, ingresses};
pub use files::Files;
pub use http_provider::media::MediaSettings;
pub use parameters::Parameters;
pub use programs::Programs;
pub use providers::{DeploymentSpec, MockSettings, Providers};
pub use recordings::{Mode, Recordings, Shelf, Unwritten};
pub use registry::Registry;
pub use vendor::{Auth, Status, Vendor};
