//! Every vendor behind one door: the vendors table, and the providers that it describes.
//!
//! - [`vendor`], [`registry`]: the rows of `vendors.toml` and of a user's configuration.
//! - [`base_url`]: base URLs however a user writes them.

pub mod base_url;
pub mod registry;
pub mod vendor;

pub use registry::Registry;
pub use vendor::{Auth, Status, Vendor};
