//! Every vendor behind one door: the vendors table, and the providers that it describes.
//!
//! - [`vendor`], [`registry`]: the rows of `vendors.toml` and of a user's configuration.
//! - [`base_url`]: base URLs however a user writes them.
//! - [`mock`]: the built-in vendor that needs no key and no network.

pub mod base_url;
#[cfg(feature = "mock")]
pub mod mock;
pub mod registry;
pub mod vendor;

pub use registry::Registry;
pub use vendor::{Auth, Status, Vendor};
