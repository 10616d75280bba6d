//! Support for tests of the workspace; nothing of it is in a released program.
//!
//! - [`fake`]: a client dialect and a provider without a wire.
//! - [`postgres`], [`redis`]: servers of a test's own.
//! - [`mod@recordings`]: recorded vendor traffic, read where it lies beside the project.
//! - [`replay`]: bodies of streams played to a decoder or a tap, cut anywhere.
//! - [`scripted`]: a vendor on this machine that answers what a test tells it.

pub mod answers;
pub mod fake;
#[cfg(unix)]
pub mod postgres;
pub mod recordings;
pub mod redis;
pub mod replay;
pub mod scripted;

pub use recordings::{Recording, recordings};
