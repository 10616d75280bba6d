//! Every vendor behind one door: the vendors table, and the providers that it describes.
//!
//! - [`vendor`], [`registry`]: the rows of `vendors.toml` and of a user's configuration.
//! - [`base_url`]: base URLs however a user writes them.
//! - [`providers`]: a deployment's settings become a provider that can be called.
//! - [`mock`]: the built-in vendor that needs no key and no network.
//!
//! A vendor that speaks a known dialect is a row of the table; a new dialect is a crate and a line in `dialects`.

pub mod base_url;
mod dialects;
mod headers;
mod http_provider;
#[cfg(feature = "mock")]
pub mod mock;
pub mod providers;
pub mod registry;
pub mod vendor;

pub use dialects::ingresses;
pub use providers::{DeploymentSpec, Providers};
pub use registry::Registry;
pub use vendor::{Auth, Status, Vendor};
